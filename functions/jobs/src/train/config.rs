//! `config` of `POST /train`: what the caller decides about the training, checked against the table.
//!
//! The form is read first, with all that is wrong at once; what the table cannot do is refused after that, field by field. What is left for
//! the trainer to find out (a leak among the monotone features, a weight below 0) ends the job with its reason.

use std::collections::{BTreeMap, BTreeSet};

use api::{ApiError, Input, ReadInput, input};
use domain::{
    ColumnKind, ColumnProfile, Family, Metric, Monotone, ProblemType, Profile, TIME_BUDGET_SECONDS, TrainingSettings, asked_metric,
    limits::{MAX_ESTIMATORS, MAX_MONOTONE_BYTES},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

/// How to train.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "TrainConfig")]
pub(super) struct Config {
    /// Seconds that the job may take; by the number of rows when absent.
    #[schemars(range(min = *TIME_BUDGET_SECONDS.start(), max = *TIME_BUDGET_SECONDS.end()))]
    pub(super) time_budget: Option<u32>,
    /// The metric to optimise.
    #[schemars(default = "auto")]
    pub(super) metric: String,
    /// What to learn; decided from the target when absent.
    pub(super) problem_type: Option<ProblemType>,
    /// Families of models to try: `gradient_boosting` (`lgbm`, `xgboost`), `extra_trees_boosting`, `random_forest` (`rf`), `extra_trees`
    /// (`extra_tree`), `linear` (`lrl1`, `lrl2`); all when absent.
    #[schemars(length(max = MAX_ESTIMATORS))]
    estimator_list: Option<Vec<String>>,
    /// A column of dates or numbers: the model learns from earlier rows and is judged on later ones.
    time_column: Option<String>,
    /// Rows of one value of this column are never both learned from and judged on.
    group_column: Option<String>,
    /// A column of numbers: how much each row counts.
    weight_column: Option<String>,
    /// Whether every label counts the same, however rare.
    balance_classes: Option<bool>,
    /// By numeric column, how predictions must move with it: `increasing` or 1, `decreasing` or -1.
    #[schemars(default, schema_with = "directions")]
    monotone: Option<BTreeMap<String, Monotone>>,
    /// The largest model file, in megabytes.
    #[schemars(extend("exclusiveMinimum" = 0))]
    max_model_mb: Option<f64>,
    /// The most trees of the model.
    #[schemars(range(min = 1))]
    max_trees: Option<u32>,
    /// How many models are tried; as many as there is time for when absent. With it the same table, seed and number give the same model, as long
    /// as the budget suffices.
    #[schemars(range(min = 1))]
    candidates: Option<u32>,
    /// Decides every random choice; 42 when absent.
    pub(super) seed: Option<u32>,
}

fn auto() -> String {
    "auto".to_owned()
}

fn directions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["object", "null"], "additionalProperties": { "enum": ["increasing", "decreasing", 1, -1] } })
}

impl Default for Config {
    fn default() -> Self {
        Self {
            time_budget: None,
            metric: auto(),
            problem_type: None,
            estimator_list: None,
            time_column: None,
            group_column: None,
            weight_column: None,
            balance_classes: None,
            monotone: None,
            max_model_mb: None,
            max_trees: None,
            candidates: None,
            seed: None,
        }
    }
}

