//! The Batch job's process. Its environment says which job; its exit code says how it went: 0 done (or nothing to do), 1 failed, 143
//! stopped by SIGTERM before there was a model, or not done within the time that this leaves.

mod container;

use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    container::run()
}
