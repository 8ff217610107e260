//! What is known of a table after one reading: the content of `profile.json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ColumnStats, ColumnType, is_constant, is_identifier};

/// A table's profile. Counts are of rows; shares are not rounded.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Profile {
    /// Data rows, without the header.
    pub rows: u64,
    /// The columns in the order of the file.
    pub columns: Vec<ColumnProfile>,
    /// The file's name, where it is known.
    #[serde(default)]
    pub file_name: String,
    /// Bytes of the file as it was read.
    pub bytes: u64,
    /// What identifies the file's bytes: `blake3:` and their BLAKE3 hash in hex.
    pub fingerprint: String,
    /// Rows that repeat an earlier one.
    #[serde(default)]
    pub duplicate_rows: u64,
    /// Whether those were counted; otherwise the number is an estimate.
    #[serde(default)]
    pub duplicate_rows_exact: bool,
    /// Rows of one of the stripes by which missing cells are counted.
    #[serde(default)]
    pub stripe_rows: u64,
    /// Rows that quantiles, histograms and associations rest on: all, or a uniform sample.
    #[serde(default)]
    pub sampled_rows: u64,
    /// How strongly pairs of columns go together, the strongest first; weak pairs and those of very wide tables are left out.
    #[serde(default)]
    pub associations: Vec<Association>,
    /// How the file was read.
    #[serde(default)]
    pub read_as: ReadAs,
    /// The first rows as the file has them, by column; `None` where a cell holds no value. At most 100, fewer of a wide table.
    #[serde(default)]
    pub first_rows: Vec<Vec<Option<String>>>,
}

/// How a file was read, found from its content.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ReadAs {
    /// `csv`, `jsonl` or `parquet`.
    pub format: String,
    /// `gzip` or `zstd`.
    pub compression: Option<String>,
    /// `UTF-8`, `UTF-16LE`, `UTF-16BE` or `windows-1252`; of text only.
    pub encoding: Option<String>,
    /// What separates cells; of delimited text only.
    pub delimiter: Option<char>,
    /// Whether the first row holds the names; without, they are `column_1`, `column_2`, ….
    pub header: bool,
    /// What a person should know about the reading.
    pub notes: Vec<String>,
}

impl Profile {
    /// The column of that exact name.
    pub fn column(&self, name: &str) -> Option<&ColumnProfile> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// What the cells of a column are, decided over the whole table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ColumnKind {
    /// Whole numbers that fit 64 bits.
    Integer,
    /// Numbers, or no value at all.
    Float,
    /// `True` and `False` only.
    Boolean,
    /// Days, with or without a time.
    Date,
    /// Everything else.
    #[default]
    Text,
}

/// What a column is good for, from its kind and its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Measured or counted numbers.
    #[default]
    Numeric,
    /// Whole numbers.
    Integer,
    /// Whole numbers of few values, such as grades and classes.
    Ordinal,
    /// Two values, true and false.
    Boolean,
    /// Texts that repeat.
    Categorical,
    /// Days or moments.
    Datetime,
    /// Texts of several words that seldom repeat.
    FreeText,
    /// Names the row instead of describing it.
    Identifier,
    /// At most one value.
    Constant,
}

/// Whole numbers from 0 or 1 of at most so many values are ordinal.
const MAX_GRADES: u64 = 12;
const MAX_GRADE: f64 = 20.0;
/// Texts longer than this on average, in characters, and distinct in more than half of the rows are free text.
const FREE_TEXT_CHARACTERS: f64 = 12.0;

impl Role {
    /// The role of a column in a table of `rows` rows.
    pub fn of(column: &ColumnProfile, rows: u64) -> Self {
        if is_constant(column) {
            return Self::Constant;
        }
        if is_identifier(column, rows) {
            return Self::Identifier;
        }
        match column.kind {
            ColumnKind::Boolean => Self::Boolean,
            ColumnKind::Date => Self::Datetime,
            ColumnKind::Float => Self::Numeric,
            ColumnKind::Integer => {
                let from_one = column.numeric.as_ref().is_some_and(|stats| (0.0..=1.0).contains(&stats.min) && stats.max <= MAX_GRADE);
                if column.unique > 2 && column.unique <= MAX_GRADES && from_one { Self::Ordinal } else { Self::Integer }
            }
            ColumnKind::Text => {
                let long = column.text.as_ref().is_some_and(|text| text.mean_characters > FREE_TEXT_CHARACTERS);
                let distinct = column.unique as f64 > 0.5 * (rows - column.missing.min(rows)) as f64;
                if long && distinct { Self::FreeText } else { Self::Categorical }
            }
        }
    }
}

