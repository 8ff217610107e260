//! From chosen candidates to the members of a model, and their fits on all rows.

use model::{Fitted, Lookup, Member, Node};

use crate::{
    boost::Params,
    clock::{Clock, Deadline},
    random::Random,
    search::{
        Found,
        candidate::{self, Candidate, Config, Fold, FoldFit, Problem},
    },
    split::Split,
};

/// How much of a candidate's weight its fit on all rows gets, beside the folds' models.
const WHOLE_SHARE: f64 = 0.7;
/// A fit on more rows needs more rounds, by this share of the additional rows.
const ROUNDS_PER_ROW: f64 = 0.3;

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
    /// Seconds that a fit on so many rows is expected to take.
    pub(crate) fn whole_seconds(&self, folds: &[Fold], rows: usize) -> f64 {
        // Folds are fitted side by side; what one alone takes is more than its share of their time.
        let alone = if folds.len() > 1 { 1.6 } else { 1.1 };
        self.seconds / folds.len().max(1) as f64 * rows as f64 / mean_learned(folds) * alone
    }
}

/// Rows that a fold learns from, the mean.
fn mean_learned(folds: &[Fold]) -> f64 {
    (folds.iter().map(|fold| fold.split.learn.len()).sum::<usize>() as f64 / folds.len().max(1) as f64).max(1.0)
}

impl Chosen {
    /// The fits that make up the candidate, with their shares of it; `whole` is the one on all rows.
    fn parts<'a>(&'a self, whole: Option<&'a FoldFit>) -> Vec<(&'a FoldFit, f64)> {
        let fits = &self.candidate.fits;
        match whole {
            Some(whole) if fits.len() < 2 => vec![(whole, 1.0)],
            Some(whole) => {
                let share = (1.0 - WHOLE_SHARE) / fits.len() as f64;
                fits.iter().map(|fit| (fit, share)).chain([(whole, WHOLE_SHARE)]).collect()
            }
            None => fits.iter().map(|fit| (fit, 1.0 / fits.len() as f64)).collect(),
        }
    }
}

impl Found {
    /// Fits of the chosen candidates on all rows, as far as there is time: the ones with the largest weights first.
    pub(crate) fn fit_on_all_rows(&self, problem: &Problem, seed: u64, clock: &Clock, end: &Deadline) -> Vec<Option<FoldFit>> {
        let all: Vec<u32> = (0..problem.target.len() as u32).collect();
        let mut fold: Option<Fold> = None;
        let mut wholes = Vec::new();
        for chosen in &self.chosen {
            let candidate = &chosen.candidate;
            if end.passed() || (clock.is_shared() && candidate.whole_seconds(&self.folds, all.len()) > end.left()) {
                wholes.push(None);
                continue;
            }
            let more = all.len() as f64 / mean_learned(&self.folds);
            let fold = fold.get_or_insert_with(|| Fold::new(problem, Split { learn: all.clone(), watch: Vec::new() }, seed));
            let config = match (&candidate.config, candidate.rounds) {
                (Config::Trees(params), Some(rounds)) if !params.forest => {
                    let rounds = (rounds * (1.0 + ROUNDS_PER_ROW * (more - 1.0))).round() as usize;
                    Config::Trees(Params { max_rounds: rounds.max(1), ..params.clone() })
                }
                (config, _) => config.clone(),
            };
            let expected_rounds = if let Config::Trees(params) = &config { params.max_rounds } else { 0 };
            let fit = candidate::fit(problem, &config, fold, Random::labelled(seed, 77).bits(), end);
            // One that ran out of time is no better than what there is.
            wholes.push(fit.filter(|fit| fit.rounds >= expected_rounds || !end.passed()));
        }
        wholes
    }

    /// The members of the model, for tables of so many inputs; `wholes` are the chosen candidates' fits on all rows, as far as there are any.
    pub(crate) fn assemble(&self, wholes: &[Option<FoldFit>], inputs: usize) -> Assembled {
        let mut assembled = Assembled { members: Vec::new(), lookups: Vec::new(), importances: vec![0.0; inputs] };
        for (position, chosen) in self.chosen.iter().enumerate() {
            for (fit, share) in chosen.parts(wholes.get(position).and_then(Option::as_ref)) {
                let total: f64 = fit.importances.iter().sum();
                for (input, &value) in fit.importances.iter().enumerate().filter(|_| total > 0.0) {
                    // What a looked-up number gained belongs to the category that it was looked up for.
                    let of =
                        input.checked_sub(inputs).and_then(|lookup| fit.lookups.get(lookup)).map_or(input, |lookup| lookup.input as usize);
                    if let Some(sum) = assembled.importances.get_mut(of) {
                        *sum += chosen.weight * share * value / total;
                    }
                }
                let start = assembled.place(&fit.lookups);
                let model = moved(fit.model.clone(), inputs, start);
                let weight = (chosen.weight * share) as f32;
                assembled.members.push(Member { name: chosen.candidate.name.clone(), weight, link: fit.link, model });
            }
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
