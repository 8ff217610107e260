//! `automl`: learns from a table and predicts with what it learned, from a terminal and without a network.
//!
//! Results go to standard output, progress and errors to standard error; the exit code is 0 only on success.

mod inspect;
mod predict;
mod profile;
mod train;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use trainer::whole_message;

/// Learns from a table and predicts with what it learned.
#[derive(Debug, Parser)]
#[command(name = "automl", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a model on a table (CSV and its relatives, JSON Lines, Parquet).
    Train(Box<train::Arguments>),
    /// Predict the rows of a table with a model.
    Predict(predict::Arguments),
    /// Show what a table holds.
    Profile(profile::Arguments),
    /// Show what a model file expects and how good it is.
    Inspect(inspect::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Train(arguments) => train::run(&arguments),
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Profile(arguments) => profile::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
    };
    match result.and_then(|text| print(&text)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to tell when standard error is closed.
            let _ = writeln!(io::stderr(), "automl: {}", whole_message(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// Writes a result to standard output; a reader that stops early is no failure.
fn print(text: &str) -> Result<()> {
    match writeln!(io::stdout(), "{}", text.trim_end()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}