impl ReadInput for Config {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        let time_budget = input.nullable("time_budget", input::integer(TIME_BUDGET_SECONDS));
        let metric = input.with_default("metric", auto(), input::text);
        let types = [ProblemType::Classification, ProblemType::Regression];
        let problem_type = input.nullable("problem_type", input::one_of(&types));
        let estimator_list = input.nullable("estimator_list", input::list(MAX_ESTIMATORS, input::text));
        let time_column = input.nullable("time_column", input::text);
        let group_column = input.nullable("group_column", input::text);
        let weight_column = input.nullable("weight_column", input::text);
        let balance_classes = input.nullable("balance_classes", input::boolean);
        let monotone = input.nullable("monotone", input::entries(direction));
        let max_model_mb = input.nullable("max_model_mb", input::positive);
        let max_trees = input.nullable("max_trees", input::integer(1..=u32::MAX));
        let candidates = input.nullable("candidates", input::integer(1..=u32::MAX));
        let seed = input.nullable("seed", input::integer(0..=u32::MAX));
        Some(Self {
            time_budget: time_budget?,
            metric: metric?,
            problem_type: problem_type?,
            estimator_list: estimator_list?,
            time_column: time_column?,
            group_column: group_column?,
            weight_column: weight_column?,
            balance_classes: balance_classes?,
            monotone: monotone?.map(|directions| directions.into_iter().collect()),
            max_model_mb: max_model_mb?,
            max_trees: max_trees?,
            candidates: candidates?,
            seed: seed?,
        })
    }
}

fn direction(value: &Value) -> input::Read<Monotone> {
    match value.as_f64() {
        Some(1.0) => Ok(Monotone::Increasing),
        Some(-1.0) => Ok(Monotone::Decreasing),
        _ => input::one_of(&[Monotone::Increasing, Monotone::Decreasing])(value),
    }
}

/// What is to be learned from which table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Learned<'a> {
    pub(super) profile: &'a Profile,
    pub(super) target: &'a ColumnProfile,
    pub(super) problem_type: ProblemType,
}

impl Config {
    /// What the trainer is told.
    pub(super) fn settings(&self, learned: Learned<'_>) -> Result<TrainingSettings, ApiError> {
        if self.time_column.is_some() && self.group_column.is_some() {
            return Err(refused("group_column", "it cannot be combined with time_column; leave one of them out"));
        }
        if self.balance_classes == Some(true) && learned.problem_type == ProblemType::Regression {
            let problem = format!("it balances labels, and '{}' is a regression target; leave it out", learned.target.name);
            return Err(refused("balance_classes", problem));
        }
        let estimators = families(self.estimator_list.as_deref().unwrap_or_default())?;
        let monotone = learned.monotone(self.monotone.as_ref())?;
        if !monotone.is_empty() && estimators == [Family::Linear] {
            return Err(refused("monotone", "linear models cannot be made to follow a column; ask for other families in estimator_list"));
        }
        let (numbers, moments) = ([ColumnKind::Integer, ColumnKind::Float], [ColumnKind::Integer, ColumnKind::Float, ColumnKind::Date]);
        let column = |setting, name: &Option<String>, kinds: &[ColumnKind], expected| {
            name.as_deref().map(|name| learned.column(setting, name, kinds, expected)).transpose()
        };
        Ok(TrainingSettings {
            metric: learned.metric(&self.metric)?,
            estimators,
            time_column: column("time_column", &self.time_column, &moments, "numbers or dates")?,
            group_column: column("group_column", &self.group_column, &[], "")?,
            weight_column: column("weight_column", &self.weight_column, &numbers, "numbers")?,
            balance_classes: self.balance_classes.unwrap_or_default(),
            monotone,
            max_model_mb: self.max_model_mb,
            max_trees: self.max_trees,
            candidates: self.candidates,
        })
    }
}