/// One column's profile.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ColumnProfile {
    /// The header's text, made unique.
    pub name: String,
    /// What its cells are.
    pub kind: ColumnKind,
    /// What it is good for.
    #[serde(default)]
    pub role: Role,
    /// Rows without a value.
    pub missing: u64,
    /// The same by stripe of rows, see [`Profile::stripe_rows`]; empty where no cell is missing.
    #[serde(default)]
    pub missing_by_stripe: Vec<u64>,
    /// Distinct values, missing not counted.
    pub unique: u64,
    /// Whether `unique` was counted; otherwise it is an estimate with a standard error of 0.8 %.
    pub unique_exact: bool,
    /// The most frequent values, most frequent first, ties by text; at most 20.
    pub top_values: Vec<TopValue>,
    /// Whether those were counted among all values; otherwise rare ones may be others, and the counts are estimates.
    #[serde(default)]
    pub top_values_exact: bool,
    /// The first distinct values in the table's order; at most 5.
    pub samples: Vec<String>,
    /// Of the first 100 values, the share made of letters, digits, `-` and `_` only (text columns; else 0).
    pub code_like_share: f64,
    /// The first earlier column with the same values in every row.
    pub duplicate_of: Option<String>,
    /// Statistics of a numeric column with at least one finite value.
    pub numeric: Option<NumericStats>,
    /// Statistics of a text column with at least one value.
    #[serde(default)]
    pub text: Option<TextStats>,
    /// How its cells are written, where that is not plain: `1.234,56`, `45 %`, `31.12.2024`; after a semicolon, what they could also be.
    #[serde(default)]
    pub written_as: Option<String>,
    /// Whether it is text only because numbers would lose leading zeros (`01234`).
    #[serde(default)]
    pub digits_only: bool,
    /// Cells that do not fit the column's kind and count as missing.
    #[serde(default)]
    pub bad: BadCells,
    /// The range of a date column.
    #[serde(default)]
    pub dates: Option<DateRange>,
}

impl ColumnProfile {
    /// The type that the HTTP interface shows.
    pub fn column_type(&self) -> ColumnType {
        match self.kind {
            ColumnKind::Integer | ColumnKind::Float => ColumnType::Numeric,
            ColumnKind::Text if self.digits_only => ColumnType::Numeric,
            ColumnKind::Boolean | ColumnKind::Text => ColumnType::Categorical,
            ColumnKind::Date => ColumnType::Datetime,
        }
    }

    /// The statistics that the HTTP interface shows, for a table of `rows` rows.
    pub fn stats(&self, rows: u64) -> ColumnStats {
        let share = if rows == 0 { 0.0 } else { self.missing as f64 / rows as f64 };
        ColumnStats { unique: self.unique, missing: self.missing, missing_pct: (share * 10_000.0).round() / 100.0 }
    }

    /// What its cells could also be.
    pub fn doubt(&self) -> Option<&str> {
        self.written_as.as_deref()?.split_once("; ").map(|(_, doubt)| doubt)
    }

    /// Rows that hold the most frequent value.
    pub fn top_count(&self) -> u64 {
        self.top_values.first().map_or(0, |top| top.count)
    }
}

/// Cells that do not fit their column: at most 1 % of its values, else the column is text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct BadCells {
    /// How many.
    pub count: u64,
    /// The first ones; at most 20.
    pub examples: Vec<BadCell>,
}

/// A cell that does not fit its column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BadCell {
    /// The line in the file, from 1; of a Parquet file the row.
    pub line: u64,
    /// The cell's beginning.
    pub text: String,
}

/// The first and the last moment of a date column, as ISO 8601 without an offset.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct DateRange {
    /// First.
    pub min: String,
    /// Last.
    pub max: String,
    /// Whether some moment is not midnight.
    pub has_time: bool,
    /// The longest time between two moments that follow each other; `None` where there is one moment or too many to keep.
    #[serde(default)]
    pub largest_gap_seconds: Option<f64>,
    /// The median time between two moments that follow each other.
    #[serde(default)]
    pub usual_step_seconds: Option<f64>,
    /// How many times between two moments that follow each other are longer than twice the usual one.
    #[serde(default)]
    pub gaps: Option<u64>,
    /// Counts in up to 20 bins of equal width, whose edges are seconds since 1970.
    #[serde(default)]
    pub timeline: Vec<HistogramBin>,
}

/// Statistics over the texts of a column.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct TextStats {
    /// Characters of the shortest.
    pub min_characters: u64,
    /// Characters of the longest.
    pub max_characters: u64,
    /// Characters on average over all rows with a value.
    pub mean_characters: f64,
    /// Words on average, in some thousand rows from all over the table.
    #[serde(default)]
    pub mean_words: f64,
    /// Words that some of those rows have and others do not: five of them and one in 200 at least.
    #[serde(default)]
    pub common_words: u64,
    /// Rows whose text begins or ends with a blank.
    pub padded: u64,
    /// What its texts could also be, where some could be something else.
    pub mixture: Option<Mixture>,
}

/// Rows of a text column by what their cells could be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mixture {
    /// Numbers.
    pub numbers: u64,
    /// Dates.
    pub dates: u64,
    /// Neither.
    pub others: u64,
    /// Dates that are written in the most frequent order.
    #[serde(default)]
    pub in_one_order: u64,
}

/// How strongly two columns go together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Association {
    /// The column that comes first in the table.
    pub one: String,
    /// The other.
    pub other: String,
    /// How it was measured.
    pub measure: Measure,
    /// The measure's value.
    pub value: f64,
    /// Spearman's rank correlation, where both are numbers.
    pub spearman: Option<f64>,
}

