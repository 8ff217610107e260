//! The stack that the demo talks to: one that already runs, or one of its own that ends with it.

use std::{path::Path, process::Stdio, time::Duration};

use anyhow::{Context as _, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// How long a stack may take to serve, and to stop.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Stack {
    url: String,
    ours: Option<Child>,
}

impl Stack {
    /// Finds a stack on the port or starts one with its data in `folder` and its log in `folder/logs/stack.log`.
    pub(super) async fn running_or_started(port: u16, folder: &Path) -> anyhow::Result<Self> {
        let url = format!("http://localhost:{port}");
        if port != 0 && is_ours(&url).await {
            return Ok(Self { url, ours: None });
        }
        let logs = folder.join("logs");
        std::fs::create_dir_all(&logs).with_context(|| format!("cannot create {}", logs.display()))?;
        let log = logs.join("stack.log");
        let stderr = std::fs::File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["up", "--port", &port.to_string(), "--data"])
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the local stack")?;
        let mut lines = BufReader::new(child.stdout.take().context("the local stack has no output")?).lines();
        let ready = timeout(PATIENCE, async {
            while let Some(line) = lines.next_line().await? {
                if let Some(url) = line.strip_prefix("ready ") {
                    return Ok::<_, std::io::Error>(Some(url.to_owned()));
                }
            }
            Ok(None)
        });
        let Some(url) = ready.await.context("the local stack did not get ready in time")?? else {
            bail!("the local stack did not start: {}", last_line(&log));
        };
        // Keep reading, so that the stack never waits for its output to be taken.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { url, ours: Some(child) })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn is_ours(&self) -> bool {
        self.ours.is_some()
    }

    /// Stops the stack if it was started here.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        let Some(mut child) = self.ours.take() else { return Ok(()) };
        if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
            kill(Pid::from_raw(pid), Signal::SIGTERM).context("cannot stop the local stack")?;
        }
        let status = timeout(PATIENCE, child.wait()).await.context("the local stack did not stop in time")??;
        if !status.success() {
            bail!("the local stack ended with {status}");
        }
        Ok(())
    }
}

/// Whether what answers on the port is this product.
async fn is_ours(url: &str) -> bool {
    let Ok(answer) = reqwest::get(format!("{url}/health")).await else { return false };
    answer.text().await.is_ok_and(|body| body.contains("automl-api"))
}

fn last_line(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it printed nothing").to_owned()
}
