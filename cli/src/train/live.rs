//! What a training is at, on standard error: a line that moves where that is a terminal, a line for each phase where it is not.

use std::{
    io::{Write as _, stderr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use domain::{Phase, Progress};
use report::format_time;
use trainer::Clock;

use crate::status_line;

/// How often the line moves.
const EVERY: Duration = Duration::from_millis(120);
const SPINNER: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const BAR_WIDTH: usize = 24;
const STOPPING: &str = "stopping: the best model so far is written; once more to give up";

/// Shows the news of a training, on a thread of its own so that the line moves while a model is fitted.
pub(crate) struct Live {
    news: Option<Sender<News>>,
    screen: Option<JoinHandle<()>>,
}

enum News {
    Budget(Duration),
    Progress(Progress),
}

impl Live {
    /// Begins with the reading of the table; `stop` is shown when it is set.
    pub(crate) fn start(clock: Clock, stop: Arc<AtomicBool>) -> Self {
        let (news, heard) = mpsc::channel();
        let screen = thread::spawn(move || {
            let mut screen = Screen { clock, budget: None, terminal: status_line::on_a_terminal(), turn: 0, phase: None, stopping: false };
            let mut latest = Progress::entering(Phase::Loading, 0.0);
            loop {
                screen.show(&latest, stop.load(Ordering::Relaxed));
                match heard.recv_timeout(EVERY) {
                    Ok(News::Budget(budget)) => screen.budget = Some(budget),
                    Ok(News::Progress(progress)) => latest = progress,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
            if screen.terminal {
                status_line::clear();
            }
        });
        Self { news: Some(news), screen: Some(screen) }
    }

    /// The budget that the bar fills.
    pub(crate) fn budget(&self, budget: Duration) {
        self.tell(News::Budget(budget));
    }

    /// Shows how the training is getting on.
    pub(crate) fn show(&self, progress: Progress) {
        self.tell(News::Progress(progress));
    }

    fn tell(&self, news: News) {
        // Without a screen there is nobody to tell.
        let _ = self.news.as_ref().map(|screen| screen.send(news));
    }
}

impl Drop for Live {
    /// Waits until the line is removed, so that it does not mix with what is printed next.
    fn drop(&mut self) {
        drop(self.news.take());
        let _ = self.screen.take().map(JoinHandle::join);
    }
}

struct Screen {
    clock: Clock,
    budget: Option<Duration>,
    terminal: bool,
    turn: usize,
    phase: Option<Phase>,
    stopping: bool,
}

impl Screen {
    fn show(&mut self, progress: &Progress, stopping: bool) {
        let entered = self.phase.replace(progress.phase) != Some(progress.phase);
        let told_to_stop = stopping && !self.stopping;
        self.stopping = stopping;
        let elapsed = self.clock.elapsed().as_secs_f64();
        if self.terminal {
            self.turn += 1;
            let spinner = SPINNER[self.turn % SPINNER.len()];
            status_line::show(&format!("{spinner} {}", moving(progress, elapsed, self.budget, stopping)));
            return;
        }
        // A line that cannot be written is not worth a failed training.
        if entered {
            let _ = writeln!(stderr(), "{:>7} {}{}", format_time(elapsed), phase_name(progress.phase), best(progress));
        }
        if told_to_stop {
            let _ = writeln!(stderr(), "{:>7} {STOPPING}", format_time(elapsed));
        }
    }
}

/// `training [######      ] 15.2s of 1m 0s, 14 models, best log_loss 0.4123 (boost)`.
fn moving(progress: &Progress, elapsed: f64, budget: Option<Duration>, stopping: bool) -> String {
    let time = match budget.map(|budget| budget.as_secs_f64()) {
        Some(budget) => format!("{} {} of {}", status_line::bar(elapsed / budget, BAR_WIDTH), format_time(elapsed), format_time(budget)),
        None => format_time(elapsed),
    };
    if stopping {
        return format!("{time} {STOPPING}");
    }
    format!("{:<10} {time}{}", phase_name(progress.phase), best(progress))
}

fn best(progress: &Progress) -> String {
    match (&progress.best_metric, progress.best_score, &progress.best_estimator) {
        (Some(metric), Some(score), Some(estimator)) => {
            format!(", {} models, best {metric} {score:.4} ({estimator})", progress.candidates_tried)
        }
        _ => String::new(),
    }
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Loading => "loading",
        Phase::Exploring => "exploring",
        Phase::Preparing => "preparing",
        Phase::Training => "training",
        Phase::Evaluating => "evaluating",
        Phase::Exporting => "exporting",
        Phase::Reporting => "reporting",
        Phase::Predicting => "predicting",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_time_models_and_the_best_of_them() {
        let progress = Progress {
            best_score: Some(0.412_34),
            best_metric: Some("log_loss".to_owned()),
            best_estimator: Some("boost".to_owned()),
            candidates_tried: 14,
            ..Progress::entering(Phase::Training, 30.0)
        };
        let line = |stopping| moving(&progress, 30.0, Some(Duration::from_mins(1)), stopping);
        assert_eq!(line(false), "training   [############            ] 30.0s of 1m 0s, 14 models, best log_loss 0.4123 (boost)");
        assert!(line(true).ends_with(STOPPING));
        assert_eq!(moving(&Progress { best_score: None, ..progress.clone() }, 1.0, None, false), "training   1.0s");
    }
}