/// A measure of association.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Pearson's correlation of two numbers, from −1 to 1.
    Pearson,
    /// Cramér's V of two categories, from 0 to 1, with Bergsma's correction for bias.
    CramersV,
    /// The correlation ratio η of a number in the groups of a category, from 0 to 1.
    CorrelationRatio,
    /// Pearson's correlation of which cells are missing.
    Missing,
}

/// A value and how often it occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TopValue {
    /// The value as text.
    pub value: String,
    /// Rows that hold it.
    pub count: u64,
}

/// Statistics over the finite values of a numeric column.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct NumericStats {
    /// Smallest.
    pub min: f64,
    /// 5 % of the values are below it.
    #[serde(default)]
    pub q05: f64,
    /// Lower quartile.
    pub q25: f64,
    /// Median.
    pub median: f64,
    /// Upper quartile.
    pub q75: f64,
    /// 5 % of the values are above it.
    #[serde(default)]
    pub q95: f64,
    /// Largest.
    pub max: f64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation (n − 1); 0 for a single value.
    pub std: f64,
    /// Adjusted Fisher–Pearson skewness; 0 for fewer than three values or no spread.
    pub skewness: f64,
    /// Excess kurtosis without bias; 0 for fewer than four values or no spread.
    #[serde(default)]
    pub kurtosis: f64,
    /// Whether quartiles and histogram are exact; otherwise they are of a uniform sample.
    pub quantiles_exact: bool,
    /// Whether every value, missing ones aside, is finite and a whole number.
    pub is_integer: bool,
    /// Values that are `inf` or `-inf`; they enter no other figure here.
    pub infinite: u64,
    /// Values equal to 0.
    pub zeros: u64,
    /// Values below 0.
    pub negatives: u64,
    /// Values farther from the quartiles than 1.5 times their distance.
    #[serde(default)]
    pub outliers: u64,
    /// The smallest distinct values, the smallest first; few of them.
    #[serde(default)]
    pub smallest: Vec<f64>,
    /// The largest distinct values, the largest first; few of them.
    #[serde(default)]
    pub largest: Vec<f64>,
    /// Counts in up to 20 bins of equal width over `min..=max`.
    pub histogram: Vec<HistogramBin>,
    /// The same in bins of equal width on a logarithmic scale, of skewed columns without negative numbers only; where some are 0, on the scale
    /// of the logarithm of 1 + the number.
    #[serde(default)]
    pub log_histogram: Vec<HistogramBin>,
}

/// One bar of a histogram.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistogramBin {
    /// Lower edge, included.
    pub low: f64,
    /// Upper edge, excluded but for the last bin.
    pub high: f64,
    /// Values inside.
    pub count: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: ColumnKind, unique: u64, more: ColumnProfile) -> Role {
        Role::of(&ColumnProfile { name: "x".to_owned(), kind, unique, unique_exact: true, ..more }, 1_000)
    }

    #[test]
    fn a_columns_role_follows_from_its_kind_and_values() {
        let none = ColumnProfile::default;
        let whole = |min, max| ColumnProfile { numeric: Some(NumericStats { min, max, ..NumericStats::default() }), ..none() };
        let text = |mean_characters| ColumnProfile {
            text: Some(TextStats { min_characters: 1, max_characters: 90, mean_characters, ..TextStats::default() }),
            ..none()
        };
        assert_eq!(of(ColumnKind::Float, 700, none()), Role::Numeric);
        assert_eq!(of(ColumnKind::Integer, 5, whole(1.0, 5.0)), Role::Ordinal);
        assert_eq!(of(ColumnKind::Integer, 2, whole(0.0, 1.0)), Role::Integer, "two values are no order");
        assert_eq!(of(ColumnKind::Integer, 5, whole(3.0, 7.0)), Role::Integer, "grades begin at 0 or 1");
        assert_eq!(of(ColumnKind::Integer, 900, whole(0.0, 5_000.0)), Role::Integer);
        assert_eq!(of(ColumnKind::Integer, 1_000, whole(1.0, 1_000.0)), Role::Identifier);
        assert_eq!(of(ColumnKind::Boolean, 2, none()), Role::Boolean);
        assert_eq!(of(ColumnKind::Date, 300, none()), Role::Datetime);
        assert_eq!(of(ColumnKind::Text, 30, text(9.0)), Role::Categorical);
        assert_eq!(of(ColumnKind::Text, 900, text(9.0)), Role::Categorical, "short");
        assert_eq!(of(ColumnKind::Text, 900, text(40.0)), Role::FreeText);
        assert_eq!(of(ColumnKind::Text, 990, ColumnProfile { code_like_share: 1.0, ..text(12.0) }), Role::Identifier);
        assert_eq!(of(ColumnKind::Float, 0, ColumnProfile { missing: 1_000, ..none() }), Role::Constant);
        assert_eq!(of(ColumnKind::Text, 1, none()), Role::Constant);
    }
}
