//! From Batch's words to those of a job's owner.

use domain::Work;

/// 128 + SIGKILL: nearly always the kernel, because of memory.
const KILLED: i32 = 137;
/// 128 + SIGTERM.
const STOPPED: i32 = 143;

/// Of a job whose container ended well without having stored a result.
pub(crate) const WITHOUT_RESULT: &str = "the trainer ended without a result; start it again";
/// Of a job that was stored and never handed over.
pub(crate) const NEVER_SUBMITTED: &str = "the job was never submitted; start it again";
/// Of a job that Batch no longer has.
pub(crate) const FORGOTTEN: &str = "its machine is gone and left no trace; start it again";

/// What Batch says of a failed job.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) status_reason: String,
    pub(crate) container_reason: String,
    pub(crate) exit_code: Option<i32>,
}

/// What the owner of a failed job reads.
pub(crate) fn of_failed(work: Work, cause: &str) -> String {
    format!("{work} failed: {cause}")
}

/// Why a job failed and what can be done.
pub(crate) fn in_words(work: Work, Ending { status_reason: batch, container_reason: of_container, exit_code }: &Ending) -> String {
    let says = |text: &str| batch.contains(text) || of_container.contains(text);
    if says("timeout") || says("timed out") {
        let advice = match work {
            Work::Training => "choose a larger time budget or a smaller table",
            Work::Prediction => "predict the table in parts",
        };
        format!("it took longer than its time limit; {advice}")
    } else if says("Host EC2") || says("Spot") {
        "its machine was taken away; start it again".to_owned()
    } else if says("OutOfMemory") || *exit_code == Some(KILLED) {
        "the trainer ran out of memory; use a smaller table or give the job definition more memory".to_owned()
    } else if says("CannotPullContainer") {
        format!("the trainer's image could not be loaded; check the job definition ({})", first_of(of_container, batch))
    } else {
        match *exit_code {
            Some(STOPPED) => format!("it was stopped ({}); start it again", first_of(batch, "no reason was given")),
            Some(code) => format!("the trainer ended with exit code {code}; its log on Batch says more"),
            None => format!("it was ended before the trainer finished ({}); start it again", first_of(batch, of_container)),
        }
    }
}

fn first_of<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_has_its_words() {
        let cases = [
            ("Job attempt duration exceeded timeout", "", Some(137), "time limit"),
            ("Essential container in task exited", "OutOfMemoryError: killed", Some(137), "memory"),
            ("Essential container in task exited", "", Some(137), "memory"),
            ("Essential container in task exited", "", Some(1), "exit code 1;"),
            ("Host EC2 (instance i-0123) terminated.", "", None, "taken away"),
            ("Your Spot Task was interrupted.", "", Some(137), "taken away"),
            ("Task failed to start", "CannotPullContainerError: no such image", None, "no such image"),
            ("the job was deleted", "", None, "(the job was deleted)"),
            ("Terminated by the owner", "", Some(143), "(Terminated by the owner)"),
        ];
        for (status_reason, container_reason, exit_code, expected) in cases {
            let ending = Ending { status_reason: status_reason.to_owned(), container_reason: container_reason.to_owned(), exit_code };
            let words = in_words(Work::Training, &ending);
            assert!(words.contains(expected), "{words}");
        }
    }

    #[test]
    fn a_prediction_has_no_budget_to_choose() {
        let ending = Ending { status_reason: "Job attempt duration exceeded timeout".to_owned(), ..Ending::default() };
        let words = of_failed(Work::Prediction, &in_words(Work::Prediction, &ending));
        assert_eq!(words, "Prediction failed: it took longer than its time limit; predict the table in parts");
    }
}
