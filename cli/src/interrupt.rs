//! What SIGINT (Ctrl-C) and SIGTERM do to a training: the first lets it end with the best model so far, the second ends the process.

use std::{
    fs,
    path::PathBuf,
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use anyhow::{Context, Result};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

/// The exit code of an interrupted command, as shells have it for SIGINT.
const INTERRUPTED: i32 = 130;

/// Sets the returned flag at the first signal; at the second removes the folder `scratch` and exits.
pub(crate) fn stop_flag(scratch: PathBuf) -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("cannot listen to signals")?;
    let flag = Arc::clone(&stop);
    thread::spawn(move || {
        for _ in signals.forever() {
            if flag.swap(true, Ordering::Relaxed) {
                let _ = fs::remove_dir_all(&scratch);
                process::exit(INTERRUPTED);
            }
        }
    });
    Ok(stop)
}
