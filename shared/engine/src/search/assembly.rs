//! From chosen candidates to the members of a model, and their fits on all rows.

use domain::TrainingSettings;
use model::{Fitted, Lookup, Member, Node};
use rayon::prelude::*;

use crate::{
    boost::Params,
    clock::{Clock, Deadline},
    random::Random,
    search::{
        Found, SIDE_BY_SIDE,
        candidate::{self, Candidate, Config, Fold, FoldFit, Problem, size},
        portfolio::MODEL_NODES,
    },
    split::Split,
};

/// How much of a candidate's weight its fit on all rows gets, beside the folds' models.
const WHOLE_SHARE: f64 = 0.7;
/// Fits of a candidate on all rows at most, and the share of the budget that all but the first may take. The mean of several is steadier than
/// one.
const WHOLES: usize = 5;
const MORE_WHOLES_SHARE: f64 = 0.1;
/// What a fit alone takes, by what it takes of the time that fits side by side do.
const ALONE: f64 = 1.6;
/// Labels of their random numbers.
const WHOLE_SEEDS: u64 = 77;
/// A fit on more rows needs more rounds, by this share of the additional rows.
const ROUNDS_PER_ROW: f64 = 0.3;

/// Bytes of the model file for each node, at most; a set of codes takes several nodes.
const MOST_NODE_BYTES: f64 = 64.0;

/// A part of a model: a fit and its weight.
struct Part<'a> {
    chosen: &'a Chosen,
    fit: &'a FoldFit,
    weight: f64,
}

/// A candidate of the ensemble.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// What was fitted.
    pub candidate: Candidate,
    /// Its share of the ensemble.
    pub weight: f64,
}

/// The members of a model.
#[derive(Debug)]
pub(crate) struct Assembled {
    /// Their weights sum to 1.
    pub members: Vec<Member>,
    /// What they look up.
    pub lookups: Vec<Lookup>,
    /// Share of each input of the features, summing to 1.
    pub importances: Vec<f64>,
}

impl Candidate {
    /// Seconds that a fit on so many rows is expected to take while other fits keep all threads busy.
    pub(crate) fn whole_seconds(&self, folds: &[Fold], rows: usize) -> f64 {
        // Fits of several folds, or of several candidates on one, went on side by side.
        let at_once = if folds.len() > 1 { folds.len() } else { SIDE_BY_SIDE };
        self.seconds / at_once as f64 * rows as f64 / mean_learned(folds)
    }
}

/// Seconds that fits take, so many of them side by side, which take so long while all threads are busy.
pub(super) fn seconds_side_by_side(fits: &[f64]) -> f64 {
    let together = |fits: &[f64]| {
        let longest = fits.iter().copied().fold(0.0, f64::max);
        fits.iter().sum::<f64>().max(ALONE * longest)
    };
    fits.chunks(SIDE_BY_SIDE).map(together).sum()
}

/// Seconds to keep for more fits on all rows, where the first of each candidate take so many together.
pub(super) fn seconds_for_more(first: f64, clock: &Clock) -> f64 {
    let most = clock.share(MORE_WHOLES_SHARE);
    if first > most { 0.0 } else { most.min(first * (WHOLES - 1) as f64) }
}

/// Rows that a fold learns from, the mean.
fn mean_learned(folds: &[Fold]) -> f64 {
    (folds.iter().map(|fold| fold.split.learn.len()).sum::<usize>() as f64 / folds.len().max(1) as f64).max(1.0)
}

impl Chosen {
    fn is_forest(&self) -> bool {
        matches!(&self.candidate.config, Config::Trees(params) if params.forest)
    }

    /// The fits that make up the candidate, with their shares of it; `wholes` are those on all rows. Beside several of them the folds' models,
    /// which know neither their fold nor what was held out, have nothing to add.
    fn parts<'a>(&'a self, wholes: &'a [FoldFit], held_out: bool) -> Vec<(&'a FoldFit, f64)> {
        let few = self.candidate.fits.len() < 2 && !wholes.is_empty();
        let of_folds = if few || (held_out && wholes.len() > 1) { &[][..] } else { &self.candidate.fits };
        let whole_share = match (wholes, of_folds) {
            ([], _) => 0.0,
            (_, []) => 1.0,
            _ => WHOLE_SHARE,
        };
        let each = |fits: &'a [FoldFit], share: f64| fits.iter().map(move |fit| (fit, share / fits.len() as f64));
        each(of_folds, 1.0 - whole_share).chain(each(wholes, whole_share)).collect()
    }

    /// The configuration for a fit on `more` times the rows of a fold.
    fn whole_config(&self, more: f64) -> Config {
        match (&self.candidate.config, self.candidate.rounds) {
            (Config::Trees(params), Some(rounds)) if !params.forest => {
                let rounds = (rounds * (1.0 + ROUNDS_PER_ROW * (more - 1.0))).round() as usize;
                Config::Trees(Params { max_rounds: rounds.max(1), ..params.clone() })
            }
            (config, _) => config.clone(),
        }
    }
}

