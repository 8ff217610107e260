//! A file's bytes as UTF-8 text, whatever it is compressed with and encoded in, hashed on the way.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    sync::{Arc, Mutex, PoisonError},
};

use domain::limits::{MAX_DECOMPRESSION_RATIO, MAX_TABLE_BYTES};
use encoding_rs::{Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::{Input, TableError, input::Arriving, pieces::read_full};

/// Bytes that a file's kind is told from.
const MAGIC_BYTES: usize = 4_096;
/// Text that a dialect is told from.
const SAMPLE_BYTES: usize = 1 << 20;
const BUFFER_BYTES: usize = 1 << 18;
/// Decompressed bytes below which no ratio is asked for.
const RATIO_FREE_BYTES: u64 = 256 << 20;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Delimited text or JSON lines.
    Text,
    /// A Parquet file.
    Parquet,
}

/// How text is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Storage {
    pub(crate) compression: Option<&'static str>,
    pub(crate) encoding: &'static Encoding,
}

/// Text on its way in.
pub(crate) struct Text {
    /// What follows the beginning.
    pub(crate) source: Box<dyn Read + Send>,
    /// The text's first megabyte.
    pub(crate) beginning: Vec<u8>,
    /// How it is stored.
    pub(crate) storage: Storage,
    /// What was read of the file itself.
    pub(crate) fingerprint: Fingerprint,
}

/// What the file holds, by its first bytes. Known kinds that hold no table are refused by name.
pub(crate) fn content_of(input: &Input) -> Result<Content, TableError> {
    let mut file = input.open()?;
    let magic = read_full(&mut file, MAGIC_BYTES).map_err(TableError::Source)?;
    match magic.as_slice() {
        [b'P', b'A', b'R', b'1', ..] => Ok(Content::Parquet),
        [b'P', b'K', 3, 4, ..] => Err(TableError::Unsupported("an Excel workbook or a zip archive")),
        [0xD0, 0xCF, 0x11, 0xE0, ..] => Err(TableError::Unsupported("an older Excel workbook")),
        [b'%', b'P', b'D', b'F', ..] => Err(TableError::Unsupported("a PDF document")),
        [b'B', b'Z', b'h', ..] => Err(TableError::Unsupported("compressed with bzip2")),
        [0xFD, b'7', b'z', b'X', b'Z', ..] => Err(TableError::Unsupported("compressed with xz")),
        _ => Ok(Content::Text),
    }
}

impl Text {
    /// Opens a file of text. `encoding` says what its bytes are where they have turned out to be something else than they seemed.
    pub(crate) fn open(input: &Input, encoding: Option<&'static Encoding>) -> Result<Self, TableError> {
        let fingerprint = Fingerprint::default();
        let (file, size) = (input.open()?, input.size());
        let mut raw: Box<dyn Read + Send> =
            Box::new(BufReader::with_capacity(BUFFER_BYTES, Hashed { inner: file, fingerprint: fingerprint.clone() }));
        let magic = read_full(&mut raw, MAGIC_BYTES).map_err(TableError::Source)?;
        let compression = match magic.as_slice() {
            [0x1F, 0x8B, ..] => Some("gzip"),
            [0x28, 0xB5, 0x2F, 0xFD, ..] => Some("zstd"),
            _ => None,
        };
        let whole = io::Cursor::new(magic).chain(raw);
        let mut plain: Box<dyn Read + Send> = match compression {
            Some("gzip") => Box::new(Limited::new(flate2::read::MultiGzDecoder::new(whole), size)),
            Some(_) => Box::new(Limited::new(zstd::stream::read::Decoder::new(whole).map_err(TableError::Source)?, size)),
            None => Box::new(whole),
        };
        let start = read_full(&mut plain, MAGIC_BYTES).map_err(TableError::Source)?;
        let encoding = encoding.unwrap_or_else(|| encoding_of(&start));
        let marked = Encoding::for_bom(&start).map_or(0, |(_, length)| length);
        let start = start.get(marked..).unwrap_or_default().to_vec();
        let bytes = io::Cursor::new(start).chain(plain);
        let mut source: Box<dyn Read + Send> =
            if encoding == UTF_8 { Box::new(bytes) } else { Box::new(Decoded::new(bytes, encoding.new_decoder_without_bom_handling())) };
        let beginning = read_full(&mut source, SAMPLE_BYTES).map_err(TableError::Source)?;
        Ok(Self { source, beginning, storage: Storage { compression, encoding }, fingerprint })
    }
}

/// What was read of a file, hashed.
#[derive(Clone, Default)]
pub(crate) struct Fingerprint(Arc<Mutex<blake3::Hasher>>);

