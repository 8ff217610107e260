//! Every limit on what a caller may send, in one place.

/// The largest upload in bytes when `MAX_UPLOAD_SIZE` is not set: S3's own bound on a single PUT.
pub const MAX_UPLOAD_BYTES: u64 = 5 * 1024 * 1024 * 1024;
/// The most columns a table may have.
pub const MAX_COLUMNS: usize = 4_096;
/// The most bytes that a compressed file may become for each of its own: more is an attack on the disk.
pub const MAX_DECOMPRESSION_RATIO: u64 = 200;
/// The bytes that any compressed file may become, however small it is.
pub const RATIO_FREE_BYTES: u64 = 256 * 1024 * 1024;
/// The most bytes of a table once it is decompressed; a cell of a Parquet file counts as two at least.
pub const MAX_TABLE_BYTES: u64 = 64 * 1024 * 1024 * 1024;
/// The longest row in bytes.
pub const MAX_ROW_BYTES: usize = 32 * 1024 * 1024;
/// The longest cell in bytes.
pub const MAX_CELL_BYTES: usize = 1024 * 1024;
/// The longest `Idempotency-Key` in bytes.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 255;
/// How file names of tables end, in lower case.
pub const UPLOAD_EXTENSIONS: [&str; 6] = [".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".parquet"];
/// What may follow: the file is compressed.
pub const COMPRESSED_EXTENSIONS: [&str; 2] = [".gz", ".zst"];
/// The longest file name in bytes of UTF-8.
pub const MAX_FILENAME_BYTES: usize = 255;
/// The most tags on a job.
pub const MAX_TAGS: usize = 10;
/// The longest tag in characters.
pub const MAX_TAG_CHARS: usize = 50;
/// The longest notes in characters.
pub const MAX_NOTES_CHARS: usize = 1_000;
/// The most families of models that a request names.
pub const MAX_ESTIMATORS: usize = 32;
/// The most bytes of the names of all columns that predictions must follow: they are part of the job's item.
pub const MAX_MONOTONE_BYTES: usize = 50_000;
/// The most bytes of the names of all columns that a prediction keeps: they are part of the job's item.
pub const MAX_KEPT_BYTES: usize = 50_000;
/// The longest key of an object in bytes of UTF-8, as S3 has it.
pub const MAX_OBJECT_KEY_BYTES: usize = 1_024;
/// The most jobs on one page of a list.
pub const MAX_PAGE: u32 = 100;
/// The most distinct labels of a classification target.
pub const MAX_CLASSES: usize = 1_000;
/// The most categories that a model tells apart in one feature; rarer ones are treated as unknown.
pub const MAX_CATEGORIES: usize = 1_000;
/// The most words that a model looks for in one column of texts.
pub const MAX_WORDS: usize = 50;
/// The most words that it looks for in all columns together.
pub const MAX_WORDS_OF_ALL: usize = 150;
/// The fewest rows with a known target that can be split, trained on and measured.
pub const MIN_TRAINING_ROWS: usize = 10;
