//! The door for `benches/boost`: the inputs that boosting sees, so that a peer can be given the same, and one run with given parameters
//! from those inputs to a model. No target statistics, no validation, no early stop.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::Profile;
use model::{Fitted, Member, Pipeline, Predictions, Task};
use rayon::ThreadPoolBuilder;
use table::Frame;

use crate::{
    EngineError, Options,
    boost::{self, Params, loss::Objective},
    clock::Clock,
    encode::{self, batch},
    matrix::{Column, Matrix, Target},
    prepare::Prepared,
    search::Problem,
};

/// Longer than any run.
const LONG: Duration = Duration::from_hours(24);

/// A table as boosting sees it.
#[derive(Debug)]
pub struct Bench {
    prepared: Prepared,
    matrix: Matrix,
}

/// What both sides are given, by LightGBM's names.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The most leaves of a tree.
    pub num_leaves: usize,
    /// Share of each tree's step that is taken.
    pub learning_rate: f64,
    /// The fewest rows of a leaf.
    pub min_data_in_leaf: usize,
    /// Trees for each output.
    pub rounds: usize,
}

/// Inputs column by column, codes as numbers, and which of them are codes.
pub type Inputs = (Vec<Vec<f32>>, Vec<bool>);

impl Bench {
    /// Prepares a table; `options` say what the target is and which columns are left out.
    pub fn new(frame: &Frame, profile: &Profile, options: &Options) -> Result<Self, EngineError> {
        let prepared = Prepared::new(frame, profile, options)?;
        let matrix = prepared.matrix(frame)?;
        Ok(Self { prepared, matrix })
    }

    /// The labels as texts; none for numbers.
    pub fn labels(&self) -> Vec<String> {
        self.prepared.labels.iter().map(ToString::to_string).collect()
    }

    /// The inputs that trees look at.
    pub fn inputs(&self) -> Inputs {
        plain(&self.matrix)
    }

    /// The same inputs of another table.
    pub fn inputs_of(&self, frame: &Frame) -> Result<Inputs, EngineError> {
        Ok(plain(&encode::matrix(frame, &self.prepared.features, &(0..frame.rows).collect::<Vec<_>>())?))
    }

    /// By row the number, or the position of the label.
    pub fn target(&self) -> Vec<f64> {
        match &self.prepared.target {
            Target::Numbers(values) => values.clone(),
            Target::Classes { classes, .. } => classes.iter().map(|&class| f64::from(class)).collect(),
        }
    }

    /// Bins and boosts; the seconds that it took, and the predictions for another table.
    pub fn run(&self, settings: Settings, threads: usize, seed: u64, frame: &Frame) -> Result<(f64, Predictions), EngineError> {
        let rows: Vec<u32> = (0..self.prepared.target.len() as u32).collect();
        let (matrix, target) = (self.matrix.clone(), self.prepared.target.clone());
        let Settings { num_leaves, learning_rate, min_data_in_leaf, rounds } = settings;
        let params = Params { num_leaves, learning_rate, min_data_in_leaf, max_rounds: rounds, ..Params::default() };
        let end = Clock::start(LONG, true, Arc::default()).at(1.0);
        let pool = ThreadPoolBuilder::new().num_threads(threads).build()?;
        let (seconds, model, link) = pool.install(|| {
            let start = Instant::now();
            let problem = Problem::new(matrix, target, rows, self.prepared.metric);
            let (loss, link) = (problem.loss(Objective::Natural), problem.link(Objective::Natural));
            let data = boost::Data { binned: &problem.binned, loss, learn: &problem.rows, watch: &[], monotone: &[] };
            let forest = boost::boost(data, &params, seed, &end).forest;
            (start.elapsed().as_secs_f64(), problem.in_units(Fitted::Trees(forest), link), link)
        });
        let task = match &self.prepared.target {
            Target::Numbers(_) => Task::Regression,
            Target::Classes { .. } => Task::Classification { labels: self.prepared.labels.clone() },
        };
        let members = vec![Member { name: "boosting".to_owned(), weight: 1.0, link, model }];
        let features = self.prepared.features.clone();
        let pipeline = Pipeline { task, features, lookups: Vec::new(), calibration: None, threshold: None, members };
        let (batch, _) = batch(frame, &pipeline.features, &(0..frame.rows).collect::<Vec<_>>())?;
        Ok((seconds, pipeline.predict(&batch)))
    }
}

fn plain(matrix: &Matrix) -> Inputs {
    let seen = matrix.columns.iter().zip(&matrix.for_trees).filter(|(_, seen)| **seen);
    seen.map(|(column, _)| match column {
        Column::Numbers(values) => (values.clone(), false),
        Column::Codes { codes, .. } => (codes.iter().map(|&code| f32::from(code)).collect(), true),
    })
    .unzip()
}