impl Fingerprint {
    /// Bytes of a file, and what identifies them.
    pub(crate) fn of(file: File) -> Result<(u64, String), TableError> {
        let fingerprint = Self::default();
        fingerprint.0.lock().unwrap_or_else(PoisonError::into_inner).update_reader(file).map_err(TableError::Source)?;
        Ok(fingerprint.take())
    }

    /// Bytes of what was read so far, and what identifies them.
    pub(crate) fn take(&self) -> (u64, String) {
        let hash = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (hash.count(), format!("blake3:{}", hash.finalize().to_hex()))
    }
}

/// By its mark; without one, text with a NUL in every other byte is UTF-16, and other text UTF-8 until it turns out not to be.
fn encoding_of(start: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(start) {
        return encoding;
    }
    let nuls = |parity: usize| start.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd, half) = (nuls(0), nuls(1), start.len() / 2);
    match (even * 10, odd * 10) {
        (0, odd) if half > 1 && odd >= 4 * half => UTF_16LE,
        (even, 0) if half > 1 && even >= 4 * half => UTF_16BE,
        _ => UTF_8,
    }
}

/// The encoding to try when text is not UTF-8.
pub(crate) const SINGLE_BYTE: &Encoding = WINDOWS_1252;

struct Hashed {
    inner: Arriving,
    fingerprint: Fingerprint,
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let mut hash = self.fingerprint.0.lock().unwrap_or_else(PoisonError::into_inner);
        hash.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

/// Ends with an error when it gives far more than it was given.
struct Limited<R> {
    inner: R,
    given: u64,
    most: u64,
}

impl<R> Limited<R> {
    fn new(inner: R, compressed: u64) -> Self {
        let most = compressed.saturating_mul(MAX_DECOMPRESSION_RATIO).clamp(RATIO_FREE_BYTES, MAX_TABLE_BYTES);
        Self { inner, given: 0, most }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.given += count as u64;
        if self.given > self.most {
            return Err(io::Error::other(format!("it is more than {} bytes once it is decompressed", self.most)));
        }
        Ok(count)
    }
}

/// Text of another encoding as UTF-8.
struct Decoded<R> {
    inner: R,
    decoder: Decoder,
    /// Decoded and not yet read.
    text: Vec<u8>,
    used: usize,
    ended: bool,
}

impl<R> Decoded<R> {
    fn new(inner: R, decoder: Decoder) -> Self {
        Self { inner, decoder, text: Vec::new(), used: 0, ended: false }
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.used == self.text.len() && !self.ended {
            let bytes = read_full(&mut self.inner, BUFFER_BYTES)?;
            self.ended = bytes.len() < BUFFER_BYTES;
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn text(bytes: &[u8], encoding: Option<&'static Encoding>) -> (String, Storage) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let Text { mut source, mut beginning, storage, .. } = Text::open(&Input::whole(file.path()).unwrap(), encoding).unwrap();
        source.read_to_end(&mut beginning).unwrap();
        (String::from_utf8(beginning).unwrap(), storage)
    }

    fn utf16(text: &str, little: bool) -> Vec<u8> {
        text.encode_utf16().flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
    }

    #[test]
    fn text_is_found_in_every_encoding() {
        let long = format!("a,b\n{}", "é,東京\n".repeat(100_000));
        for (bytes, encoding) in [
            (long.clone().into_bytes(), UTF_8),
            ([b"\xEF\xBB\xBF", long.as_bytes()].concat(), UTF_8),
            ([vec![0xFF, 0xFE], utf16(&long, true)].concat(), UTF_16LE),
            ([vec![0xFE, 0xFF], utf16(&long, false)].concat(), UTF_16BE),
        ] {
            let (read, storage) = text(&bytes, None);
            assert!(read == long, "{encoding:?}");
            assert_eq!(storage, Storage { compression: None, encoding });
        }
        assert_eq!(text(&utf16("a,b\n1,2\n", true), None).1.encoding, UTF_16LE, "without a mark");
        assert_eq!(text(b"caf\xe9,\x80\n", Some(WINDOWS_1252)).0, "café,€\n");
        assert_eq!(text(b"", None).0, "");
    }

    #[test]
    fn compressed_text_is_found_by_its_first_bytes() {
        let plain = "a,b\n1,2\n".repeat(10_000);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(plain.as_bytes()).unwrap();
        let zstd = zstd::encode_all(plain.as_bytes(), 1).unwrap();
        for (bytes, compression) in [(gzip.finish().unwrap(), "gzip"), (zstd, "zstd")] {
            let (read, storage) = text(&bytes, None);
            assert!(read == plain);
            assert_eq!(storage.compression, Some(compression));
        }
    }

    #[test]
    fn a_bomb_is_stopped() {
        let mut limited = Limited { inner: io::repeat(0), given: 0, most: 1_000 };
        assert!(limited.read_to_end(&mut Vec::new()).unwrap_err().to_string().contains("more than 1000 bytes"));
    }
}
