//! The search for a model within a time budget.
//!
//! A first fit on one fold shows what a fit costs and so how many folds there are, and how often they are dealt anew. A portfolio of
//! configurations is fitted on the folds; then, while there is time and it helps, variations of the best, which on very large tables first
//! have to do well on parts of the rows. A weighted ensemble of the candidates is chosen by how it predicts the rows that the folds judged;
//! its probabilities are calibrated by the same rows, if that helps. The folds' models stay together as a bag.

mod assembly;
mod candidate;
mod ensemble;
mod halving;
mod out_of_fold;
mod portfolio;

use std::time::Instant;

use domain::{CalibrationOutcome, Family, Metric, TrainingSettings};
use rayon::prelude::*;

pub(crate) use self::{
    assembly::Chosen,
    candidate::{Candidate, Config, Fold, FoldFit, Problem},
};
use self::{
    candidate::Bench,
    ensemble::{Room, select},
    out_of_fold::Measured,
    portfolio::{NODE_BYTES, Shape},
};
use crate::{
    EngineError,
    boost::Params,
    calibrate::Calibrated,
    clock::{Clock, Deadline},
    matrix::Target,
    random::Random,
    split::{Arrangement, Split, folds, one_fold},
};

/// Folds that the rows are dealt into.
const FOLDS: usize = 5;
/// How often rows are dealt into folds at most, and up to how many rows they are dealt more than once.
const MAX_DEALS: usize = 3;
const FEW_ROWS: usize = 2_500;
/// Fits that the budget should allow, to choose the number of folds by; and of each deal, to deal more than once.
const FITS: f64 = 10.0;
const FITS_OF_A_DEAL: f64 = 40.0;
/// Variations without improvement after which to stop if this much of the budget went without one, and after which to stop anyway.
const PATIENCE: usize = 30;
const IDLE_SHARE: f64 = 0.1;
const MOST_PATIENCE: usize = 80;
/// What counts as an improvement, relative: this, or what chance alone makes of so many rows, this over the root of their number.
const IMPROVEMENT: f64 = 1e-4;
const CHANCE: f64 = 0.02;
/// Candidates for each row, at most: the best of many more is the luckiest on these rows.
const CANDIDATES_PER_ROW: f64 = 0.3;
const FEWEST_CANDIDATES: usize = 60;
/// How many of the best candidates are varied.
const PARENTS: usize = 4;
/// Configurations that are fitted side by side where one alone leaves threads idle, whatever the number of threads.
const SIDE_BY_SIDE: usize = 2;
/// The most that one candidate may take of the budget, and a linear one, which on a large table is rarely the best.
const CANDIDATE_SHARE: f64 = 0.25;
const LINEAR_SHARE: f64 = 0.06;
/// The most rows that a linear model learns from when it is a baseline only, and its penalty.
const BASELINE_ROWS: usize = 3_000;
const BASELINE_PENALTY: f64 = 1.0;

/// Candidates that an ensemble is expected to have, and the seconds that they must take before it is chosen to see which they are; and what it
/// takes to send a row down a tree.
const EXPECTED_CHOICES: usize = 4;
const WORTH_CHOOSING: f64 = 1.0;
const SECONDS_PER_WALK: f64 = 4e-8;

/// A candidate as the leaderboard shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct LeaderboardEntry {
    /// Unique name.
    pub name: String,
    /// Its family.
    pub family: Family,
    /// The metric of the score.
    pub metric: Metric,
    /// Measured on rows that its models did not learn from.
    pub validation_score: f64,
    /// Seconds that fitting it took.
    pub fit_seconds: f64,
    /// Seconds that predicting a thousand rows takes all its models.
    pub predict_seconds: f64,
    /// Bytes that it takes of a model file, about.
    pub bytes: usize,
    /// Nodes of its trees.
    pub nodes: usize,
    /// Its trees.
    pub trees: usize,
    /// Its share of the model; 0 when it is not part of it.
    pub weight: f64,
    /// Boosting rounds, the mean over the folds; `None` for other models.
    pub rounds: Option<f64>,
    /// Its parameters by name.
    pub parameters: Vec<(String, String)>,
}

