//! The bytes of a delimited file on their way to the parser: drops a byte order mark, hashes what passes, and notices what the parser
//! would let through: NUL bytes, and a quoted cell that is never closed.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

const BYTE_ORDER_MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// Where in a cell the last byte left off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    CellStart,
    Unquoted,
    Quoted,
    /// After a quote in a quoted cell: the cell's end, or the first half of a doubled quote.
    AfterQuote,
}

/// A reader that watches what it reads.
pub(crate) struct Source<R> {
    inner: R,
    hash: Sha256,
    bytes: u64,
    line: u64,
    place: Place,
    quote_line: u64,
    nul_line: Option<u64>,
    /// Bytes that were read to look for a byte order mark and wait to be passed on.
    pending: Vec<u8>,
    started: bool,
}

/// What was seen once everything is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Bytes of the file, the byte order mark included.
    pub bytes: u64,
    /// SHA-256 of the same, in hex.
    pub sha256: String,
    /// The line of the first NUL byte.
    pub nul_line: Option<u64>,
    /// The line in which a quoted cell begins that does not end.
    pub open_quote_line: Option<u64>,
}

impl<R: Read> Source<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            bytes: 0,
            line: 1,
            place: Place::CellStart,
            quote_line: 0,
            nul_line: None,
            pending: Vec::new(),
            started: false,
        }
    }

    /// What was seen so far.
    pub(crate) fn seen(&self) -> Seen {
        Seen {
            bytes: self.bytes,
            sha256: self.hash.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect(),
            nul_line: self.nul_line,
            open_quote_line: (self.place == Place::Quoted).then_some(self.quote_line),
        }
    }

    /// Reads the first bytes and keeps those that are no byte order mark.
    fn start(&mut self) -> io::Result<()> {
        self.started = true;
        let mut first = Vec::with_capacity(BYTE_ORDER_MARK.len());
        (&mut self.inner).take(BYTE_ORDER_MARK.len() as u64).read_to_end(&mut first)?;
        self.hash.update(&first);
        self.bytes += first.len() as u64;
        if first != BYTE_ORDER_MARK {
            first.iter().for_each(|&byte| self.watch(byte));
            self.pending = first;
        }
        Ok(())
    }

    fn watch(&mut self, byte: u8) {
        match byte {
            b'\n' => self.line += 1,
            0 if self.nul_line.is_none() => self.nul_line = Some(self.line),
            _ => {}
        }
        self.place = match (self.place, byte) {
            (Place::Quoted, b'"') => Place::AfterQuote,
            (Place::CellStart, b'"') => {
                self.quote_line = self.line;
                Place::Quoted
            }
            (Place::Quoted, _) | (Place::AfterQuote, b'"') => Place::Quoted,
            (_, b',' | b'\n' | b'\r') => Place::CellStart,
            _ => Place::Unquoted,
        };
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.started {
            self.start()?;
        }
        if !self.pending.is_empty() {
            let count = self.pending.as_slice().read(buffer)?;
            self.pending.drain(..count);
            return Ok(count);
        }
        let count = self.inner.read(buffer)?;
        let fresh = buffer.get(..count).unwrap_or_default();
        self.hash.update(fresh);
        self.bytes += count as u64;
        fresh.iter().for_each(|&byte| self.watch(byte));
        Ok(count)
    }
}
