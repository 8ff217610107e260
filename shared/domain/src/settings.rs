//! What a person may decide about a training.

use std::{collections::BTreeMap, fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Metric;

/// A family of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Gradient boosting: trees that correct each other.
    GradientBoosting,
    /// Gradient boosting whose trees split at random thresholds.
    ExtraTreesBoosting,
    /// The mean of deep trees, each on a sample of the rows.
    RandomForest,
    /// The mean of deep trees that split at random thresholds.
    ExtraTrees,
    /// Logistic regression or the elastic net.
    Linear,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::GradientBoosting, Self::ExtraTreesBoosting, Self::RandomForest, Self::ExtraTrees, Self::Linear];

    /// Its name as in requests and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::GradientBoosting => "gradient_boosting",
            Self::ExtraTreesBoosting => "extra_trees_boosting",
            Self::RandomForest => "random_forest",
            Self::ExtraTrees => "extra_trees",
            Self::Linear => "linear",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No family of models.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is no family of models; use gradient_boosting (lgbm, xgboost), extra_trees_boosting, random_forest (rf), extra_trees (extra_tree) \
     or linear (lrl1, lrl2)"
)]
pub struct UnknownFamily(String);

impl FromStr for Family {
    type Err = UnknownFamily;

    /// Names of other systems' estimators stand for the family that they belong to.
    fn from_str(text: &str) -> Result<Self, UnknownFamily> {
        match text.trim().to_ascii_lowercase().as_str() {
            "gradient_boosting" | "lgbm" | "lightgbm" | "xgboost" | "xgb" | "xgb_limitdepth" | "catboost" | "histgb" => {
                Ok(Self::GradientBoosting)
            }
            "extra_trees_boosting" => Ok(Self::ExtraTreesBoosting),
            "random_forest" | "rf" => Ok(Self::RandomForest),
            "extra_trees" | "extra_tree" => Ok(Self::ExtraTrees),
            "linear" | "lrl1" | "lrl2" | "lr" | "logistic" | "enet" | "elastic_net" => Ok(Self::Linear),
            _ => Err(UnknownFamily(text.to_owned())),
        }
    }
}

/// How a prediction must move with a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Monotone {
    /// Never down when the feature goes up.
    Increasing,
    /// Never up when the feature goes up.
    Decreasing,
}

impl fmt::Display for Monotone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Increasing => "increasing",
            Self::Decreasing => "decreasing",
        })
    }
}

/// What a person may decide about a training; nothing by default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TrainingSettings {
    /// What is optimised; the proper score of the problem when absent.
    pub metric: Option<Metric>,
    /// The families that are tried; all when empty.
    #[serde(rename = "estimator_list")]
    pub estimators: Vec<Family>,
    /// Rows are validated in the order of this column: learned from the past, judged on what follows.
    pub time_column: Option<String>,
    /// Rows of one value of this column are never both learned from and judged on.
    pub group_column: Option<String>,
    /// How much each row counts.
    pub weight_column: Option<String>,
    /// Whether every label counts the same, however rare.
    pub balance_classes: bool,
    /// How the prediction must move with some features.
    pub monotone: BTreeMap<String, Monotone>,
    /// The largest model file, in megabytes (10⁶ bytes).
    pub max_model_mb: Option<f64>,
    /// The most trees of the model.
    pub max_trees: Option<u32>,
    /// How many models are tried. The clock then ends nothing before the budget does: the same table, seed and number give the same model, bit
    /// for bit.
    pub candidates: Option<u32>,
}

impl TrainingSettings {
    /// The columns that are no features, as they say something of the rows, each with what it holds.
    pub fn columns_of_rows(&self) -> impl Iterator<Item = (&str, &'static str)> {
        let columns = [(&self.weight_column, "the weights of the rows"), (&self.group_column, "the group of the rows")];
        columns.into_iter().filter_map(|(column, holds)| Some((column.as_deref()?, holds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_have_one_name_in_files_and_several_in_requests() {
        for family in Family::ALL {
            assert_eq!(serde_json::to_value(family).unwrap(), family.name());
            assert_eq!(family.name().parse(), Ok(family));
        }
        let parsed: Result<Vec<Family>, _> = ["lgbm", "xgboost", "rf", "extra_tree"].iter().map(|name| name.parse()).collect();
        assert_eq!(parsed.unwrap(), [Family::GradientBoosting, Family::GradientBoosting, Family::RandomForest, Family::ExtraTrees]);
        assert!("svm".parse::<Family>().unwrap_err().to_string().contains("use gradient_boosting (lgbm, xgboost)"));
    }

    #[test]
    fn settings_have_the_names_of_the_request() {
        let settings = TrainingSettings { estimators: vec![Family::Linear], ..TrainingSettings::default() };
        assert_eq!(serde_json::to_value(settings).unwrap()["estimator_list"][0], "linear");
    }

    #[test]
    fn what_an_older_item_lacks_is_not_decided() {
        assert_eq!(serde_json::from_str::<TrainingSettings>("{}").unwrap(), TrainingSettings::default());
    }
}
