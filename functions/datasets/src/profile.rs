//! `GET /datasets/{id}/profile` and `/preview`: everything that was found in a table, and its first rows.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use api::{ApiError, Caller, Input, PathId, Query, ReadInput, input};
use axum::{Json, extract::State};
use domain::{
    Association, ColumnProfile, DatasetId, DatasetStatus, Finding, ProblemGuess, Profile, ReadAs, TargetFacts, TargetRelations, UserId,
    exclusions, explain_problem_type, findings, limits::MAX_COLUMNS, quality_score,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::App;

const WHAT: &str = "Error getting profile";
/// Columns of one answer: each may take some kilobytes.
const MAX_SHOWN_COLUMNS: u32 = 1_000;
const MAX_SHOWN_ROWS: u32 = 100;

/// Which part of a profile is wanted.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(crate) struct Request {
    /// The first column, from 0.
    #[schemars(range(max = MAX_COLUMNS), default)]
    offset: u32,
    /// How many columns at most.
    #[schemars(range(min = 1, max = MAX_SHOWN_COLUMNS), default = "all")]
    limit: u32,
    /// The column that a model would predict: with it, the answer says what would be learned, how it goes with the other columns, and
    /// which of them would be left out.
    target: Option<String>,
}

fn all() -> u32 {
    MAX_SHOWN_COLUMNS
}

impl ReadInput for Request {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        let offset = input.with_default("offset", 0, input::integer(0..=MAX_COLUMNS as u32));
        let limit = input.with_default("limit", all(), input::integer(1..=MAX_SHOWN_COLUMNS));
        let target = input.nullable("target", input::text);
        Some(Self { offset: offset?, limit: limit?, target: target? })
    }
}

/// How many rows are wanted.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(crate) struct PreviewRequest {
    /// Rows at most.
    #[schemars(range(min = 1, max = MAX_SHOWN_ROWS), default = "twenty")]
    rows: u32,
}

fn twenty() -> u32 {
    20
}

impl ReadInput for PreviewRequest {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(Self { rows: input.with_default("rows", twenty(), input::integer(1..=MAX_SHOWN_ROWS))? })
    }
}

/// What was found in a table.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ProfileAnswer {
    dataset_id: DatasetId,
    /// Data rows.
    rows: u64,
    /// Bytes of the file.
    bytes: u64,
    /// What identifies the file's bytes: `blake3:` and their BLAKE3 hash in hex.
    fingerprint: String,
    read_as: ReadAs,
    /// All columns, those of other pages too.
    column_count: usize,
    /// Those of this page.
    columns: Vec<ColumnProfile>,
    /// What would be learned; `null` without a target.
    problem: Option<ProblemGuess>,
    /// The columns that a model would leave out, and why; `null` without a target. Training leaves out the same.
    left_out: Option<BTreeMap<String, String>>,
    /// How the target goes with each column of this page, the most telling first; `null` without a target.
    relations: Option<TargetRelations>,
    /// What a person should know, the most severe first.
    findings: Vec<Finding>,
    /// From 0 to 100, how ready the table is to be learned from.
    quality: u32,
    /// Rows that repeat an earlier one.
    duplicate_rows: u64,
    /// Whether those were counted; otherwise the number is an estimate.
    duplicate_rows_exact: bool,
    /// Rows that quantiles, histograms and associations rest on: all, or a uniform sample.
    sampled_rows: u64,
    /// Rows of one of the stripes by which `missing_by_stripe` counts.
    stripe_rows: u64,
    /// How strongly pairs of columns go together, the strongest first; only on the first page.
    associations: Vec<Association>,
}

/// A table's first rows.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Preview {
    dataset_id: DatasetId,
    /// Names of the columns.
    columns: Vec<String>,
    /// The cells as the file has them; `null` where one holds no value.
    rows: Vec<Vec<Option<String>>>,
    /// Data rows of the whole table.
    row_count: u64,
}

pub(crate) async fn profile(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    PathId(id): PathId,
    Query(request): Query<Request>,
) -> Result<Json<ProfileAnswer>, ApiError> {
    let (dataset_id, profile) = app.ready_profile(&user, id).await?;
    let profile = Arc::new(profile);
    let (mut problem, mut left_out, mut relations) = (None, None, None);
    if let Some(name) = &request.target {
        let Some(target) = profile.column(name) else { return Err(ApiError::TargetNotFound(name.clone())) };
        let guess = explain_problem_type(TargetFacts::of(target, profile.rows));
        let found = app.relations(dataset_id, &profile, name, guess.problem_type, WHAT).await?;
        let excluded = exclusions(&profile, name, &found);
        left_out = Some(excluded.into_iter().map(|(column, reason)| (column, reason.to_string())).collect());
        (problem, relations) = (Some(guess), Some(found));
    }
    let target = request.target.as_deref().zip(problem.as_ref()).map(|(name, problem)| (name, problem.problem_type));
    let findings = findings(&profile, target, relations.as_ref().unwrap_or(&TargetRelations::default()));
    let profile = Arc::unwrap_or_clone(profile);
    let is_first = request.offset == 0;
    let (quality, column_count) = (quality_score(&profile, &findings), profile.columns.len());
    let columns: Vec<ColumnProfile> = profile.columns.into_iter().skip(request.offset as usize).take(request.limit as usize).collect();
    if let Some(relations) = &mut relations {
        let shown: HashSet<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        relations.features.retain(|feature| shown.contains(feature.column.as_str()));
    }
    Ok(Json(ProfileAnswer {
        dataset_id,
        rows: profile.rows,
        bytes: profile.bytes,
        quality,
        findings,
        relations,
        duplicate_rows: profile.duplicate_rows,
        duplicate_rows_exact: profile.duplicate_rows_exact,
        sampled_rows: profile.sampled_rows,
        stripe_rows: profile.stripe_rows,
        associations: if is_first { profile.associations } else { Vec::new() },
        column_count,
        columns,
        fingerprint: profile.fingerprint,
        read_as: profile.read_as,
        problem,
        left_out,
    }))
}

pub(crate) async fn preview(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    PathId(id): PathId,
    Query(request): Query<PreviewRequest>,
) -> Result<Json<Preview>, ApiError> {
    let (dataset_id, mut profile) = app.ready_profile(&user, id).await?;
    profile.first_rows.truncate(request.rows as usize);
    let columns = profile.columns.into_iter().map(|column| column.name).collect();
    Ok(Json(Preview { dataset_id, columns, rows: profile.first_rows, row_count: profile.rows }))
}

impl App {
    /// The profile of the caller's dataset, which must be one that could be read.
    async fn ready_profile(&self, user: &UserId, id: String) -> Result<(DatasetId, Profile), ApiError> {
        let dataset = self.dataset(user, id).await?;
        if dataset.status == DatasetStatus::Failed {
            return Err(ApiError::NotATable(dataset.error.unwrap_or_default()));
        }
        Ok((dataset.dataset_id, self.profile(dataset.dataset_id, WHAT).await?))
    }
}