impl Found {
    /// Fits of the chosen candidates on all rows, as far as there is time: one of each, those with the largest weights first, and then more that
    /// differ by chance, within their share of the budget and as far as they fit into the model.
    pub(crate) fn fit_on_all_rows(
        &self,
        problem: &Problem,
        settings: &TrainingSettings,
        seed: u64,
        clock: &Clock,
        end: &Deadline,
    ) -> Vec<Vec<FoldFit>> {
        let mut wholes: Vec<Vec<FoldFit>> = self.chosen.iter().map(|_| Vec::new()).collect();
        if end.passed() {
            return wholes;
        }
        let all_rows = Split { learn: (0..problem.target.len() as u32).collect(), watch: Vec::new() };
        let all_rows = Fold::new(problem, all_rows, seed);
        let limits = Limits::of(settings);
        let mut end = end.clone();
        for number in 0..WHOLES {
            let seed = Random::labelled(seed, WHOLE_SEEDS + number as u64).bits();
            let is_due = |(chosen, fits): &(&Chosen, &mut Vec<FoldFit>)| {
                fits.len() == number && (number == 0 || chosen.candidate.config.is_random())
            };
            let mut due: Vec<(&Chosen, &mut Vec<FoldFit>)> = self.chosen.iter().zip(&mut wholes).filter(is_due).collect();
            for side_by_side in due.chunks_mut(SIDE_BY_SIDE) {
                side_by_side
                    .par_iter_mut()
                    .for_each(|(chosen, fits)| fits.extend(self.whole(chosen, problem, &all_rows, seed, clock, &end)));
            }
            let nodes: usize = wholes.iter().flatten().map(|fit| size(&fit.model).0).sum();
            if nodes / (number + 1) * (number + 2) > limits.nodes {
                break;
            }
            if number == 0 {
                end = end.min(clock.within(MORE_WHOLES_SHARE));
            }
        }
        wholes
    }

    /// A candidate fitted on all rows; `None` when there is no time for it.
    fn whole(&self, chosen: &Chosen, problem: &Problem, all_rows: &Fold, seed: u64, clock: &Clock, end: &Deadline) -> Option<FoldFit> {
        let rows = problem.target.len();
        if end.passed() || (clock.is_shared() && ALONE * chosen.candidate.whole_seconds(&self.folds, rows) > end.left()) {
            return None;
        }
        let config = chosen.whole_config(rows as f64 / mean_learned(&self.folds));
        let expected_rounds = if let Config::Trees(params) = &config { params.max_rounds } else { 0 };
        let fit = candidate::fit(problem, &config, all_rows, seed, end)?;
        // One that ran out of time is no better than what there is.
        (fit.rounds >= expected_rounds || !end.passed()).then_some(fit)
    }

    /// The parts of the model, within what was asked for: first the folds' models go, then all but one of each candidate's fits on all rows, then
    /// the candidates of the least weight, and of the last one the last rounds.
    fn parts<'a>(&'a self, wholes: &'a [Vec<FoldFit>], limits: Limits) -> Vec<Part<'a>> {
        let wholes = |position: usize| wholes.get(position).map_or(&[][..], Vec::as_slice);
        let weighted = |chosen: &'a Chosen, fits: Vec<(&'a FoldFit, f64)>| {
            fits.into_iter().map(move |(fit, share)| Part { chosen, fit, weight: chosen.weight * share })
        };
        let with_folds = |(position, chosen): (usize, &'a Chosen)| weighted(chosen, chosen.parts(wholes(position), self.judged.is_none()));
        let parts: Vec<Part<'_>> = self.chosen.iter().enumerate().flat_map(with_folds).collect();
        if limits.hold(&parts) {
            return parts;
        }
        let few = |most: usize| {
            move |(position, chosen): (usize, &'a Chosen)| {
                let fits =
                    if wholes(position).is_empty() { chosen.candidate.fits.iter().take(1) } else { wholes(position).iter().take(most) };
                let share = 1.0 / fits.len().max(1) as f64;
                weighted(chosen, fits.map(|fit| (fit, share)).collect())
            }
        };
        let parts: Vec<Part<'_>> = self.chosen.iter().enumerate().flat_map(few(WHOLES)).collect();
        if limits.hold(&parts) {
            return parts;
        }
        let mut parts: Vec<Part<'_>> = self.chosen.iter().enumerate().flat_map(few(1)).collect();
        while parts.len() > 1 && !limits.hold(&parts) {
            parts.pop();
        }
        let total: f64 = parts.iter().map(|part| part.weight).sum();
        parts.iter_mut().for_each(|part| part.weight /= total);
        parts
    }

