//! Every limit on what a caller may send, in one place.

/// The largest upload in bytes when `MAX_UPLOAD_SIZE` is not set: S3's own bound on a single PUT.
pub const MAX_UPLOAD_BYTES: u64 = 5 * 1024 * 1024 * 1024;
/// The most columns a table may have.
pub const MAX_COLUMNS: usize = 4_096;
/// The longest cell in bytes.
pub const MAX_CELL_BYTES: usize = 1024 * 1024;
/// The longest `Idempotency-Key` in bytes.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 255;
/// How file names of tables end, in lower case.
pub const UPLOAD_EXTENSIONS: [&str; 1] = [".csv"];
/// The longest file name in bytes of UTF-8.
pub const MAX_FILENAME_BYTES: usize = 255;
/// The most tags on a job.
pub const MAX_TAGS: usize = 10;
/// The longest tag in characters.
pub const MAX_TAG_CHARS: usize = 50;
/// The longest notes in characters.
pub const MAX_NOTES_CHARS: usize = 1_000;
/// The most jobs on one page of a list.
pub const MAX_PAGE: u32 = 100;
/// The most distinct labels of a classification target.
pub const MAX_CLASSES: usize = 1_000;
/// The most categories that a model tells apart in one feature; rarer ones are treated as unknown.
pub const MAX_CATEGORIES: usize = 1_000;
/// The fewest rows with a known target that can be split, trained on and measured.
pub const MIN_TRAINING_ROWS: usize = 10;
