//! From whatever went wrong to the sentence that the job's item shows.

use std::any::Any;

use domain::Work;
use tokio::task::JoinError;
use trainer::whole_message;

/// The message of an error and of all its sources.
pub(crate) fn message(work: Work, error: &anyhow::Error) -> String {
    format!("{work} failed: {}", whole_message(error.as_ref()))
}

/// Why a thread ended without a result.
pub(crate) fn of_ended_thread(ended: JoinError) -> anyhow::Error {
    ended.try_into_panic().map_or_else(Into::into, |payload| of_panic(payload.as_ref()))
}

fn of_panic(payload: &(dyn Any + Send)) -> anyhow::Error {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    anyhow::anyhow!("the trainer has a defect ({}); please report it with the job's identifier", text.unwrap_or("no message"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_tells_the_whole_chain() {
        let error = anyhow::anyhow!("connection refused").context("cannot download the table");
        assert_eq!(message(Work::Training, &error), "Training failed: cannot download the table: connection refused");
    }

    #[test]
    fn a_panic_keeps_its_words() {
        for payload in [Box::new("boom") as Box<dyn Any + Send>, Box::new("boom".to_owned())] {
            assert!(of_panic(payload.as_ref()).to_string().contains("(boom)"));
        }
    }
}