/// What a search found.
#[derive(Debug)]
pub(crate) struct Found {
    /// The candidates of the ensemble, the one with the largest weight first.
    pub chosen: Vec<Chosen>,
    /// Corrects the probabilities, where that helps; the parts that it is cross-fitted on are the folds of the first deal, or halves of the
    /// rows that the only fold judged.
    pub calibrated: Option<Calibrated>,
    /// Why so; `None` for numbers.
    pub calibration: Option<CalibrationOutcome>,
    /// The second of two labels is chosen when its probability is above this.
    pub threshold: Option<f32>,
    /// What the candidates were chosen by.
    pub metric: Metric,
    /// All candidates, best first.
    pub leaderboard: Vec<LeaderboardEntry>,
    /// The folds, deal after deal.
    pub folds: Vec<Fold>,
    /// For each row that folds judged the mean outputs of ensembles that were chosen, and calibrated, without its fold: the row, and its
    /// outputs.
    pub judged: Option<(Vec<u32>, Vec<f32>)>,
    /// The best score so far, by seconds since the start.
    pub history: Vec<(f64, f64)>,
    /// Whether the search ended because more of it no longer helped.
    pub converged: bool,
    /// The best linear candidate's fits, one for each fold, as a baseline; none when there was no such candidate.
    pub linear: Vec<FoldFit>,
    count: usize,
}

/// News of a search.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct News {
    /// Candidates so far.
    pub fitted: usize,
    /// The best one's score.
    pub score: f64,
    /// The metric.
    pub metric: Metric,
    /// The best one's name.
    pub name: String,
}

/// A loss as the metric's own value.
pub(crate) fn score_of(metric: Metric, loss: f64) -> f64 {
    if metric.greater_is_better() { 1.0 - loss } else { loss }
}

/// What is asked of a search.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// What a person decided.
    pub settings: &'a TrainingSettings,
    /// Decides every random choice.
    pub seed: u64,
    /// Whether the rows that folds judged are wanted with what ensembles predicted for them that were chosen without their fold.
    pub judge: bool,
}

/// When a search must end.
#[derive(Debug, Clone)]
pub(crate) struct Times {
    /// At the latest.
    pub latest: Deadline,
    /// When judging and the fits on all rows, which follow, must end.
    pub fits_end: Deadline,
}

/// Searches until it must end or nothing improves.
pub(crate) fn search(
    problem: &Problem,
    asked: &Asked<'_>,
    clock: &Clock,
    times: Times,
    on_news: &mut (dyn FnMut(News) + Send),
) -> Result<Found, EngineError> {
    let Asked { settings, seed, judge } = *asked;
    let unavailable: &[Family] = if problem.monotone.is_empty() { &[] } else { &[Family::Linear] };
    let shape = Shape {
        many_categories: problem.in_order.is_some(),
        ..Shape::new(problem.rows.len(), problem.target.outputs(), problem.objectives(), settings, unavailable)
    };
    let nothing = || EngineError::NoFamily("linear models cannot be made to follow a feature".to_owned());
    let first = shape.first().ok_or_else(nothing)?;

    let one = one_fold(&problem.target, &problem.arrangement, &problem.rows, seed);
    let pilot_fold = one.into_iter().next().map(|split| Fold::new(problem, split, seed));
    let started = Instant::now();
    let pilot_seed = Random::labelled(Random::labelled(seed, 0).bits(), 0).bits();
    let pilot = pilot_fold.as_ref().and_then(|fold| candidate::fit(problem, &first, fold, pilot_seed, &clock.within(CANDIDATE_SHARE)));
    let pilot_seconds = if clock.is_shared() { started.elapsed().as_secs_f64() } else { 0.0 };
    let (count, deals) = affordable_folds(problem, &shape, pilot_seconds, &times.latest, judge);

    let (dealt, count, done) = if count > 1 {
        let deal = |deal: usize| folds(&problem.target, &problem.arrangement, &problem.rows, count, seed.wrapping_add(deal as u64));
        let dealt: Vec<Vec<Split>> = (0..deals).map(deal).collect();
        // Few groups, or few rows of labels that repeat, fill fewer folds.
        let filled = dealt.iter().map(Vec::len).min().unwrap_or(0);
        let splits = dealt.into_iter().flat_map(|splits| splits.into_iter().take(filled));
        let fold = |(number, split)| {
            let mut fold = Fold::new(problem, split, seed);
            fold.only_judges = number >= filled;
            fold
        };
        (splits.enumerate().map(fold).collect(), filled, Vec::new())
    } else {
        (pilot_fold.into_iter().collect::<Vec<_>>(), count, pilot.into_iter().collect())
    };
    let watched: Vec<u32> = dealt.iter().flat_map(|fold: &Fold| fold.split.watch.iter().copied()).collect();
    let mut search = Search {
        problem,
        shape,
        bench: Bench::new(problem, &watched),
        folds: dealt,
        seed,
        clock,
        times,
        watched,
        candidates: Vec::new(),
        history: Vec::new(),
        converged: false,
        linear: None,
        count,
        most: settings.candidates.map_or(usize::MAX, |most| most as usize),
        on_news,
    };
    search.try_configs(&[first], &done);
    for configs in search.shape.portfolio().chunks(search.at_once()) {
        search.try_configs(configs, &[]);
    }
    search.vary();
    search.finish(judge).ok_or_else(|| EngineError::NoFamily("no model could be fitted to this table".to_owned()))
}

