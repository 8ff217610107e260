//! From Batch's words to those of a job's owner.

use crate::event::Detail;

/// 128 + SIGKILL: nearly always the kernel, because of memory.
const KILLED: i64 = 137;
/// 128 + SIGTERM.
const STOPPED: i64 = 143;

/// Why a job failed and what can be done.
pub(crate) fn in_words(detail: &Detail) -> String {
    let batch = detail.status_reason.as_deref().unwrap_or_default();
    let container = detail.container.as_ref();
    let of_container = container.and_then(|container| container.reason.as_deref()).unwrap_or_default();
    let exit_code = container.and_then(|container| container.exit_code);
    let says = |text: &str| batch.contains(text) || of_container.contains(text);
    let cause = if says("timeout") || says("timed out") {
        "it took longer than its time limit; choose a larger time budget or a smaller table".to_owned()
    } else if says("OutOfMemory") || exit_code == Some(KILLED) {
        "the trainer ran out of memory; use a smaller table or give the job definition more memory".to_owned()
    } else if says("Host EC2") || says("Spot") {
        "its machine was taken away; start it again".to_owned()
    } else if says("CannotPullContainer") {
        format!("the trainer's image could not be loaded; check the job definition ({})", first_of(of_container, batch))
    } else {
        match exit_code {
            Some(STOPPED) => format!("it was stopped ({}); start it again", first_of(batch, "no reason was given")),
            Some(code) => format!("the trainer ended with exit code {code}; its log on Batch says more"),
            None => format!("it was ended before the trainer finished ({}); start it again", first_of(batch, of_container)),
        }
    };
    format!("Training failed: {cause}")
}

fn first_of<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn words(status_reason: &str, container: &Value) -> String {
        let detail = json!({ "status": "FAILED", "statusReason": status_reason, "container": container });
        in_words(&serde_json::from_value(detail).unwrap())
    }

    #[test]
    fn each_end_has_its_words() {
        let cases = [
            ("Job attempt duration exceeded timeout", json!({ "exitCode": 137 }), "time limit"),
            ("Essential container in task exited", json!({ "exitCode": 137, "reason": "OutOfMemoryError: killed" }), "memory"),
            ("Essential container in task exited", json!({ "exitCode": 137 }), "memory"),
            ("Essential container in task exited", json!({ "exitCode": 1 }), "exit code 1;"),
            ("Host EC2 (instance i-0123) terminated.", json!({}), "taken away"),
            ("Task failed to start", json!({ "reason": "CannotPullContainerError: no such image" }), "no such image"),
            ("the job was deleted", json!({}), "(the job was deleted)"),
            ("Terminated by the owner", json!({ "exitCode": 143 }), "(Terminated by the owner)"),
        ];
        for (status_reason, container, expected) in cases {
            let words = words(status_reason, &container);
            assert!(words.starts_with("Training failed: ") && words.contains(expected), "{words}");
        }
    }
}
