//! Batch alone, where somebody else stands for the rest of AWS. How a job is tried and how long it may take is the template's; the trainer
//! has the variables that it is given, and each change of state is posted to a URL, as the event that Batch gives to `EventBridge`.

use std::{net::Ipv4Addr, path::PathBuf};

use anyhow::Context as _;
use clap::Parser;
use local::{
    batch::{self, Batch},
    template::{Template, Training},
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

#[derive(Parser)]
struct Arguments {
    /// Where it serves, on this machine alone
    port: u16,
    /// The trainer's binary
    trainer: PathBuf,
    /// Folder of the queue and the jobs' logs
    folder: PathBuf,
    /// Where events are posted to
    events: String,
    /// The queue's name
    queue: String,
    /// The job definition's name
    definition: String,
    /// What the trainer finds in its environment: NAME=VALUE
    variables: Vec<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let arguments = Arguments::parse();
    let variable = |text: &String| {
        let (name, value) = text.split_once('=').with_context(|| format!("{text} is not NAME=VALUE"))?;
        Ok((name.to_owned(), value.to_owned()))
    };
    let variables = arguments.variables.iter().map(variable).collect::<anyhow::Result<_>>()?;

    let client = reqwest::Client::new();
    let tell = move |event| {
        let request = client.post(&arguments.events).header("content-type", "application/json").body(event);
        async { Ok(request.send().await?.error_for_status().map(drop)?) }
    };
    let folder = arguments.folder;
    let jobs = Batch::start(&folder, &folder.join("logs"), arguments.trainer, variables, tell)?;
    let training = Training { queue: arguments.queue, definition: arguments.definition, ..Template::read()?.training };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port)).await?;
    let mut end = signal(SignalKind::terminate())?;
    // Whatever runs ends with this process.
    tokio::select! {
        served = axum::serve(listener, batch::router(jobs, training)) => served?,
        _ = end.recv() => {}
    }
    Ok(())
}
