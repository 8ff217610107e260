//! Any bytes as an uploaded file: they are read or refused with a message, never a panic, and what was read comes back from Parquet. Among
//! the seeds are a foreign Parquet file and a compressed table of several pieces.

#![no_main]

use std::{cell::RefCell, fs};

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

thread_local! {
    static FOLDER: RefCell<Option<TempDir>> = const { RefCell::new(None) };
}

fuzz_target!(|bytes: &[u8]| {
    FOLDER.with_borrow_mut(|folder| {
        let folder = folder.get_or_insert_with(|| {
            // The fuzzer's hook ends the process at once; the Parquet reader's panics are caught.
            let _ = std::panic::take_hook();
            TempDir::new().expect("a temporary folder")
        });
        let (upload, parquet) = (folder.path().join("upload"), folder.path().join("data.parquet"));
        fs::write(&upload, bytes).expect("a temporary file");
        match table::ingest(&upload, &parquet) {
            Ok(profile) => {
                let frame = table::read_parquet(&parquet).expect("what was written can be read");
                assert_eq!(frame.rows as u64, profile.rows);
                assert_eq!(frame.columns.len(), profile.columns.len());
                assert!(profile.columns.iter().all(|column| column.missing <= profile.rows && column.unique <= profile.rows));
            }
            Err(error) => {
                assert!(error.is_about_the_table(), "{error}");
                assert!(!error.to_string().is_empty());
            }
        }
    });
});
