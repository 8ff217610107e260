//! A file's bytes as UTF-8 text, whatever it is compressed with and encoded in, hashed on the way.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    sync::{Arc, Mutex, PoisonError},
};

use domain::limits::{MAX_DECOMPRESSION_RATIO, MAX_TABLE_BYTES, RATIO_FREE_BYTES};
use encoding_rs::{Encoding, UTF_8};

use crate::{
    Input, TableError,
    encoding::{Decoded, encoding_of},
    input::Arriving,
    pieces::read_full,
};

/// Bytes that a file's kind is told from.
const MAGIC_BYTES: usize = 4_096;
/// Text that a dialect is told from.
const SAMPLE_BYTES: usize = 1 << 20;
const BUFFER_BYTES: usize = 1 << 18;

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
    let magic = read_full(&mut file, MAGIC_BYTES).map_err(TableError::of_source)?;
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
        let magic = read_full(&mut raw, MAGIC_BYTES).map_err(TableError::of_source)?;
        let compression = match magic.as_slice() {
            [0x1F, 0x8B, ..] => Some("gzip"),
            [0x28, 0xB5, 0x2F, 0xFD, ..] => Some("zstd"),
            _ => None,
        };
        let whole = io::Cursor::new(magic).chain(raw);
        let mut plain: Box<dyn Read + Send> = match compression {
            Some("gzip") => Box::new(Limited::of_compressed(flate2::read::MultiGzDecoder::new(whole), size)),
            Some(_) => Box::new(Limited::of_compressed(zstd::stream::read::Decoder::new(whole).map_err(TableError::of_source)?, size)),
            None => Box::new(Limited { inner: whole, given: 0, most: MAX_TABLE_BYTES }),
        };
        let start = read_full(&mut plain, MAGIC_BYTES).map_err(TableError::of_source)?;
        let as_it_is = encoding.is_none();
        let encoding = encoding.unwrap_or_else(|| encoding_of(&start));
        let marked = Encoding::for_bom(&start).map_or(0, |(_, length)| length);
        let start = start.get(marked..).unwrap_or_default().to_vec();
        let bytes = io::Cursor::new(start).chain(plain);
        let mut source: Box<dyn Read + Send> =
            if as_it_is && encoding == UTF_8 { Box::new(bytes) } else { Box::new(Decoded::new(bytes, encoding)) };
        let beginning = read_full(&mut source, SAMPLE_BYTES).map_err(TableError::of_source)?;
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
        fingerprint.0.lock().unwrap_or_else(PoisonError::into_inner).update_reader(file).map_err(TableError::of_source)?;
        Ok(fingerprint.take())
    }

    /// Bytes of what was read so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).count()
    }

    /// Bytes of what was read so far, and what identifies them.
    pub(crate) fn take(&self) -> (u64, String) {
        let hash = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (hash.count(), format!("blake3:{}", hash.finalize().to_hex()))
    }
}

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

/// Ends with an error when it gives more than a table may have.
struct Limited<R> {
    inner: R,
    given: u64,
    most: u64,
}

impl<R> Limited<R> {
    fn of_compressed(inner: R, bytes: u64) -> Self {
        let most = bytes.saturating_mul(MAX_DECOMPRESSION_RATIO).clamp(RATIO_FREE_BYTES, MAX_TABLE_BYTES);
        Self { inner, given: 0, most }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.given += count as u64;
        if self.given > self.most {
            return Err(io::Error::other(if self.most == MAX_TABLE_BYTES { TableError::TooLarge } else { TableError::Inflated }));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1252};

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
        for plain in ["a,b\n1,2\n", "имя,город\nАнна,Пермь\n", "名前;都市\n太郎;東京😀\n"] {
            assert_eq!(text(&utf16(plain, true), None).1.encoding, UTF_16LE, "{plain} without a mark");
            assert_eq!(text(&utf16(plain, false), None).1.encoding, UTF_16BE, "{plain} without a mark");
        }
        assert_eq!(text(b"a,b\n1,\0\n", None).1.encoding, UTF_8, "a NUL alone does not make it UTF-16");
        assert_eq!(text(b"caf\xe9,\x80\n", Some(WINDOWS_1252)).0, "café,€\n");
        assert_eq!(text(b"\xc3\xa9\xe9,", Some(UTF_8)).0, "é\u{fffd},");
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
        for (most, limit) in [(1_000, "200 times"), (MAX_TABLE_BYTES, "68719476736 bytes")] {
            let mut limited = Limited { inner: io::repeat(0), given: most - 10, most };
            let error = TableError::of_source(limited.read_to_end(&mut Vec::new()).unwrap_err());
            assert!(error.to_string().contains(limit), "{error}");
        }
    }
}
