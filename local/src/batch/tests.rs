//! The queue with a script in the trainer's place.

use std::{path::Path, time::Duration};

use tokio::{runtime::Runtime, sync::mpsc::UnboundedReceiver, time::timeout};
use uuid::Uuid;

use super::{
    job::{Variable, now},
    *,
};
use crate::template::Template;

const PATIENCE: Duration = Duration::from_secs(20);

struct Queue {
    batch: Arc<Batch>,
    changes: UnboundedReceiver<BatchJob>,
}

impl Queue {
    fn open(folder: &Path) -> Self {
        let (events, changes) = mpsc::unbounded_channel();
        let trainer = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/trainer.sh");
        let environment = vec![("PLACE".to_owned(), "the stack".to_owned())];
        let batch = Batch::open(&folder.join("batch"), &folder.join("logs"), trainer, environment, events).unwrap();
        Self { batch, changes }
    }

    /// Submits a job that behaves as the script's `mode` says; its identifier.
    fn submit(&self, mode: &str, attempts: u32, timeout: Option<u64>) -> String {
        self.submit_with(mode, attempts, timeout, Vec::new())
    }

    fn submit_with(&self, mode: &str, attempts: u32, timeout: Option<u64>, retries: Vec<RetryRule>) -> String {
        let job_id = Uuid::new_v4().to_string();
        self.batch.submit(BatchJob {
            job_id: job_id.clone(),
            job_name: mode.to_owned(),
            job_queue: "queue".to_owned(),
            job_definition: "definition".to_owned(),
            parameters: BTreeMap::from([("job_id".to_owned(), "7".to_owned())]),
            environment: vec![Variable { name: "MODE".to_owned(), value: mode.to_owned() }],
            timeout,
            attempts,
            retries,
            attempted: Vec::new(),
            status: Status::Submitted,
            status_reason: None,
            exit_code: None,
            container_reason: None,
            created_at: now(),
            started_at: None,
            stopped_at: None,
            termination: None,
        });
        job_id
    }

    /// The job's states until the wanted one, and the job as it is then.
    async fn until(&mut self, job_id: &str, wanted: Status) -> (Vec<Status>, BatchJob) {
        let mut seen = Vec::new();
        loop {
            let next = timeout(PATIENCE, self.changes.recv()).await;
            let job = next.unwrap_or_else(|_| panic!("no {wanted} after {seen:?}")).unwrap();
            if job.job_id == job_id {
                seen.push(job.status);
                if job.status == wanted {
                    return (seen, job);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_job_runs_with_its_environment_and_tells_each_state() {
    let folder = tempfile::tempdir().unwrap();
    let mut queue = Queue::open(folder.path());
    let job_id = queue.submit("succeed", 1, Some(60));
    let (states, job) = queue.until(&job_id, Status::Succeeded).await;
    assert_eq!(states, [Status::Submitted, Status::Runnable, Status::Starting, Status::Running, Status::Succeeded]);

    let told = events::detail(&job);
    assert_eq!((&told["status"], &told["container"]["exitCode"]), (&"SUCCEEDED".into(), &0.into()));
    assert_eq!((&told["parameters"]["job_id"], &told["container"]["environment"][0]["name"]), (&"7".into(), &"MODE".into()));
    let log = folder.path().join(format!("logs/{job_id}.log"));
    let written = timeout(PATIENCE, async {
        while !std::fs::read_to_string(&log).is_ok_and(|text| text == "attempt 1 in the stack\n") {
            tokio::task::yield_now().await;
        }
    });
    written.await.unwrap();
}

#[tokio::test]
async fn a_failed_attempt_is_followed_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let mut queue = Queue::open(folder.path());
    let job_id = queue.submit("fail-once", 2, None);
    let (_, job) = queue.until(&job_id, Status::Succeeded).await;
    let codes: Vec<_> = job.attempted.iter().map(|attempt| attempt.exit_code).collect();
    assert_eq!(codes, [Some(1), Some(0)]);
}

#[tokio::test]
async fn a_job_whose_machine_is_taken_away_starts_again_and_one_that_fails_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut queue = Queue::open(folder.path());
    let rules = Template::read().unwrap().training.retries;
    let taken = queue.submit_with("taken-away-once", 3, None, rules.clone());
    let (_, job) = queue.until(&taken, Status::Succeeded).await;
    let reasons: Vec<_> = job.attempted.iter().map(|attempt| attempt.status_reason.as_str()).collect();
    assert_eq!(reasons, ["Your Spot Task was interrupted.", "Essential container in task exited"]);
    let failing = queue.submit_with("fail", 3, None, rules);
    assert_eq!(queue.until(&failing, Status::Failed).await.1.attempted.len(), 1);
}

#[tokio::test]
async fn a_job_whose_attempts_all_fail_is_failed_with_the_last_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let mut queue = Queue::open(folder.path());
    let job_id = queue.submit("fail", 2, None);
    let (_, job) = queue.until(&job_id, Status::Failed).await;
    assert_eq!((job.exit_code, job.attempted.len()), (Some(3), 2));
    assert_eq!(job.status_reason.as_deref(), Some("Essential container in task exited"));
}

#[tokio::test]
async fn a_job_over_its_time_limit_is_ended_and_not_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut queue = Queue::open(folder.path());
    let job_id = queue.submit("wait", 3, Some(1));
    let (_, job) = queue.until(&job_id, Status::Failed).await;
    assert_eq!(job.status_reason.as_deref(), Some("Job attempt duration exceeded timeout"));
    assert_eq!((job.attempted.len(), job.exit_code), (1, Some(143)));
}

#[tokio::test]
async fn a_running_job_is_terminated_for_the_given_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut queue = Queue::open(folder.path());
    let job_id = queue.submit("wait", 1, None);
    queue.until(&job_id, Status::Running).await;
    assert!(queue.batch.cancel(&job_id, "only what waits"), "known, and left alone");
    assert!(queue.batch.terminate(&job_id, "not wanted any more"));
    let (_, job) = queue.until(&job_id, Status::Failed).await;
    assert_eq!((job.status_reason.as_deref(), job.exit_code), (Some("not wanted any more"), Some(143)));
    assert!(!queue.batch.terminate("another", "unknown"));
}