/// How many folds, and how often they are dealt: as many as leave time for a fair number of fits and as a
/// model's size allows; one, or [`FOLDS`] at least.
fn affordable_folds(problem: &Problem, shape: &Shape, pilot: f64, end: &Deadline, judge: bool) -> (usize, usize) {
    if matches!(problem.arrangement, Arrangement::Times(_)) {
        return (1, 1);
    }
    let fits = end.left() / pilot.max(1e-6);
    // Where folds judge the model, too, there are enough of them whatever their size: then the models are smaller.
    let has_room = judge || shape.has_room_for(FOLDS);
    if !has_room || fits < FITS * FOLDS as f64 {
        return (1, 1);
    }
    let rows = problem.rows.len();
    let in_time = (fits / (FITS_OF_A_DEAL * FOLDS as f64)) as usize;
    (FOLDS, if rows <= FEW_ROWS { in_time.clamp(1, MAX_DEALS) } else { 1 })
}

struct Search<'a> {
    problem: &'a Problem,
    shape: Shape,
    folds: Vec<Fold>,
    seed: u64,
    clock: &'a Clock,
    times: Times,
    /// Rows that the folds judge, fold after fold.
    watched: Vec<u32>,
    bench: Bench,
    /// Best first; those that cannot become part of the model have forgotten theirs.
    candidates: Vec<Candidate>,
    history: Vec<(f64, f64)>,
    converged: bool,
    /// The best linear candidate, whatever became of it among the others.
    linear: Option<Candidate>,
    /// Folds of a deal.
    count: usize,
    /// The most candidates.
    most: usize,
    on_news: &'a mut (dyn FnMut(News) + Send),
}