impl Learned<'_> {
    /// The metric of that name, if it judges what is learned.
    fn metric(&self, name: &str) -> Result<Option<Metric>, ApiError> {
        let metric = asked_metric(name).map_err(|unknown| refused("metric", unknown.to_string()))?;
        if let Some(metric) = metric.filter(|metric| metric.problem_type() != self.problem_type) {
            let (judged, learned, target) = (metric.problem_type(), self.problem_type, &self.target.name);
            let problem = format!("{metric} judges a {judged}, and '{target}' is a {learned} target; choose another or set problem_type");
            return Err(refused("metric", problem));
        }
        Ok(metric)
    }

    /// The name of a column that is there, is not the target and is of one of the kinds; any will do where none is listed.
    fn column(&self, setting: &'static str, name: &str, kinds: &[ColumnKind], expected: &str) -> Result<String, ApiError> {
        let problem = match self.profile.column(name) {
            None => format!("the dataset has no column '{name}'; name one of its columns"),
            Some(column) if column.name == self.target.name => format!("'{name}' is the target; name another column"),
            Some(column) if !kinds.is_empty() && !kinds.contains(&column.kind) => {
                format!("'{name}' does not hold {expected}; name another column")
            }
            Some(_) => return Ok(name.to_owned()),
        };
        Err(refused(setting, problem))
    }

    /// The directions, if predictions can be made to follow those columns.
    fn monotone(&self, directions: Option<&BTreeMap<String, Monotone>>) -> Result<BTreeMap<String, Monotone>, ApiError> {
        let Some(directions) = directions.filter(|directions| !directions.is_empty()) else { return Ok(BTreeMap::new()) };
        if self.problem_type == ProblemType::Classification && self.target.unique > 2 {
            let (target, labels) = (&self.target.name, self.target.unique);
            let problem = format!("'{target}' has {labels} labels; predictions can follow a column with two labels or a number only");
            return Err(refused("monotone", problem));
        }
        if directions.keys().map(String::len).sum::<usize>() > MAX_MONOTONE_BYTES {
            return Err(refused("monotone", format!("the columns' names have more than {MAX_MONOTONE_BYTES} bytes; name fewer columns")));
        }
        for name in directions.keys() {
            self.column("monotone", name, &[ColumnKind::Integer, ColumnKind::Float], "numbers")?;
        }
        Ok(directions.clone())
    }
}

/// The families of those names, each once.
fn families(names: &[String]) -> Result<Vec<Family>, ApiError> {
    let families: Result<BTreeSet<Family>, _> = names.iter().map(|name| name.parse()).collect();
    Ok(families.map_err(|unknown| refused("estimator_list", unknown.to_string()))?.into_iter().collect())
}

