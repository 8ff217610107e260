//! A dataset: an uploaded file and what is known of it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DatasetId, ProblemType, Profile, Timestamp, UserId};

/// The two types that the HTTP interface tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// Integers and floats.
    Numeric,
    /// Text and booleans.
    Categorical,
    /// Days, with or without a time.
    Datetime,
}

/// Counts of one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ColumnStats {
    /// Distinct values, missing not counted.
    pub unique: u64,
    /// Rows without a value.
    pub missing: u64,
    /// The same in percent of all rows, two decimals.
    pub missing_pct: f64,
}

/// Whether a dataset can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DatasetStatus {
    /// Read, profiled and stored.
    #[default]
    Ready,
    /// Could not be read; `error` says why.
    Failed,
}

/// A dataset's item. `object_etag` ties it to the object that was read, so that reading the same object again changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dataset {
    /// Its identifier.
    pub dataset_id: DatasetId,
    /// Its owner.
    #[serde(default)]
    pub user_id: UserId,
    /// Last part of the object's key.
    pub filename: String,
    /// Bytes of the object.
    pub file_size: u64,
    /// When it was read.
    pub uploaded_at: Timestamp,
    /// Column names in the order of the file.
    pub columns: Vec<String>,
    /// Data rows.
    pub row_count: u64,
    /// Type of each column.
    pub column_types: BTreeMap<String, ColumnType>,
    /// Counts of each column.
    pub column_stats: BTreeMap<String, ColumnStats>,
    /// Always empty: the problem type belongs to a job.
    pub problem_type: Option<ProblemType>,
    /// Whether it can be used.
    #[serde(default)]
    pub status: DatasetStatus,
    /// Why it cannot.
    #[serde(default)]
    pub error: Option<String>,
    /// The object's ETag when it was read.
    #[serde(default)]
    pub object_etag: Option<String>,
    /// Whether names, types and counts of the columns are in the profile only: they are too many for an item.
    #[serde(default)]
    pub columns_in_profile: bool,
}

impl Dataset {
    /// The item of a table that was read.
    pub fn ready(dataset_id: DatasetId, user_id: UserId, filename: String, object_etag: Option<String>, profile: &Profile) -> Self {
        let mut dataset = Self {
            dataset_id,
            user_id,
            filename,
            file_size: profile.bytes,
            uploaded_at: Timestamp::now(),
            columns: Vec::new(),
            row_count: profile.rows,
            column_types: BTreeMap::new(),
            column_stats: BTreeMap::new(),
            problem_type: None,
            status: DatasetStatus::Ready,
            error: None,
            object_etag,
            columns_in_profile: false,
        };
        dataset.take_columns_from(profile);
        dataset
    }

    /// Leaves the columns to the profile.
    pub fn leave_columns_in_profile(&mut self) {
        self.columns.clear();
        self.column_types.clear();
        self.column_stats.clear();
        self.columns_in_profile = true;
    }

    /// Fills in the columns from the profile.
    pub fn take_columns_from(&mut self, profile: &Profile) {
        let columns = &profile.columns;
        self.columns = columns.iter().map(|column| column.name.clone()).collect();
        self.column_types = columns.iter().map(|column| (column.name.clone(), column.column_type())).collect();
        self.column_stats = columns.iter().map(|column| (column.name.clone(), column.stats(profile.rows))).collect();
        self.columns_in_profile = false;
    }

    /// The item of an object that could not be read as a table.
    pub fn failed(
        dataset_id: DatasetId,
        user_id: UserId,
        filename: String,
        object_etag: Option<String>,
        file_size: u64,
        error: String,
    ) -> Self {
        Self {
            dataset_id,
            user_id,
            filename,
            file_size,
            uploaded_at: Timestamp::now(),
            columns: Vec::new(),
            row_count: 0,
            column_types: BTreeMap::new(),
            column_stats: BTreeMap::new(),
            problem_type: None,
            status: DatasetStatus::Failed,
            error: Some(error),
            object_etag,
            columns_in_profile: false,
        }
    }
}
