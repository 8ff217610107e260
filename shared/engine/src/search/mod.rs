//! The search for a model within a time budget.
//!
//! A first boosting run on one fold shows what a fit costs and so how many folds there are. A portfolio of configurations is fitted on
//! the folds; then, while there is time and it helps, variations of the best. A weighted ensemble of the candidates is chosen by how it
//! predicts the rows that the folds watched. With several folds the folds' models stay together as a bag; with one, each chosen
//! configuration is fitted once more on all rows.

mod candidate;
mod ensemble;
mod portfolio;

use std::time::{Duration, Instant};

use model::Member;

pub(crate) use self::candidate::{Config, Problem};
use self::{
    candidate::{Candidate, FoldFit},
    portfolio::Shape,
};
use crate::{
    boost::Params,
    clock::Clock,
    random::Random,
    split::{Split, folds},
};

/// Folds that the rows are dealt into.
const FOLDS: usize = 5;
/// Fits that the budget should allow, to choose the number of folds by.
const FITS: f64 = 10.0;
/// Variations without improvement after which to stop.
const PATIENCE: usize = 10;
/// What counts as an improvement, relative.
const IMPROVEMENT: f64 = 1e-4;
/// The most that one candidate may take of the budget, and a linear one, which on a large table is rarely the best.
const CANDIDATE_SHARE: f64 = 0.25;
const LINEAR_SHARE: f64 = 0.06;
/// When the search ends if the folds' models are kept, and if they are fitted again, as shares of the budget; and when those fits end.
const BAG_END: f64 = 0.85;
const SEARCH_END: f64 = 0.62;
const REFIT_END: f64 = 0.88;

/// A candidate as the leaderboard shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct LeaderboardEntry {
    /// Unique name.
    pub name: String,
    /// The metric of the score; smaller is better.
    pub metric: String,
    /// Measured on rows that its models did not learn from.
    pub validation_score: f64,
    /// Seconds that fitting it took.
    pub fit_seconds: f64,
    /// Its share of the model; 0 when it is not part of it.
    pub weight: f64,
    /// Boosting rounds, the mean over the folds; `None` for other models.
    pub rounds: Option<f64>,
    /// Its parameters by name.
    pub parameters: Vec<(&'static str, f64)>,
}

/// What a search found.
#[derive(Debug)]
pub(crate) struct Found {
    /// The ensemble.
    pub members: Vec<Member>,
    /// All candidates, best first.
    pub leaderboard: Vec<LeaderboardEntry>,
    /// The kind of the candidate with the largest weight.
    pub best_estimator: String,
    /// Share of each feature, summing to 1.
    pub importances: Vec<f64>,
    /// Folds that each candidate was fitted on.
    pub folds: usize,
}

/// News of a search.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct News {
    /// Candidates so far.
    pub fitted: usize,
    /// The best one's score.
    pub score: f64,
    /// The metric.
    pub metric: &'static str,
    /// The best one's name.
    pub name: String,
}

/// Searches until `clock` says so or nothing improves.
pub(crate) fn search(problem: &Problem, seed: u64, clock: Clock, on_news: &mut (dyn FnMut(News) + Send)) -> Found {
    let shape = Shape { rows: problem.target.len(), outputs: problem.target.outputs() };
    let mut splits = folds(&problem.target, FOLDS, seed);
    let first = Config::Boosting(shape.first());
    let started = Instant::now();
    let pilot = splits.first().and_then(|fold| candidate::fit(problem, &first, fold, seed, clock.at(CANDIDATE_SHARE)));
    splits.truncate(affordable_folds(shape, splits.len(), started.elapsed(), clock));

    let end = clock.at(if splits.len() > 1 { BAG_END } else { SEARCH_END });
    let watched = splits.iter().flat_map(|split| split.watch.iter().copied()).collect();
    let mut search = Search { problem, shape, splits, seed, clock, end, watched, candidates: Vec::new(), on_news };
    search.try_config(first, pilot.into_iter().collect());
    for config in shape.portfolio() {
        search.try_config(config, Vec::new());
    }
    search.vary();
    search.finish()
}

/// As many folds as leave time for a fair number of fits and as a model's size allows; all of the rest when there is only one.
fn affordable_folds(shape: Shape, folds: usize, pilot: Duration, clock: Clock) -> usize {
    let left = clock.at(BAG_END).saturating_duration_since(Instant::now()).as_secs_f64();
    let in_time = left / (FITS * pilot.as_secs_f64().max(1e-6));
    let most = shape.affordable_folds(folds).min(in_time as usize);
    if most >= 5 {
        5.min(folds)
    } else if most >= 3 {
        3.min(folds)
    } else {
        1
    }
}

struct Search<'a> {
    problem: &'a Problem,
    shape: Shape,
    splits: Vec<Split>,
    seed: u64,
    clock: Clock,
    end: Instant,
    /// Rows that the folds watch, fold after fold.
    watched: Vec<u32>,
    /// Best first; those that cannot become part of the model have forgotten theirs.
    candidates: Vec<Candidate>,
    on_news: &'a mut (dyn FnMut(News) + Send),
}

