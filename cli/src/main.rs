//! `automl`: learns from a table and predicts with what it learned, from a terminal and without a network.
//!
//! Results go to standard output, progress and errors to standard error; with `--json` an error goes to standard output too, as
//! `{"error": "…"}`. The exit codes are those of [`EXIT_CODES`].

mod inspect;
mod interrupt;
mod predict;
mod profile;
mod status_line;
mod train;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use serde_json::json;
use trainer::whole_message;

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    failed; the reason is on standard error, and with --json also on standard output as {\"error\": \"…\"}
  2    the command line is not understood
  130  interrupted by Ctrl-C; a training that is asked once ends with its best model and 0";

const FIRST_STEPS: &str = "\
First steps:
  automl profile customers.csv --target churned --out report.html
  automl train --data customers.csv --target churned --budget 60 --out model
  automl predict --model model/model.onnx --data new.csv --out predictions.csv
  automl inspect model/model.onnx

`automl COMMAND --help` explains a command.";

/// Learns from a table and predicts with what it learned.
#[derive(Debug, Parser)]
#[command(name = "automl", version, about, after_help = format!("{FIRST_STEPS}\n\n{EXIT_CODES}"))]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a model on a table (CSV and its relatives, JSON Lines, Parquet).
    #[command(after_long_help = with_exit_codes(train::EXAMPLES))]
    Train(Box<train::Arguments>),
    /// Predict the rows of a table with a model.
    #[command(after_long_help = with_exit_codes(predict::EXAMPLES))]
    Predict(predict::Arguments),
    /// Show what a table holds.
    #[command(after_long_help = with_exit_codes(profile::EXAMPLES))]
    Profile(profile::Arguments),
    /// Show what a model file expects, how good it is and what to beware of.
    #[command(after_long_help = with_exit_codes(inspect::EXAMPLES))]
    Inspect(inspect::Arguments),
}

impl Command {
    fn run(&self) -> Result<String> {
        match self {
            Self::Train(arguments) => train::run(arguments),
            Self::Predict(arguments) => predict::run(arguments),
            Self::Profile(arguments) => profile::run(arguments),
            Self::Inspect(arguments) => inspect::run(arguments),
        }
    }

    /// Whether a program reads the answer.
    fn as_json(&self) -> bool {
        match self {
            Self::Train(arguments) => arguments.json,
            Self::Predict(arguments) => arguments.json,
            Self::Profile(arguments) => arguments.json,
            Self::Inspect(arguments) => arguments.json,
        }
    }
}

fn with_exit_codes(examples: &str) -> String {
    format!("{examples}\n\n{EXIT_CODES}")
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    match command.run().and_then(|text| print(&text)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let message = whole_message(error.as_ref());
            if command.as_json() {
                let _ = print(&json!({ "error": message }).to_string());
            }
            // Nothing is left to tell when standard error is closed.
            let _ = writeln!(io::stderr(), "automl: {message}");
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