fn refused(setting: &'static str, problem: impl Into<String>) -> ApiError {
    ApiError::InvalidSetting { setting, problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn profile() -> Profile {
        let column = |(name, kind, unique): (&str, ColumnKind, u64)| ColumnProfile {
            name: name.to_owned(),
            kind,
            unique,
            unique_exact: true,
            ..ColumnProfile::default()
        };
        let columns = [
            ("age", ColumnKind::Integer, 50),
            ("plan", ColumnKind::Text, 3),
            ("at", ColumnKind::Date, 90),
            ("weight", ColumnKind::Float, 10),
            ("left", ColumnKind::Boolean, 2),
            ("price", ColumnKind::Float, 90),
        ];
        Profile { rows: 100, columns: columns.map(column).into(), ..Profile::default() }
    }

    /// What is told to the trainer about a target when the request has this `config`.
    fn settings(target: &str, config: &Value) -> Result<TrainingSettings, String> {
        let profile = profile();
        let problem_type = if target == "price" { ProblemType::Regression } else { ProblemType::Classification };
        let learned = Learned { profile: &profile, target: profile.column(target).unwrap(), problem_type };
        let config: Config = input::object(config).map_err(|issues| serde_json::to_string(&issues).unwrap())?;
        config.settings(learned).map_err(|refused| refused.to_string())
    }

    #[test]
    fn nothing_asked_for_is_nothing_decided() {
        for config in [
            json!({}),
            json!({ "metric": "auto", "estimator_list": [], "balance_classes": false, "monotone": {}, "best_of": 3 }),
            json!({ "estimator_list": null, "time_column": null, "balance_classes": null, "monotone": null, "max_trees": null, "seed": null }),
        ] {
            assert_eq!(settings("left", &config), Ok(TrainingSettings::default()), "{config}");
        }
    }

    #[test]
    fn everything_that_can_be_decided_reaches_the_trainer() {
        let config = json!({
            "metric": "AUC", "estimator_list": ["rf", "lgbm", "xgboost"], "group_column": "plan", "weight_column": "weight",
            "balance_classes": true, "monotone": { "age": 1, "price": "decreasing" }, "max_model_mb": 2.5, "max_trees": 300,
            "candidates": 7,
        });
        let expected = TrainingSettings {
            metric: Some(Metric::RocAuc),
            estimators: vec![Family::GradientBoosting, Family::RandomForest],
            time_column: None,
            group_column: Some("plan".to_owned()),
            weight_column: Some("weight".to_owned()),
            balance_classes: true,
            monotone: [("age".to_owned(), Monotone::Increasing), ("price".to_owned(), Monotone::Decreasing)].into(),
            max_model_mb: Some(2.5),
            max_trees: Some(300),
            candidates: Some(7),
        };
        assert_eq!(settings("left", &config), Ok(expected));
        let in_time = settings("price", &json!({ "time_column": "at", "monotone": { "age": -1.0 } })).unwrap();
        assert_eq!((in_time.time_column.as_deref(), in_time.monotone["age"]), (Some("at"), Monotone::Decreasing));
    }

    #[test]
    fn what_the_table_cannot_do_is_refused_with_the_field() {
        for (target, config, says) in [
            ("left", json!({ "metric": "speed" }), "config.metric: 'speed' is no metric that can be optimised; use one of auto, log_loss"),
            ("left", json!({ "metric": "rmse" }), "config.metric: rmse judges a regression, and 'left' is a classification target"),
            ("price", json!({ "metric": "f1" }), "config.metric: f1 judges a classification"),
            ("left", json!({ "estimator_list": ["lgbm", "svm"] }), "config.estimator_list: 'svm' is no family of models; use gradient_"),
            ("left", json!({ "time_column": "when" }), "config.time_column: the dataset has no column 'when'"),
            ("left", json!({ "time_column": "plan" }), "config.time_column: 'plan' does not hold numbers or dates"),
            ("left", json!({ "group_column": "left" }), "config.group_column: 'left' is the target"),
            ("left", json!({ "group_column": "plan", "time_column": "at" }), "config.group_column: it cannot be combined with time_column"),
            ("left", json!({ "weight_column": "at" }), "config.weight_column: 'at' does not hold numbers"),
            ("price", json!({ "balance_classes": true }), "config.balance_classes: it balances labels, and 'price'"),
            ("left", json!({ "monotone": { "Age": 1 } }), "config.monotone: the dataset has no column 'Age'"),
            ("left", json!({ "monotone": { "plan": 1 } }), "config.monotone: 'plan' does not hold numbers"),
            ("plan", json!({ "monotone": { "age": 1 } }), "config.monotone: 'plan' has 3 labels"),
            ("left", json!({ "monotone": { "age": 1 }, "estimator_list": ["lrl1", "lrl2"] }), "config.monotone: linear models cannot"),
            ("left", json!({ "monotone": { "x".repeat(50_001): 1 } }), "config.monotone: the columns' names have more than 50000 bytes"),
        ] {
            let refused = settings(target, &config).unwrap_err();
            assert!(refused.starts_with(says), "{refused}");
        }
    }

    #[test]
    fn a_wrong_form_names_its_place() {
        let issues = settings("left", &json!({ "monotone": { "age": 0, "price": "up" }, "max_trees": 0, "seed": -1 })).unwrap_err();
        let issues: Value = serde_json::from_str(&issues).unwrap();
        let found: Vec<(&Value, &Value)> = issues.as_array().unwrap().iter().map(|issue| (&issue["loc"], &issue["type"])).collect();
        let expected = [
            (json!(["monotone", "age"]), json!("enum")),
            (json!(["monotone", "price"]), json!("enum")),
            (json!(["max_trees"]), json!("greater_than_equal")),
            (json!(["seed"]), json!("greater_than_equal")),
        ];
        assert_eq!(found, expected.iter().map(|(place, kind)| (place, kind)).collect::<Vec<_>>());
    }
}