impl Search<'_> {
    /// Configurations that are fitted at once: folds already keep threads busy.
    fn at_once(&self) -> usize {
        if self.folds.len() == 1 { SIDE_BY_SIDE } else { 1 }
    }

    /// Fits configurations, if there is time or nothing else yet. Whether one is better than all before.
    fn try_configs(&mut self, configs: &[Config], done: &[FoldFit]) -> bool {
        let end = self.end();
        if (end.passed() || self.candidates.len() >= self.most) && !self.candidates.is_empty() {
            return false;
        }
        let first = self.candidates.len() as u64;
        let fit = |(number, config): (u64, &Config)| {
            let config = if done.is_empty() { self.shape.bounded(config, self.count) } else { config.clone() };
            let share = if matches!(config, Config::Linear(_)) { LINEAR_SHARE } else { CANDIDATE_SHARE };
            let deadline = end.clone().min(self.clock.within(share));
            let seed = Random::labelled(self.seed, number).bits();
            Candidate::fit(self.problem, config, &self.folds, &self.bench, done.to_vec(), seed, &deadline)
        };
        let numbered: Vec<(u64, &Config)> = (first..).zip(configs).collect();
        let fitted: Vec<Candidate> = numbered.into_par_iter().filter_map(fit).collect();
        fitted.into_iter().map(|candidate| self.add(candidate)).fold(false, |any, better| any | better)
    }

    /// When the search must end, by what the candidates that would be chosen now take to be judged and to be fitted on all rows.
    fn end(&self) -> Deadline {
        let rows = self.problem.target.len();
        let judged = rows.saturating_sub(self.problem.rows.len());
        let fitted = |candidate: &Candidate| candidate.whole_seconds(&self.folds, rows);
        let seconds = |candidate: &Candidate| fitted(candidate) + (judged * candidate.trees) as f64 * SECONDS_PER_WALK;
        let best: Vec<&Candidate> = self.candidates.iter().take(EXPECTED_CHOICES).collect();
        // Choosing costs a little; it is worth that where fits cost more.
        let chosen = if best.iter().copied().map(seconds).sum::<f64>() < WORTH_CHOOSING {
            best
        } else {
            let all: Vec<usize> = (0..self.watched.len()).collect();
            self.choose(&all).iter().filter_map(|(position, _)| self.candidates.get(*position)).collect()
        };
        let fits: Vec<f64> = chosen.iter().copied().map(fitted).collect();
        let first = assembly::seconds_side_by_side(&fits);
        let judging: usize = chosen.iter().map(|candidate| judged * candidate.trees).sum();
        let after = first + assembly::seconds_for_more(first, self.clock) + judging as f64 * SECONDS_PER_WALK;
        self.times.latest.clone().min(self.times.fits_end.earlier_by(after))
    }

    /// The ensemble that predicts the judged rows at some positions best.
    fn choose(&self, positions: &[usize]) -> Vec<(usize, f64)> {
        let room = Room { nodes: 2 * self.shape.room.nodes, trees: self.shape.room.trees };
        select(self.problem, &self.candidates, positions, &self.watched, &self.eligible(), room)
    }

    /// The candidates that may become part of the model, by position: the best, and the best of each family, which errs elsewhere than the
    /// variations of one that are often the best.
    fn eligible(&self) -> Vec<usize> {
        let most = ensemble::most_eligible(self.problem.rows.len(), self.watched.len() * self.problem.width());
        let mut seen: Vec<Family> = Vec::new();
        let may = |(position, candidate): (usize, &Candidate)| {
            let family = candidate.config.family();
            let is_first = !seen.contains(&family);
            if is_first {
                seen.push(family);
            }
            (position < most || is_first).then_some(position)
        };
        self.candidates.iter().enumerate().filter_map(may).collect()
    }

    /// Puts a candidate in its place. Whether it is better than all before.
    fn add(&mut self, mut candidate: Candidate) -> bool {
        let same_family = self.candidates.iter().filter(|other| other.config.family() == candidate.config.family()).count();
        if same_family > 0 {
            candidate.name = format!("{}_{}", candidate.name, same_family + 1);
        }
        if candidate.config.family() == Family::Linear && self.linear.as_ref().is_none_or(|linear| candidate.loss < linear.loss) {
            self.linear = Some(candidate.clone());
        }
        let improvement = (CHANCE / (self.problem.rows.len() as f64).sqrt()).max(IMPROVEMENT);
        let better = self.candidates.first().is_none_or(|best| candidate.loss < best.loss - improvement * best.loss.abs());
        let rank = self.candidates.partition_point(|other| other.loss.total_cmp(&candidate.loss).is_le());
        self.candidates.insert(rank, candidate);
        let eligible = self.eligible();
        let others = self.candidates.iter_mut().enumerate().filter(|(position, _)| !eligible.contains(position));
        others.for_each(|(_, candidate)| candidate.forget());
        if let Some(best) = self.candidates.first() {
            let metric = self.bench.metric();
            let score = score_of(metric, best.loss);
            self.history.push((self.clock.elapsed(), score));
            (self.on_news)(News { fitted: self.candidates.len(), score, metric, name: best.name.clone() });
        }
        better
    }

    /// Tries variations of the best configurations of trees until there is no time or no improvement.
    fn vary(&mut self) {
        let mut random = Random::labelled(self.seed, u64::MAX);
        let (mut idle, mut improved) = (0, self.clock.elapsed());
        let patience = self.clock.share(IDLE_SHARE);
        let fold = self.folds.first().filter(|_| !self.end().passed());
        let stages = fold.map_or_else(Vec::new, |fold| halving::stages(self.problem, &fold.split, self.seed));
        let entrants = if stages.is_empty() { 1 } else { halving::ENTRANTS };
        let enough = FEWEST_CANDIDATES.max((CANDIDATES_PER_ROW * self.problem.rows.len() as f64) as usize);
        while !self.end().passed() && self.candidates.len() < self.most {
            let idle_for_long = idle >= PATIENCE && self.clock.elapsed() - improved >= patience;
            if self.clock.is_shared() && (idle_for_long || idle >= MOST_PATIENCE || self.candidates.len() >= enough) {
                self.converged = true;
                break;
            }
            let parents: Vec<&Params> = self.candidates.iter().filter_map(params).take(PARENTS).collect();
            let vary = |_| Some(Config::Trees(self.shape.mutation(parents.get(random.below(parents.len()))?, &mut random)));
            let mut variations: Vec<Config> = (0..entrants * self.at_once()).filter_map(vary).collect();
            if !stages.is_empty() {
                let end = self.end().min(self.clock.within(CANDIDATE_SHARE));
                variations = halving::best_of(self.problem, &stages, variations, self.at_once(), random.bits(), &end);
            }
            if variations.is_empty() {
                self.converged = !self.end().passed();
                break;
            }
            if self.try_configs(&variations, &[]) {
                (idle, improved) = (0, self.clock.elapsed());
            } else {
                idle += variations.len();
            }
        }
    }

    fn finish(self, judge: bool) -> Option<Found> {
        let all: Vec<usize> = (0..self.watched.len()).collect();
        let weights = self.choose(&all);
        let Measured { judged, calibration, calibrated } = self.measure(&weights, judge);
        let metric = self.bench.metric();
        let entry = |(position, candidate): (usize, &Candidate)| LeaderboardEntry {
            name: candidate.name.clone(),
            family: candidate.config.family(),
            metric,
            validation_score: score_of(metric, candidate.loss),
            fit_seconds: candidate.seconds,
            predict_seconds: candidate.predict_seconds,
            bytes: (candidate.nodes as f64 * NODE_BYTES) as usize,
            nodes: candidate.nodes,
            trees: candidate.trees,
            weight: weights.iter().find(|(chosen, _)| *chosen == position).map_or(0.0, |(_, weight)| *weight),
            rounds: candidate.rounds,
            parameters: candidate.config.parameters(),
        };
        let leaderboard = self.candidates.iter().enumerate().map(entry).collect();
        let mut blend = vec![0.0_f32; self.watched.len() * self.problem.width()];
        for &(position, weight) in &weights {
            blend.iter_mut().zip(&self.candidates[position].predictions).for_each(|(sum, value)| *sum += weight as f32 * value);
        }
        let threshold = self.bench.threshold(&blend, calibrated.as_ref().map(|calibrated| calibrated.whole));
        let mut candidates: Vec<Option<Candidate>> = self.candidates.into_iter().map(Some).collect();
        let take = |&(position, weight): &(usize, f64)| Some(Chosen { candidate: candidates.get_mut(position)?.take()?, weight });
        let mut chosen: Vec<Chosen> = weights.iter().filter_map(take).collect();
        chosen.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        (!chosen.is_empty()).then_some(Found {
            chosen,
            calibrated,
            calibration,
            threshold,
            metric,
            leaderboard,
            folds: self.folds,
            judged,
            history: self.history,
            converged: self.converged,
            linear: self.linear.map_or_else(Vec::new, |candidate| candidate.fits),
            count: self.count,
        })
    }
}