#[tokio::test]
async fn one_job_runs_at_a_time_and_a_waiting_one_can_be_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut queue = Queue::open(folder.path());
    let first = queue.submit("wait", 1, None);
    queue.until(&first, Status::Running).await;
    let (second, third) = (queue.submit("succeed", 1, None), queue.submit("succeed", 1, None));
    assert_eq!(queue.batch.describe(&second).unwrap().status, Status::Runnable);
    queue.batch.terminate(&second, "taken back");
    queue.batch.terminate(&first, "enough");
    queue.until(&third, Status::Succeeded).await;
    let second = queue.batch.describe(&second).unwrap();
    assert_eq!((second.status, second.started_at), (Status::Failed, None));
}

#[test]
fn after_a_restart_a_job_that_ran_is_failed_and_a_queued_one_runs() {
    let folder = tempfile::tempdir().unwrap();
    let (running, queued) = Runtime::new().unwrap().block_on(async {
        let mut queue = Queue::open(folder.path());
        let running = queue.submit("wait", 1, None);
        queue.until(&running, Status::Running).await;
        (running, queue.submit("succeed", 1, None))
    });
    Runtime::new().unwrap().block_on(async {
        let mut queue = Queue::open(folder.path());
        let (_, lost) = queue.until(&running, Status::Failed).await;
        assert_eq!(lost.status_reason.as_deref(), Some("Host EC2 (local) terminated."));
        queue.until(&queued, Status::Succeeded).await;
    });
}

#[test]
fn after_a_restart_a_job_that_ran_starts_again_while_it_has_attempts() {
    let folder = tempfile::tempdir().unwrap();
    let running = Runtime::new().unwrap().block_on(async {
        let mut queue = Queue::open(folder.path());
        let running = queue.submit("succeed-later", 2, None);
        queue.until(&running, Status::Running).await;
        running
    });
    Runtime::new().unwrap().block_on(async {
        let (_, job) = Queue::open(folder.path()).until(&running, Status::Succeeded).await;
        assert_eq!(job.attempted.len(), 2);
    });
}

#[test]
fn after_a_restart_a_failure_is_told_again() {
    let folder = tempfile::tempdir().unwrap();
    let job_id = Runtime::new().unwrap().block_on(async {
        let mut queue = Queue::open(folder.path());
        let job_id = queue.submit("fail", 1, None);
        queue.until(&job_id, Status::Failed).await;
        job_id
    });
    Runtime::new().unwrap().block_on(async {
        let (states, _) = Queue::open(folder.path()).until(&job_id, Status::Failed).await;
        assert_eq!(states, [Status::Failed]);
    });
}