impl Search<'_> {
    /// Fits a configuration, if there is time or nothing else yet. Whether it is better than all before.
    fn try_config(&mut self, config: Config, done: Vec<FoldFit>) -> bool {
        let now = Instant::now();
        if now >= self.end && !self.candidates.is_empty() {
            return false;
        }
        let config = match config {
            Config::Boosting(params) if done.is_empty() => Config::Boosting(self.shape.bounded(&params, self.splits.len())),
            other => other,
        };
        let share = if matches!(config, Config::Linear(_)) { LINEAR_SHARE } else { CANDIDATE_SHARE };
        let deadline = self.end.min(now + self.clock.share(share));
        let seed = Random::labelled(self.seed, self.candidates.len() as u64).bits();
        let Some(mut candidate) = Candidate::fit(self.problem, config, &self.splits, done, seed, deadline) else { return false };
        let same_kind = self.candidates.iter().filter(|other| other.config.kind() == candidate.config.kind()).count();
        if same_kind > 0 {
            candidate.name = format!("{}_{}", candidate.name, same_kind + 1);
        }
        let better = self.candidates.first().is_none_or(|best| candidate.score < best.score * (1.0 - IMPROVEMENT));
        let rank = self.candidates.partition_point(|other| other.score.total_cmp(&candidate.score).is_le());
        self.candidates.insert(rank, candidate);
        self.candidates.iter_mut().skip(ensemble::eligible(self.watched.len())).for_each(Candidate::forget);
        if let Some(best) = self.candidates.first() {
            let news = News { fitted: self.candidates.len(), score: best.score, metric: self.problem.metric(), name: best.name.clone() };
            (self.on_news)(news);
        }
        better
    }

    /// Tries variations of the best boosting configurations until there is no time or no improvement.
    fn vary(&mut self) {
        let mut random = Random::labelled(self.seed, u64::MAX);
        let mut idle = 0;
        while idle < PATIENCE && Instant::now() < self.end {
            let boosting: Vec<&Params> = self.candidates.iter().filter_map(boosting).take(3).collect();
            let Some(params) = boosting.get(random.below(boosting.len())) else { break };
            let variation = self.shape.mutation(params, &mut random);
            idle = if self.try_config(Config::Boosting(variation), Vec::new()) { 0 } else { idle + 1 };
        }
    }

    fn finish(self) -> Found {
        let chosen = ensemble::select(self.problem, &self.candidates, &self.watched, 2 * self.shape.most_nodes());
        let entry = |(position, candidate): (usize, &Candidate)| LeaderboardEntry {
            name: candidate.name.clone(),
            metric: self.problem.metric().to_owned(),
            validation_score: candidate.score,
            fit_seconds: candidate.seconds,
            weight: chosen.iter().find(|(chosen, _)| *chosen == position).map_or(0.0, |(_, weight)| *weight),
            rounds: candidate.rounds,
            parameters: candidate.config.parameters(),
        };
        let leaderboard = self.candidates.iter().enumerate().map(entry).collect();

        let mut by_weight: Vec<(&Candidate, f64)> = chosen.iter().map(|&(position, weight)| (&self.candidates[position], weight)).collect();
        by_weight.sort_by(|a, b| b.1.total_cmp(&a.1));
        let best_estimator = by_weight.first().map_or("none", |(candidate, _)| candidate.config.kind()).to_owned();
        let (members, importances) = self.assemble(by_weight);
        Found { members, leaderboard, best_estimator, importances, folds: self.splits.len() }
    }

    /// The members of an ensemble, in the order given, and the share of each feature.
    fn assemble(&self, chosen: Vec<(&Candidate, f64)>) -> (Vec<Member>, Vec<f64>) {
        let end = self.clock.at(REFIT_END);
        let mut members = Vec::new();
        let mut importances = vec![0.0; self.problem.matrix.columns.len()];
        for (candidate, weight) in chosen {
            let fits = self.refit(candidate, end).map_or_else(|| candidate.fits.clone(), |fit| vec![fit]);
            let share = weight / fits.len() as f64;
            for fit in fits {
                let total: f64 = fit.importances.iter().sum();
                if total > 0.0 {
                    importances.iter_mut().zip(&fit.importances).for_each(|(sum, value)| *sum += share * value / total);
                }
                members.push(Member { name: candidate.name.clone(), weight: share as f32, link: self.problem.link(), model: fit.model });
            }
        }
        normalise(&mut importances);
        (members, importances)
    }

    /// Fits a candidate on all rows, when its models saw one fold only and there is time.
    fn refit(&self, candidate: &Candidate, end: Instant) -> Option<FoldFit> {
        let [fit] = candidate.fits.as_slice() else { return None };
        let left = end.saturating_duration_since(Instant::now()).as_secs_f64();
        if candidate.seconds * 1.3 > left {
            return None;
        }
        let all = Split { learn: (0..self.problem.target.len() as u32).collect(), watch: Vec::new() };
        let config = match &candidate.config {
            Config::Boosting(params) => Config::Boosting(Params { max_rounds: fit.rounds.max(1), ..params.clone() }),
            linear @ Config::Linear(_) => linear.clone(),
        };
        let refitted = candidate::fit(self.problem, &config, &all, self.seed, end)?;
        (refitted.rounds >= fit.rounds).then_some(refitted)
    }
}

fn boosting(candidate: &Candidate) -> Option<&Params> {
    match &candidate.config {
        Config::Boosting(params) => Some(params),
        Config::Linear(_) => None,
    }
}

/// Makes shares sum to 1; equal ones when there is nothing to go by.
fn normalise(shares: &mut [f64]) {
    let total: f64 = shares.iter().sum();
    let equal = 1.0 / shares.len().max(1) as f64;
    for share in shares {
        *share = if total > 0.0 { *share / total } else { equal };
    }
}
