//! `automl-local`: the local stack, and the demo that uses it.

mod demo;

use std::{io::IsTerminal as _, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use local::stack;
use tracing_subscriber::EnvFilter;

#[derive(Parser)]
#[command(name = "automl-local", about = "The AutoML service on this machine", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until Ctrl-C
    Up(stack::Options),
    /// Delete the data of a stack that does not run
    Reset {
        /// Folder of the data
        #[arg(long, default_value = ".local")]
        data: PathBuf,
    },
    /// Upload a table, train, deploy and predict
    Demo(demo::Options),
}

#[tokio::main]
#[expect(clippy::print_stderr, reason = "the program's last word")]
async fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Up(options) => {
            let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,s3s=warn,s3s_fs=warn,dynoxide=warn"));
            let ansi = std::io::stderr().is_terminal();
            tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(ansi).with_env_filter(filter).with_target(false).init();
            stack::up(&options).await
        }
        Command::Reset { data } => stack::reset(&data),
        Command::Demo(options) => {
            let logs = options.folder.join("logs");
            demo::run(options).await.map_err(|error| error.context(format!("the demo failed; the logs are in {}", logs.display())))
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
