//! `automl-local up`: everything on four ports in a row, until a signal ends it.

use std::{
    collections::BTreeMap,
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail};
use axum::Router;
use nix::fcntl::{Flock, FlockArg};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use crate::{
    batch::{self, Batch},
    database, event_bus, gateway,
    lambda::Function,
    schedule,
    storage::{self, ACCESS_KEY, Notification, SECRET_KEY},
    template::Template,
};

/// The file in the data folder that a running stack holds.
const LOCK: &str = "lock";

/// What to serve and from where.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Port of the API; S3, `DynamoDB` and Batch take the next three. 0 takes free ports
    #[arg(long, default_value_t = 8000)]
    pub port: u16,
    /// Folder of the data and the logs
    #[arg(long, default_value = ".local")]
    pub data: PathBuf,
}

struct Ports {
    api: TcpListener,
    storage: TcpListener,
    database: TcpListener,
    batch: TcpListener,
}

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
/// When a port is taken, the data folder is in use or cannot be used, or a binary is missing.
pub async fn up(options: &Options) -> anyhow::Result<()> {
    let logs = options.data.join("logs");
    let job_logs = logs.join("jobs");
    std::fs::create_dir_all(&job_logs).with_context(|| format!("cannot create {}", job_logs.display()))?;
    let _lock = lock(&options.data)?;
    let ports = Ports::open(options.port).await?;
    let template = Template::read()?;
    let binaries = binaries(&template)?;

    let account = account(&ports)?;
    let environment: Vec<_> = settings(&template).into_iter().chain(account.clone()).collect();
    let functions: Vec<(String, Arc<Function>)> = template
        .functions
        .iter()
        .map(|(name, function)| {
            let log = logs.join(format!("{name}.log"));
            (name.clone(), Arc::new(Function::new(name, &binaries, environment.clone(), function.timeout, function.memory, log)))
        })
        .collect();
    let function = |wanted: &str| {
        let found = functions.iter().find(|(name, _)| name == wanted).map(|(_, function)| Arc::clone(function));
        found.with_context(|| format!("template.yaml has no function {wanted}"))
    };
    let named = |variable: &str| {
        template.environment.get(variable).map(String::as_str).with_context(|| format!("template.yaml sets no {variable}"))
    };

    let datasets = named("S3_BUCKET_DATASETS")?;
    let uploads = Notification { bucket: datasets.to_owned(), prefix: template.upload_prefix.clone(), function: function("ingest")? };
    let objects = storage::router(&options.data.join("s3"), &template.buckets, uploads)?;
    let tables = database::open(&options.data.join("dynamodb.sqlite"), &template.tables)?;
    let trainer = binaries.join("trainer");
    let job_events = function("job-events")?;
    let tell = move |event| {
        let job_events = Arc::clone(&job_events);
        async move { Ok(job_events.invoke(event).await.map(drop)?) }
    };
    let jobs = Batch::start(&options.data.join("batch"), &job_logs, trainer, account, tell)?;
    let routed = template.functions.iter().map(|(name, of_template)| Ok((of_template.routes.clone(), function(name)?)));
    let scheduled = template.functions.iter().filter_map(|(name, of_template)| Some((name, of_template.schedule?)));
    let scheduled = scheduled.map(|(name, interval)| Ok((function(name)?, interval))).collect::<anyhow::Result<Vec<_>>>()?;
    let api = gateway::router(routed.collect::<anyhow::Result<Vec<_>>>()?);

    let end = ended();
    announce(&ports, &options.data)?;
    tokio::spawn(database::serve(ports.database, tables));
    tokio::spawn(serve("S3", ports.storage, objects));
    tokio::spawn(serve(
        "Batch",
        ports.batch,
        batch::router(jobs, template.training.clone()).merge(event_bus::router(options.data.join("events.jsonl"))),
    ));
    tokio::spawn(serve("the API", ports.api, api));
    for (function, interval) in scheduled {
        tokio::spawn(schedule::run(function, interval));
    }
    let signal = end.await?;
    tracing::info!("{signal}: stopping");
    for (_, function) in &functions {
        function.stop().await;
    }
    Ok(())
}

/// Deletes the data folder, unless a stack runs on it.
///
/// # Errors
/// When a stack runs on it, when it is something else, or when it cannot be deleted.
pub fn reset(data: &Path) -> anyhow::Result<()> {
    if !data.exists() {
        return Ok(());
    }
    if !data.join(LOCK).exists() {
        bail!("{} is no stack's data folder; delete it by hand if it may go", data.display());
    }
    let _lock = lock(data)?;
    std::fs::remove_dir_all(data).with_context(|| format!("cannot delete {}", data.display()))
}

