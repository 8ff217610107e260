//! What a text's bytes mean: found from its mark and its first bytes, and, where it turns out not to be UTF-8, from all of them.

use std::io::{self, Read};

use encoding_rs::{Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::{Input, TableError, opened::Text, pieces::read_full};

const BLOCK_BYTES: usize = 1 << 18;
/// Lines with damaged characters that are named.
const NAMED_LINES: usize = 5;
/// Bytes that are not UTF-8 after which a text with fewer characters that are is another encoding's.
const MANY: u64 = 1_000;
/// How many characters beyond ASCII a text of UTF-8 has for each one that is damaged, at least.
const SOUND: u64 = 2;

/// By its mark; without one, text with NULs that reads well as UTF-16 is that, and other text UTF-8 until it turns out not to be.
pub(crate) fn encoding_of(start: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(start) {
        return encoding;
    }
    // Line ends and delimiters have a NUL in UTF-16, whatever the script is; UTF-8 has none.
    let nuls = |parity: usize| start.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    match (nuls(0), nuls(1)) {
        (even, odd) if odd > even && reads_well(start, UTF_16LE) => UTF_16LE,
        (even, odd) if even > odd && reads_well(start, UTF_16BE) => UTF_16BE,
        _ => UTF_8,
    }
}

/// Whether the text's beginning has whole characters and line ends in UTF-16, and no control characters.
fn reads_well(start: &[u8], encoding: &'static Encoding) -> bool {
    let whole = start.get(..start.len() & !1).unwrap_or_default();
    let reads = |bytes: &[u8]| {
        let (text, damaged) = encoding.decode_without_bom_handling(bytes);
        let is_odd = |character: char| character.is_control() && !character.is_whitespace();
        // Where a NUL has strayed into other text, most bytes that end lines there end none here.
        let (ends, end_bytes) = (text.matches('\n').count(), bytes.iter().filter(|byte| **byte == b'\n').count());
        !damaged && 2 * ends > end_bytes && !text.chars().any(is_odd)
    };
    // The last unit may be the first half of a character.
    reads(whole) || reads(whole.get(..whole.len().saturating_sub(2)).unwrap_or_default())
}

/// What a text is that is not whole UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Survey {
    /// UTF-8 where nearly all characters beyond ASCII are; else the usual encoding of one byte a character.
    pub(crate) encoding: &'static Encoding,
    damaged: u64,
    lines: Vec<u64>,
}

impl Survey {
    /// Looks at the whole text, or at so much that there is no doubt.
    pub(crate) fn of(input: &Input) -> Result<Self, TableError> {
        let Text { mut source, beginning, .. } = Text::open(input, None)?;
        let mut counts = Counts::default();
        let mut block = beginning;
        loop {
            let more = read_full(&mut source, BLOCK_BYTES).map_err(TableError::of_source)?;
            let ended = more.is_empty();
            block.extend(more);
            // A character does not go on beyond an ASCII byte.
            let whole = if ended { block.len() } else { block.iter().rposition(u8::is_ascii).map_or(0, |last| last + 1) };
            counts.see(block.get(..whole).unwrap_or_default());
            block.drain(..whole);
            if ended || (counts.damaged > MANY && counts.damaged > counts.beyond_ascii) {
                break;
            }
        }
        let encoding = if counts.beyond_ascii >= SOUND * counts.damaged { UTF_8 } else { WINDOWS_1252 };
        Ok(Self { encoding, damaged: counts.damaged, lines: counts.lines })
    }

    /// What a person should know.
    pub(crate) fn note(&self) -> Option<String> {
        if self.encoding != UTF_8 {
            return None;
        }
        let lines: Vec<String> = self.lines.iter().map(ToString::to_string).collect();
        let more = if self.damaged > self.lines.len() as u64 { ", …" } else { "" };
        Some(format!(
            "The text is UTF-8 but for {} bytes that are no characters, in line {}{more}: each was replaced by �.",
            self.damaged,
            lines.join(", ")
        ))
    }
}

#[derive(Default)]
struct Counts {
    beyond_ascii: u64,
    damaged: u64,
    /// Line feeds and lone carriage returns so far.
    feeds: u64,
    returns: u64,
    lines: Vec<u64>,
}

impl Counts {
    fn see(&mut self, bytes: &[u8]) {
        for chunk in bytes.utf8_chunks() {
            for byte in chunk.valid().bytes() {
                self.beyond_ascii += u64::from(byte >= 0xC0);
                self.feeds += u64::from(byte == b'\n');
                self.returns += u64::from(byte == b'\r');
            }
            if !chunk.invalid().is_empty() {
                self.damaged += 1;
                let line = 1 + if self.feeds > 0 { self.feeds } else { self.returns };
                if self.lines.len() < NAMED_LINES && self.lines.last() != Some(&line) {
                    self.lines.push(line);
                }
            }
        }
    }
}

/// Text of another encoding as UTF-8, or damaged UTF-8 made whole.
pub(crate) struct Decoded<R> {
    inner: R,
    decoder: Decoder,
    /// Decoded and not yet read.
    text: Vec<u8>,
    used: usize,
    ended: bool,
}

impl<R> Decoded<R> {
    pub(crate) fn new(inner: R, encoding: &'static Encoding) -> Self {
        Self { inner, decoder: encoding.new_decoder_without_bom_handling(), text: Vec::new(), used: 0, ended: false }
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.used == self.text.len() && !self.ended {
            let bytes = read_full(&mut self.inner, BLOCK_BYTES)?;
            self.ended = bytes.len() < BLOCK_BYTES;
            let room = self.decoder.max_utf8_buffer_length(bytes.len()).ok_or_else(|| io::Error::other("the text is too long"))?;
            self.text.resize(room, 0);
            let (_, _, written, _) = self.decoder.decode_to_utf8(&bytes, &mut self.text, self.ended);
            self.text.truncate(written);
            self.used = 0;
        }
        let count = self.text.get(self.used..).unwrap_or_default().read(buffer)?;
        self.used += count;
        Ok(count)
    }
}
