//! Lambda on this machine: the built function binaries as child processes behind the Lambda Runtime API.
//!
//! An instance is one process with a Runtime API server of its own. It is started by the first invocation that finds none idle, answers
//! one invocation at a time, and stays for the next. An invocation over the function's time-out ends its instance, as on Lambda.

mod runtime_api;

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader},
    process::{Child, Command},
    sync::{Semaphore, oneshot},
    time::sleep,
};
use uuid::Uuid;

use runtime_api::{Invocation, RuntimeApi};

/// Instances of one function that run at a time; further invocations wait.
const MAX_INSTANCES: usize = 4;

/// Why an invocation has no answer.
#[derive(Debug, thiserror::Error)]
pub enum InvocationError {
    /// The binary does not start.
    #[error("cannot start {}: {source}", binary.display())]
    Start {
        /// The binary.
        binary: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The function took too long and was ended.
    #[error("no answer within {} s", limit.as_secs())]
    TimedOut {
        /// Its time-out.
        limit: Duration,
    },
    /// The process ended without an answer.
    #[error("the process ended without an answer: {how}")]
    Crashed {
        /// Its exit status, as far as it is known.
        how: String,
    },
    /// The function answered with an error.
    #[error("{message}")]
    Failed {
        /// What it reported.
        message: String,
    },
}

/// A function: how to start it, and its idle instances.
#[derive(Debug)]
pub struct Function {
    name: String,
    binary: PathBuf,
    environment: Vec<(String, String)>,
    limit: Duration,
    log: PathBuf,
    idle: Mutex<Vec<Instance>>,
    places: Semaphore,
}

#[derive(Debug)]
struct Instance {
    process: Child,
    api: RuntimeApi,
}

impl Function {
    /// The function of that name. Its binary lies in `binaries`; `environment` is added to the variables that Lambda sets; what it prints
    /// goes to our log and to the file `log`.
    pub fn new(name: &str, binaries: &Path, environment: Vec<(String, String)>, limit: Duration, memory: u64, log: PathBuf) -> Self {
        let mut all = vec![
            ("AWS_LAMBDA_FUNCTION_NAME".to_owned(), name.to_owned()),
            ("AWS_LAMBDA_FUNCTION_VERSION".to_owned(), "$LATEST".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE".to_owned(), memory.to_string()),
            ("AWS_LAMBDA_LOG_GROUP_NAME".to_owned(), format!("/aws/lambda/{name}")),
            ("AWS_LAMBDA_LOG_STREAM_NAME".to_owned(), "local".to_owned()),
        ];
        all.extend(environment);
        Self {
            name: name.to_owned(),
            binary: binaries.join(name),
            environment: all,
            limit,
            log,
            idle: Mutex::new(Vec::new()),
            places: Semaphore::new(MAX_INSTANCES),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Invokes the function for a caller who may go away: as on Lambda, the invocation then still runs to its end.
    pub async fn invoke_to_the_end(self: &Arc<Self>, event: Bytes) -> Result<Bytes, InvocationError> {
        let function = Arc::clone(self);
        let invocation = tokio::spawn(async move { function.invoke(event).await });
        invocation.await.unwrap_or_else(|error| Err(InvocationError::Crashed { how: error.to_string() }))
    }

    /// Sends an event and waits for the answer. An invocation that is dropped ends its instance.
    pub async fn invoke(&self, event: Bytes) -> Result<Bytes, InvocationError> {
        let crashed = |how: &str| InvocationError::Crashed { how: how.to_owned() };
        let _place = self.places.acquire().await.map_err(|_| crashed("the function is stopped"))?;
        let mut instance = match self.idle_instance() {
            Some(instance) => instance,
            None => self.start().await?,
        };
        let (answer, answered) = oneshot::channel();
        let deadline = SystemTime::now() + self.limit;
        let invocation = Invocation { request_id: Uuid::new_v4().to_string(), event, deadline, answer };
        if !instance.api.send(invocation).await {
            return Err(crashed("its Runtime API has ended"));
        }
        let answer = tokio::select! {
            biased;
            answer = answered => answer.map_err(|_| crashed("its Runtime API has ended")),
            status = instance.process.wait() => Err(crashed(&status.map_or_else(|error| error.to_string(), |status| status.to_string()))),
            () = sleep(self.limit) => Err(InvocationError::TimedOut { limit: self.limit }),
        };
        match answer {
            Ok(answer) => {
                self.keep(instance);
                answer.map_err(|message| InvocationError::Failed { message })
            }
            Err(error) => {
                let _ = instance.process.kill().await;
                Err(error)
            }
        }
    }

    /// Ends the idle instances.
    pub async fn stop(&self) {
        let idle = self.idle.lock().map(|mut idle| std::mem::take(&mut *idle)).unwrap_or_default();
        for mut instance in idle {
            let _ = instance.process.kill().await;
        }
    }

    fn idle_instance(&self) -> Option<Instance> {
        let mut idle = self.idle.lock().ok()?;
        loop {
            let mut instance = idle.pop()?;
            if matches!(instance.process.try_wait(), Ok(None)) {
                return Some(instance);
            }
        }
    }

    fn keep(&self, instance: Instance) {
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(instance);
        }
    }

    async fn start(&self) -> Result<Instance, InvocationError> {
        let failed = |source| InvocationError::Start { binary: self.binary.clone(), source };
        let api = RuntimeApi::start(&self.name).await.map_err(failed)?;
        let mut process = without_own_account(&mut Command::new(&self.binary))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", api.address().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let log: Arc<Path> = self.log.as_path().into();
        if let Some(stdout) = process.stdout.take() {
            tokio::spawn(copy_log(self.name.clone(), stdout, Arc::clone(&log)));
        }
        if let Some(stderr) = process.stderr.take() {
            tokio::spawn(copy_log(self.name.clone(), stderr, log));
        }
        tracing::debug!(function = self.name, "instance started");
        Ok(Instance { process, api })
    }
}

/// Takes away what points to the user's own AWS account.
pub(crate) fn without_own_account(command: &mut Command) -> &mut Command {
    command.env_remove("AWS_PROFILE").env_remove("AWS_SESSION_TOKEN").env_remove("AWS_ENDPOINT_URL")
}

/// Copies what a process prints to our log, named, and to a file.
pub(crate) async fn copy_log(name: String, output: impl AsyncRead + Unpin, file: Arc<Path>) {
    let mut lines = BufReader::new(output).lines();
    let mut file = tokio::fs::OpenOptions::new().create(true).append(true).open(&file).await.ok();
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::info!(target: "process", "[{name}] {line}");
        if let Some(file) = &mut file {
            let _ = file.write_all(format!("{line}\n").as_bytes()).await;
        }
    }
    if let Some(file) = &mut file {
        let _ = file.flush().await;
    }
}