    /// The members of the model, for tables of so many inputs; `wholes` are the chosen candidates' fits on all rows, as far as there are any.
    pub(crate) fn assemble(&self, wholes: &[Vec<FoldFit>], inputs: usize, settings: &TrainingSettings) -> Assembled {
        let mut assembled = Assembled { members: Vec::new(), lookups: Vec::new(), importances: vec![0.0; inputs] };
        let limits = Limits::of(settings);
        for Part { chosen, fit, weight } in self.parts(wholes, limits) {
            let total: f64 = fit.importances.iter().sum();
            for (input, &value) in fit.importances.iter().enumerate().filter(|_| total > 0.0) {
                // What a looked-up number gained belongs to the category that it was looked up for.
                let of = input.checked_sub(inputs).and_then(|lookup| fit.lookups.get(lookup)).map_or(input, |lookup| lookup.input as usize);
                if let Some(sum) = assembled.importances.get_mut(of) {
                    *sum += weight * value / total;
                }
            }
            let start = assembled.place(&fit.lookups);
            let model = limits.cut(moved(fit.model.clone(), inputs, start), chosen.is_forest());
            let (name, weight) = (chosen.candidate.name.clone(), weight as f32);
            assembled.members.push(Member { name, weight, link: fit.link, model });
        }
        normalise(&mut assembled.importances);
        assembled
    }
}

impl Assembled {
    /// Where these lookups are among all: they are added unless they are there already.
    fn place(&mut self, lookups: &[Lookup]) -> usize {
        if lookups.is_empty() {
            return 0;
        }
        let known = self.lookups.windows(lookups.len()).position(|window| window == lookups);
        known.unwrap_or_else(|| {
            self.lookups.extend_from_slice(lookups);
            self.lookups.len() - lookups.len()
        })
    }
}

/// How large a model may be.
#[derive(Debug, Clone, Copy)]
struct Limits {
    trees: usize,
    nodes: usize,
}

impl Limits {
    fn of(settings: &TrainingSettings) -> Self {
        Self {
            trees: settings.max_trees.map_or(usize::MAX, |trees| trees as usize),
            nodes: settings.max_model_mb.map_or(usize::MAX, |megabytes| (megabytes * 1e6 / MOST_NODE_BYTES) as usize).min(MODEL_NODES),
        }
    }

    fn hold(self, parts: &[Part<'_>]) -> bool {
        let sizes = parts.iter().map(|part| size(&part.fit.model)).fold((0, 0), |all, next| (all.0 + next.0, all.1 + next.1));
        sizes.0 <= self.nodes && sizes.1 <= self.trees
    }

    /// The model without the rounds that are too many; it keeps one at least. Of a forest, the trees that stay count for the others.
    fn cut(self, model: Fitted, is_mean: bool) -> Fitted {
        let Fitted::Trees(mut forest) = model else { return model };
        let (outputs, all) = (forest.base.len().max(1), forest.trees.len());
        let mut kept = all.min(self.trees / outputs * outputs).max(outputs.min(all));
        while kept > outputs && forest.trees.iter().take(kept).map(|tree| tree.nodes.len()).sum::<usize>() > self.nodes {
            kept -= outputs;
        }
        forest.trees.truncate(kept);
        if is_mean && kept < all {
            let factor = all as f32 / kept as f32;
            for node in forest.trees.iter_mut().flat_map(|tree| &mut tree.nodes) {
                if let Node::Leaf { value } = node {
                    *value *= factor;
                }
            }
        }
        Fitted::Trees(forest)
    }
}

/// The same model with its looked-up inputs `start` places further.
fn moved(mut model: Fitted, inputs: usize, start: usize) -> Fitted {
    if let (Fitted::Trees(forest), 1..) = (&mut model, start) {
        for node in forest.trees.iter_mut().flat_map(|tree| &mut tree.nodes) {
            if let Node::Threshold { feature, .. } | Node::InSet { feature, .. } = node
                && *feature as usize >= inputs
            {
                *feature += start as u32;
            }
        }
    }
    model
}

/// Makes shares sum to 1; equal ones when there is nothing to go by.
fn normalise(shares: &mut [f64]) {
    let total: f64 = shares.iter().sum();
    let equal = 1.0 / shares.len().max(1) as f64;
    for share in shares {
        *share = if total > 0.0 { *share / total } else { equal };
    }
}