impl Found {
    /// Folds of a deal.
    pub(crate) fn fold_count(&self) -> usize {
        self.count
    }

    /// Linear models as a baseline where the search tried none: one on a sample of what each fold learned from, or a single one of all that the
    /// search did where rows were held out. None when one cannot be fitted until then.
    pub(crate) fn linear_baseline(&self, problem: &Problem, held_out: bool, deadline: &Deadline) -> Vec<FoldFit> {
        let folds = self.folds.iter().take(self.count).map(|fold| &fold.split.learn);
        let learned: Vec<&Vec<u32>> = if held_out { vec![&problem.rows] } else { folds.collect() };
        let fit = |rows: &&Vec<u32>| {
            let sample: Vec<u32> = rows.iter().copied().step_by(rows.len().div_ceil(BASELINE_ROWS).max(1)).collect();
            candidate::fit_linear(problem, BASELINE_PENALTY, &sample, &[], deadline)
        };
        learned.par_iter().map(fit).collect::<Option<_>>().unwrap_or_default()
    }

    /// The family of the candidate with the largest weight.
    pub(crate) fn best_estimator(&self) -> String {
        self.chosen.first().map_or("none", |chosen| chosen.candidate.config.family().name()).to_owned()
    }
}

fn params(candidate: &Candidate) -> Option<&Params> {
    match &candidate.config {
        Config::Trees(params) => Some(params),
        Config::Linear(_) => None,
    }
}

/// Whether a target has so many rows and labels that probabilities of all of them cannot be kept for each candidate.
pub(crate) fn keeps_all(target: &Target) -> bool {
    match target {
        Target::Classes { count, .. } if *count > 2 => count * target.len() <= candidate::MOST_OUTPUTS,
        _ => true,
    }
}