/// The current moment as AWS writes it.
pub(crate) fn timestamp() -> String {
    OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default()
}

/// Keeps other stacks off the folder; the system lets go of it when the process ends, however it ends.
fn lock(data: &Path) -> anyhow::Result<Flock<File>> {
    let path = data.join(LOCK);
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(lock),
        Err(_) => bail!("another stack runs with its data in {}; stop it first, or use another folder", data.display()),
    }
}

impl Ports {
    async fn open(first: u16) -> anyhow::Result<Self> {
        Ok(Self {
            api: listen(first, 0).await?,
            storage: listen(first, 1).await?,
            database: listen(first, 2).await?,
            batch: listen(first, 3).await?,
        })
    }
}

async fn listen(first: u16, offset: u16) -> anyhow::Result<TcpListener> {
    let port = if first == 0 { 0 } else { first.checked_add(offset).context("the port is too high: four in a row are needed")? };
    let listener = TcpListener::bind(("127.0.0.1", port)).await;
    listener.with_context(|| format!("cannot use port {port}; stop what uses it, or choose another: make up PORT=9000"))
}

/// The folder of our own executable, which the others lie in too.
fn binaries(template: &Template) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("the program does not know where it is")?;
    let folder = own.parent().context("the program lies in no folder")?.to_owned();
    for name in template.functions.keys().map(String::as_str).chain(["trainer"]) {
        if !folder.join(name).is_file() {
            bail!("{} is missing; build everything with: make binaries", folder.join(name).display());
        }
    }
    Ok(folder)
}

/// The environment of the template, where our own has no other value for one of its parameters.
fn settings(template: &Template) -> BTreeMap<String, String> {
    let mut settings = template.environment.clone();
    for name in ["CORS_ORIGINS", "MAX_UPLOAD_SIZE", "PRESIGNED_URL_EXPIRATION"] {
        if let (Some(setting), Ok(value)) = (settings.get_mut(name), std::env::var(name)) {
            *setting = value;
        }
    }
    settings
}

/// What stands for an AWS account in the environment of functions and trainer: region, keys, and where our endpoints are. The trainer gets
/// nothing else but its job's own variables, as in a container.
fn account(ports: &Ports) -> anyhow::Result<Vec<(String, String)>> {
    let url = |listener: &TcpListener| listener.local_addr().map(|address| format!("http://localhost:{}", address.port()));
    let variables = [
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
        ("AWS_ENDPOINT_URL_S3", url(&ports.storage)?),
        ("AWS_ENDPOINT_URL_DYNAMODB", url(&ports.database)?),
        ("AWS_ENDPOINT_URL_BATCH", url(&ports.batch)?),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", url(&ports.batch)?),
    ];
    Ok(variables.map(|(name, value)| (name.to_owned(), value)).into())
}

/// Says what is where; the last line tells scripts that the stack serves.
#[expect(clippy::print_stdout, reason = "the banner is the program's output")]
fn announce(ports: &Ports, data: &Path) -> anyhow::Result<()> {
    let url = |listener: &TcpListener| listener.local_addr().map(|address| format!("http://localhost:{}", address.port()));
    let data = data.canonicalize().unwrap_or_else(|_| data.to_owned());
    println!("AutoML on this machine");
    println!("  API       {}", url(&ports.api)?);
    println!("  S3        {}   key {ACCESS_KEY}, secret {SECRET_KEY}", url(&ports.storage)?);
    println!("  DynamoDB  {}", url(&ports.database)?);
    println!("  Batch     {}", url(&ports.batch)?);
    println!("  data      {}", data.display());
    println!("  logs      {}", data.join("logs").display());
    println!("Ctrl-C stops it.");
    println!("ready {}", url(&ports.api)?);
    Ok(())
}

async fn serve(what: &str, listener: TcpListener, routes: Router) {
    if let Err(error) = axum::serve(listener, routes.into_make_service_with_connect_info::<SocketAddr>()).await {
        tracing::error!("{what} ended: {error}");
    }
}

/// Resolves to the name of the signal that asks the stack to stop.
fn ended() -> impl Future<Output = anyhow::Result<&'static str>> {
    let signals = signal(SignalKind::interrupt()).and_then(|interrupt| Ok((interrupt, signal(SignalKind::terminate())?)));
    async move {
        let (mut interrupt, mut terminate) = signals.context("cannot listen for signals")?;
        Ok(tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
        })
    }
}
