//! Training on small tables, from text to model.
#![allow(clippy::unwrap_used)]

use std::{
    fmt::Write as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use domain::{
    CalibrationOutcome, Family, FeatureType, Metric, Monotone, NumericRange, Phase, ProblemType, Profile, Progress, TargetRelations,
    TrainingSettings, Validation, exclusions,
};
use engine::{EngineError, Explained, Options, Outcome, Trained, train};
use model::{Calibration, Fitted, Label, Task};
use table::{Frame, ingest, read_parquet};

fn read(csv: &str) -> (Frame, Profile) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| -> std::path::PathBuf { Path::join(folder.path(), name) };
    std::fs::write(path("data.csv"), csv).unwrap();
    let profile = ingest(&path("data.csv"), &path("data.parquet")).unwrap();
    (read_parquet(&path("data.parquet")).unwrap(), profile)
}

fn options(target: &str) -> Options {
    Options {
        target: target.to_owned(),
        problem_type: None,
        left_out: Vec::new(),
        settings: TrainingSettings::default(),
        time_budget: Duration::from_secs(8),
        seed: 42,
        threads: 2,
        stop: Arc::default(),
    }
}

fn trained(csv: &str, target: &str) -> Result<Trained, EngineError> {
    let (frame, profile) = read(csv);
    let left_out = exclusions(&profile, target, &TargetRelations::default());
    train(&frame, &profile, &Options { left_out, ..options(target) }, &mut |_| {})
}

fn refusal(csv: &str, target: &str) -> String {
    trained(csv, target).unwrap_err().to_string()
}

/// A number in 0..1 that looks random.
fn noise(row: usize, column: usize) -> f64 {
    let bits = ((row * 31 + column + 1) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((bits ^ (bits >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40) as f64 / f64::from(1 << 24)
}

/// Ages, a plan, a flag and an identifier; whether someone stays follows from age and plan.
fn customers(rows: usize) -> String {
    let mut csv = String::from("customer_id,age,plan,member,stays\n");
    for row in 0..rows {
        let age = 18.0 + (noise(row, 0) * 60.0).floor();
        let plan = ["basic", "plus", "pro"][(noise(row, 1) * 3.0) as usize];
        let member = if noise(row, 2) > 0.5 { "True" } else { "False" };
        let stays = if (age > 40.0) == (plan == "basic") { "no" } else { "yes" };
        let age = if row % 17 == 0 { String::new() } else { age.to_string() };
        writeln!(csv, "c{row:05},{age},{plan},{member},{stays}").unwrap();
    }
    csv
}

#[test]
fn a_text_target_is_learned_and_measured_on_rows_held_out() {
    let trained = trained(&customers(500), "stays").unwrap();
    assert_eq!(trained.problem_type, ProblemType::Classification);
    assert_eq!((trained.train_rows, trained.judged_rows.len(), trained.dropped_rows), (500, 500, 0));
    assert!(matches!(trained.validation, Validation::Folds { folds: 5, .. }), "{:?}", trained.validation);
    assert!(trained.metrics.accuracy.unwrap() > 0.9, "{:?}", trained.metrics);
    assert!(trained.metrics.roc_auc.unwrap() > 0.9);
    let Task::Classification { labels } = &trained.pipeline.task else { panic!("labels") };
    assert_eq!(*labels, [Label::Text("no".to_owned()), Label::Text("yes".to_owned())]);
    let Outcome::Labels { actual, chosen, probabilities, .. } = &trained.outcome else { panic!("labels") };
    assert_eq!((actual.len(), chosen.len(), probabilities.len()), (500, 500, 1_000));
    let interval = trained.metrics.intervals["accuracy"];
    assert!(interval.low <= trained.metrics.accuracy.unwrap() && trained.metrics.accuracy.unwrap() <= interval.high);
    let names: Vec<&str> = trained.baselines.iter().map(|baseline| baseline.name.as_str()).collect();
    assert_eq!(names, ["majority", "linear"]);
    assert!(trained.baselines.iter().all(|baseline| baseline.metrics.accuracy < trained.metrics.accuracy));
    assert_eq!(trained.explained.permutation.last().unwrap().feature, "member");
    assert!(trained.explained.permutation[0].mean > 10.0 * trained.explained.permutation[2].mean.abs());
    let shap = &trained.explained.shap;
    assert!(
        shap[0].mean > 0.1 && shap[0].feature != "member" && (1..=300).contains(&shap[0].points.len()),
        "{} {}",
        shap[0].feature,
        shap[0].mean
    );
    assert!(shap.iter().all(|one| one.feature != "member" || one.mean < 0.1 * shap[0].mean));

    let weights: f32 = trained.pipeline.members.iter().map(|member| member.weight).sum();
    assert!((weights - 1.0).abs() < 1e-4);
    assert!((trained.importances.iter().map(|(_, share)| share).sum::<f64>() - 1.0).abs() < 1e-9);
    assert_eq!(trained.importances.last().unwrap().0, "member");
    assert!(trained.leaderboard.len() > 5);
    assert!(trained.leaderboard.windows(2).all(|pair| pair[0].validation_score <= pair[1].validation_score));
    assert!((trained.leaderboard.iter().map(|entry| entry.weight).sum::<f64>() - 1.0).abs() < 1e-9);
}

#[test]
fn clients_are_told_the_inputs_and_the_labels() {
    let info = trained(&customers(200), "stays").unwrap().preprocessing;
    assert_eq!(info.feature_columns, ["age", "plan", "member"]);
    assert_eq!(info.feature_count, 3);
    assert_eq!(info.dropped_columns, Some(vec!["customer_id".to_owned()]));
    assert_eq!(info.dropped_count, Some(1));
    assert_eq!(info.dropped_reasons["customer_id"], "identifier");
    assert_eq!(info.feature_types["plan"], FeatureType::Categorical);
    assert_eq!(info.feature_types["member"], FeatureType::Numeric);
    assert_eq!(info.numeric_columns, ["age"]);
    assert_eq!(info.categorical_columns, ["plan"]);
    assert_eq!(
        info.categorical_mappings["plan"],
        [("basic", 0), ("plus", 1), ("pro", 2)].map(|(text, code)| (text.to_owned(), code)).into()
    );
    assert!(info.numeric_stats["age"].is_integer && info.numeric_stats["age"].min >= 18.0);
    assert_eq!(info.numeric_stats["member"], NumericRange { min: 0.0, max: 1.0, is_integer: true });
    assert_eq!(info.target_mapping, Some([("0", "no"), ("1", "yes")].map(|(code, text)| (code.to_owned(), text.to_owned())).into()));
}

#[test]
fn numeric_labels_keep_their_values() {
    let mut csv = String::from("x,grade\n");
    (0..120).for_each(|row| writeln!(csv, "{},{}", noise(row, 0) + (row % 3) as f64, [1, 3, 7][row % 3]).unwrap());
    let trained = trained(&csv, "grade").unwrap();
    let Task::Classification { labels } = &trained.pipeline.task else { panic!("labels") };
    assert_eq!(*labels, [Label::Number(1.0), Label::Number(3.0), Label::Number(7.0)]);
    assert_eq!(trained.preprocessing.target_mapping.unwrap(), ["1", "3", "7"].map(|label| (label.to_owned(), label.to_owned())).into());
    assert!(trained.metrics.accuracy.unwrap() > 0.9);
    assert!(trained.metrics.roc_auc.unwrap() > 0.9, "the mean over the labels");
}

#[test]
fn boolean_labels_are_called_true_and_false() {
    let mut csv = String::from("x,ok\n");
    (0..60).for_each(|row| writeln!(csv, "{},{}", noise(row, 0), if noise(row, 0) > 0.4 { "True" } else { "False" }).unwrap());
    let trained = trained(&csv, "ok").unwrap();
    let mapping = trained.preprocessing.target_mapping.unwrap();
    assert_eq!(mapping, [("0", "False"), ("1", "True")].map(|(code, text)| (code.to_owned(), text.to_owned())).into());
}

#[test]
fn numbers_are_predicted_in_their_own_unit() {
    let mut csv = String::from("size,quarter,price\n");
    for row in 0..400 {
        let (size, quarter) = (20.0 + noise(row, 0) * 100.0, ["north", "south"][row % 2]);
        writeln!(csv, "{size},{quarter},{}", 50_000.0 + 3_000.0 * size + if quarter == "south" { 40_000.0 } else { 0.0 }).unwrap();
    }
    let (frame, profile) = read(&csv);
    let settings = TrainingSettings { candidates: Some(8), ..TrainingSettings::default() };
    let trained = train(&frame, &profile, &Options { settings, ..options("price") }, &mut |_| {}).unwrap();
    assert_eq!(trained.problem_type, ProblemType::Regression);
    assert!(trained.metrics.r2_score.unwrap() > 0.99, "{:?}", trained.metrics);
    assert_eq!(trained.metrics.accuracy, None);
    assert_eq!(trained.preprocessing.target_mapping, None);
    assert_eq!(trained.metrics.best_estimator, "linear", "the table is linear");
    let Outcome::Numbers(pairs) = &trained.outcome else { panic!("pairs") };
    assert_eq!(pairs.len(), 400);
}

#[test]
fn rows_without_a_target_are_left_out_and_counted() {
    let mut csv = customers(200);
    csv.push_str("c9001,30,basic,True,\nc9002,31,pro,True,NA\n");
    let trained = trained(&csv, "stays").unwrap();
    assert_eq!(trained.dropped_rows, 2);
    assert_eq!((trained.train_rows, trained.judged_rows.len()), (200, 200));
}

#[test]
fn a_label_that_occurs_once_is_learned_and_not_held_out() {
    let mut csv = customers(100);
    csv.push_str("c9001,30,basic,True,perhaps\n");
    let trained = trained(&csv, "stays").unwrap();
    let Outcome::Labels { actual, .. } = &trained.outcome else { panic!("labels") };
    assert!(!actual.contains(&1) && actual.len() == 100, "labels sort as no, perhaps, yes");
    let Task::Classification { labels } = &trained.pipeline.task else { panic!("labels") };
    assert_eq!(labels.len(), 3);
}

#[test]
fn messy_features_do_no_harm() {
    let mut csv = String::from("empty,huge,mixed,rare,y\n");
    for row in 0..150 {
        let huge = ["inf", "-inf", "1e300", "-1e-300", "0"][row % 5];
        let mixed = ["1", "True", "x", "", "2.5"][(noise(row, 1) * 5.0) as usize];
        writeln!(csv, ",{huge},{mixed},{},{}", if row == 7 { "é" } else { "z" }, noise(row, 0) * 10.0 + (row % 5) as f64).unwrap();
    }
    let trained = trained(&csv, "y").unwrap();
    assert!(trained.metrics.rmse.unwrap().is_finite());
    assert!(trained.preprocessing.feature_columns.contains(&"mixed".to_owned()));
}

#[test]
fn a_tiny_budget_gives_a_usable_model() {
    let (frame, profile) = read(&customers(2_000));
    let options = Options { time_budget: Duration::from_millis(1), ..options("stays") };
    let trained = train(&frame, &profile, &options, &mut |_| {}).unwrap();
    assert!(!trained.pipeline.members.is_empty());
    assert!(!trained.judged_rows.is_empty());
    assert!(trained.metrics.log_loss.unwrap() <= 0.75, "{:?}", trained.metrics);
}

#[test]
fn training_ends_within_its_budget() {
    let (frame, profile) = read(&customers(20_000));
    let options = Options { time_budget: Duration::from_secs(3), ..options("stays") };
    let trained = train(&frame, &profile, &options, &mut |_| {}).unwrap();
    assert!(trained.metrics.training_time <= 3.0, "{}", trained.metrics.training_time);
    assert_eq!(trained.validation, Validation::HoldOut);
    assert!(trained.judged_rows.len() <= 4_000 && trained.train_rows == 20_000);
    assert!(trained.sample.rows <= 1_000, "a sample of the inputs is kept");
    assert!(trained.metrics.accuracy.unwrap() > 0.9);
}

#[test]
fn the_seed_decides_and_the_number_of_threads_does_not() {
    let (frame, profile) = read(&customers(300));
    let settings = TrainingSettings { candidates: Some(12), ..TrainingSettings::default() };
    let settled = Options { settings, time_budget: Duration::from_mins(10), ..options("stays") };
    let with = |seed, threads| train(&frame, &profile, &Options { seed, threads, ..settled.clone() }, &mut |_| {}).unwrap();
    let (one, two, other) = (with(1, 1), with(1, 2), with(2, 2));
    assert_eq!(one.pipeline, two.pipeline);
    assert_eq!(one.metrics.log_loss, two.metrics.log_loss);
    // As texts: missing values are in them, which equal nothing.
    assert_eq!(format!("{:?}", one.explained), format!("{:?}", two.explained));
    assert_eq!(one.leaderboard.len(), 12);
    assert_ne!(one.pipeline, other.pipeline);
}

#[test]
fn progress_names_the_phases_and_the_best_model_so_far() {
    let (frame, profile) = read(&customers(200));
    let mut news: Vec<Progress> = Vec::new();
    train(&frame, &profile, &options("stays"), &mut |progress| news.push(progress)).unwrap();
    assert_eq!(news.first().unwrap().phase, Phase::Preparing);
    assert_eq!(news.last().unwrap().phase, Phase::Evaluating);
    assert!(news.windows(2).all(|pair| pair[0].phase <= pair[1].phase && pair[0].elapsed_seconds <= pair[1].elapsed_seconds));
    let scores: Vec<f64> = news.iter().filter_map(|progress| progress.best_score).collect();
    assert!(scores.len() > 5 && scores.windows(2).all(|pair| pair[1] <= pair[0]), "the log loss falls");
    let last = news.last().unwrap();
    assert_eq!(last.best_metric.as_deref(), Some("log_loss"));
    assert!(last.best_estimator.is_some() && last.candidates_tried > 5);
}

#[test]
fn a_target_that_cannot_be_learned_is_refused_with_advice() {
    let few = "x,y\n1,a\n2,b\n3,a\n";
    assert_eq!(refusal(few, "z"), "the table has no column 'z'; choose one of its columns as the target");
    assert_eq!(refusal(few, "y"), "only 3 rows have a value in the target column 'y'; at least 10 are needed");

    let column = |values: &dyn Fn(usize) -> String| {
        let mut csv = String::from("x,y\n");
        (0..40).for_each(|row| writeln!(csv, "{},{}", noise(row, 0), values(row)).unwrap());
        csv
    };
    let nothing = "there is nothing to learn, choose another column";
    assert_eq!(refusal(&column(&|_| "a".to_owned()), "y"), format!("the target column 'y' has the same value 'a' in every row; {nothing}"));
    assert_eq!(
        refusal(&column(&|_| "2.5".to_owned()), "y"),
        format!("the target column 'y' has the same value '2.5' in every row; {nothing}")
    );
    assert_eq!(
        refusal(&column(&|row| format!("label {row}")), "y"),
        "no label of the target column 'y' occurs more than twice; at least three rows of one label are needed, choose another column"
    );
    assert_eq!(
        refusal(&column(&|row| if row == 3 { "2.5e300".to_owned() } else { noise(row, 1).to_string() }), "y"),
        "the target column 'y' holds 2.5e300 in row 4, beyond what a model can predict (±1e37); rescale the column"
    );
    let mut labels = String::from("x,y\n");
    (0..3_150).for_each(|row| writeln!(labels, "{},label {}", noise(row, 0), row % 1_050).unwrap());
    assert_eq!(
        refusal(&labels, "y"),
        "the target column 'y' has 1050 distinct labels, at most 1000 can be told apart; choose another column or group the labels"
    );
}

#[test]
fn a_table_without_features_is_refused_with_the_reasons() {
    let mut csv = String::from("user_id,y\n");
    (0..20).for_each(|row| writeln!(csv, "{row},{}", ["a", "b"][row % 2]).unwrap());
    assert_eq!(
        refusal(&csv, "y"),
        "no column can be used to predict 'y': 'user_id' is left out as identifier; add columns that describe the rows"
    );
}

/// A moment, a shop and what it sold: more on later days, at noon, and in shops of higher numbers.
fn sales(rows: usize) -> String {
    let mut csv = String::from("at,until,shop,weight,sold\n");
    for row in 0..rows {
        let (day, hour, shop) = (1 + row % 28, (noise(row, 0) * 24.0) as usize, (noise(row, 1) * 40.0) as usize);
        let minutes = (noise(row, 2) * 50.0) as usize;
        let sold = shop as f64 + 2.0 * day as f64 + 20.0 * (1.0 - (hour as f64 - 12.0).abs() / 12.0) + minutes as f64;
        writeln!(csv, "2024-03-{day:02}T{hour:02}:00:00,2024-03-{day:02}T{hour:02}:{minutes:02}:00,s{shop},{},{sold}", 1 + row % 3)
            .unwrap();
    }
    csv
}

fn with_settings(csv: &str, target: &str, settings: TrainingSettings) -> Result<Trained, EngineError> {
    let (frame, profile) = read(csv);
    train(&frame, &profile, &Options { settings, ..options(target) }, &mut |_| {})
}

#[test]
fn dates_are_read_by_their_parts_and_by_what_lies_between_them() {
    let trained = with_settings(&sales(1_000), "sold", TrainingSettings::default()).unwrap();
    assert!(trained.metrics.r2_score.unwrap() > 0.97, "{:?}", trained.metrics.r2_score);
    assert_eq!(trained.preprocessing.date_columns, ["at", "until"]);
    let moved: Vec<(&str, bool)> = trained.explained.effects.iter().map(|one| (one.feature.as_str(), one.part.is_some())).collect();
    assert!(moved.contains(&("at", true)) && moved.contains(&("until", true)), "it is a number of the date that is moved: {moved:?}");
    assert!(moved.iter().all(|(feature, part)| *part == ["at", "until"].contains(feature)), "{moved:?}");
    assert_eq!(trained.preprocessing.feature_types["at"], FeatureType::Categorical, "older clients choose from a list");
    assert!((1..=100).contains(&trained.preprocessing.categorical_mappings["at"].len()));
}

/// Whoever bears one title stays; a note and a code say nothing.
fn guests(rows: usize) -> String {
    let mut csv = String::from("name,note,code,stays\n");
    for row in 0..rows {
        let title = ["Mr.", "Mrs.", "Miss", "Dr."][(noise(row, 0) * 4.0) as usize];
        let code = format!("{} {}", row * 7 + 1, row * 31 % 9_973 + 20_000);
        let missing = row % 50 == 0;
        let name = if missing { String::new() } else { format!("\"Person{row}, {title} of X{}\"", row * 7) };
        writeln!(csv, "{name},\"Read page {row} on {}, then go on\",{code},{}", row * 3, if title == "Mrs." { "yes" } else { "no" })
            .unwrap();
    }
    csv
}

#[test]
fn texts_are_read_by_their_words_and_length() {
    let (frame, profile) = read(&guests(1_000));
    let left_out = exclusions(&profile, "stays", &TargetRelations::default());
    let trained = train(&frame, &profile, &Options { left_out, ..options("stays") }, &mut |_| {}).unwrap();
    assert!(trained.metrics.accuracy.unwrap() > 0.97, "{:?}", trained.metrics.accuracy);
    let info = &trained.preprocessing;
    assert_eq!(info.feature_columns, ["name", "note"]);
    assert_eq!(info.dropped_reasons["code"], "text with mostly distinct values");
    let mut words = info.text_words["name"].clone();
    words.sort_unstable();
    assert_eq!(words, ["dr", "miss", "mr", "mrs"], "'of' is everywhere");
    assert_eq!(info.text_words["note"], [""; 0], "prose without a frequent word has a length");
    assert_eq!(info.feature_types["name"], FeatureType::Categorical, "older clients choose from a list");
    assert!((1..=20).contains(&info.categorical_mappings["name"].len()));
    assert_eq!(trained.importances[0].0, "name");
    let effect = trained.explained.effects.iter().find(|effect| effect.feature == "name").unwrap();
    assert_eq!((&effect.part, effect.places.as_slice()), (&Some(engine::Part::Word("mrs".to_owned())), &[0.0, 1.0][..]));
    assert!(effect.curves[0].means[1] > effect.curves[0].means[0] + 0.5, "{:?}", effect.curves);
}

#[test]
fn rows_in_time_are_judged_on_what_follows() {
    let settings = TrainingSettings { time_column: Some("at".to_owned()), ..TrainingSettings::default() };
    let trained = with_settings(&sales(600), "sold", settings).unwrap();
    assert_eq!(trained.validation, Validation::HoldOut);
    // Days repeat every 28 rows: the last fifth are the days from about the 23rd on.
    assert!(trained.judged_rows.iter().all(|row| row % 28 >= 21), "{:?}", trained.judged_rows);
    assert_eq!(trained.train_rows, 600);
}

#[test]
fn groups_and_weights_are_no_features() {
    let settings =
        TrainingSettings { group_column: Some("shop".to_owned()), weight_column: Some("weight".to_owned()), ..TrainingSettings::default() };
    let trained = with_settings(&sales(400), "sold", settings).unwrap();
    assert_eq!(trained.preprocessing.feature_columns, ["at", "until"]);
    assert_eq!(trained.preprocessing.dropped_reasons["shop"], "the group of the rows");
    assert_eq!(trained.preprocessing.dropped_reasons["weight"], "the weights of the rows");
}

#[test]
fn what_is_asked_for_is_done() {
    let settings = TrainingSettings {
        metric: Some(Metric::F1),
        estimators: vec![Family::RandomForest, Family::GradientBoosting],
        max_trees: Some(60),
        balance_classes: true,
        ..TrainingSettings::default()
    };
    let trained = with_settings(&customers(600), "stays", settings).unwrap();
    assert!(trained.leaderboard.iter().all(|entry| [Family::RandomForest, Family::GradientBoosting].contains(&entry.family)));
    assert!(trained.leaderboard.iter().all(|entry| entry.metric == Metric::F1 && entry.validation_score <= 1.0));
    assert!(trained.leaderboard.windows(2).all(|pair| pair[0].validation_score >= pair[1].validation_score), "more is better");
    assert!(trained.pipeline.threshold.is_some());
    assert_eq!(trained.metric, Metric::F1);
}

#[test]
fn wrong_settings_are_refused_with_advice() {
    let refusal = |settings| with_settings(&customers(60), "stays", settings).unwrap_err().to_string();
    let named = |name: &str| Some(name.to_owned());
    assert_eq!(
        refusal(TrainingSettings { time_column: named("when"), ..TrainingSettings::default() }),
        "time_column is 'when', but the table has no such column; name one of its columns"
    );
    assert_eq!(
        refusal(TrainingSettings { weight_column: named("plan"), ..TrainingSettings::default() }),
        "the column of weights 'plan' does not hold numbers; correct it, or choose another"
    );
    assert_eq!(
        refusal(TrainingSettings { metric: Some(Metric::Rmse), ..TrainingSettings::default() }),
        "the metric rmse judges a regression, but 'stays' is a classification target; choose another metric or problem type"
    );
    assert_eq!(
        refusal(TrainingSettings { monotone: [("plan".to_owned(), Monotone::Increasing)].into(), ..TrainingSettings::default() }),
        "predictions cannot be made to follow 'plan': it does not hold numbers"
    );
}

#[test]
fn a_run_that_is_asked_to_end_gives_the_best_model_so_far() {
    let (frame, profile) = read(&customers(3_000));
    let stop = Arc::new(AtomicBool::new(false));
    let options = Options { stop: Arc::clone(&stop), time_budget: Duration::from_mins(10), ..options("stays") };
    let begun = Instant::now();
    let mut tried = 0;
    let trained = train(&frame, &profile, &options, &mut |progress| {
        tried = progress.candidates_tried;
        stop.store(tried >= 2, Ordering::Relaxed);
    });
    let trained = trained.unwrap();
    assert!(!trained.pipeline.members.is_empty() && tried < 10);
    assert!(trained.metrics.accuracy.unwrap() > 0.6);
    assert!(begun.elapsed() < Duration::from_mins(1));
    is_explained(&trained);
}

/// Something of each part of the explanation is there, of at least three features where the model uses so many.
fn is_explained(trained: &Trained) {
    let used = trained.importances.iter().filter(|(_, share)| *share > 0.0).count().min(3);
    let Explained { permutation, shap, effects, rows, .. } = &trained.explained;
    assert!(permutation.len() >= used && effects.len() >= used && !shap.is_empty(), "{:?}", trained.explained);
    assert!(rows.permutation >= 100 && rows.repeats >= 1 && rows.shap >= 20 && rows.effects >= 20, "{rows:?}");
    assert!(effects.iter().flat_map(|effect| &effect.curves).flat_map(|curve| &curve.means).all(|mean| mean.is_finite()));
}

#[test]
fn a_large_and_slow_model_is_explained_within_a_short_time() {
    let mut csv: String = (0..20).map(|column| format!("x{column},")).collect();
    csv.push_str("label\n");
    for row in 0..6_000 {
        let values: Vec<f64> = (0..20).map(|column| noise(row, column)).collect();
        values.iter().for_each(|value| write!(csv, "{value:.4},").unwrap());
        writeln!(csv, "l{}", ((values[0] + values[1] * values[2] + values[3] / 2.0) * 10.0) as usize).unwrap();
    }
    let (frame, profile) = read(&csv);
    let settings = TrainingSettings { estimators: vec![Family::RandomForest], ..TrainingSettings::default() };
    let options = Options { settings, time_budget: Duration::from_secs(4), ..options("label") };
    is_explained(&train(&frame, &profile, &options, &mut |_| {}).unwrap());
}

#[test]
fn a_linear_model_is_a_baseline_whatever_was_tried() {
    let baselines = |csv: &str, settings| {
        let trained = with_settings(csv, "stays", settings).unwrap();
        assert!(trained.leaderboard.iter().all(|entry| entry.family != Family::Linear));
        trained.baselines
    };
    let boosting = TrainingSettings { estimators: vec![Family::GradientBoosting], candidates: Some(2), ..TrainingSettings::default() };
    let monotone = TrainingSettings { monotone: [("age".to_owned(), Monotone::Increasing)].into(), ..boosting.clone() };
    // Judged by folds, and on rows held out.
    for (csv, settings) in [(customers(500), boosting.clone()), (customers(500), monotone), (customers(6_000), boosting)] {
        let baselines = baselines(&csv, settings);
        let loss = |name: &str| baselines.iter().find(|baseline| baseline.name == name).and_then(|baseline| baseline.metrics.log_loss);
        assert!(loss("linear").unwrap() < loss("majority").unwrap(), "{baselines:?}");
    }
}

/// Trees of the stored model.
fn trees(trained: &Trained) -> usize {
    let of = |member: &model::Member| if let Fitted::Trees(forest) = &member.model { forest.trees.len() } else { 0 };
    trained.pipeline.members.iter().map(of).sum()
}

#[test]
fn a_model_is_no_larger_than_was_asked_for() {
    for max_trees in [1, 10, 60] {
        let settings =
            TrainingSettings { max_trees: Some(max_trees), estimators: vec![Family::GradientBoosting], ..TrainingSettings::default() };
        let trained = with_settings(&customers(600), "stays", settings).unwrap();
        assert!((1..=max_trees as usize).contains(&trees(&trained)), "{} trees of {max_trees}", trees(&trained));
    }
    let settings = TrainingSettings { max_model_mb: Some(0.05), ..TrainingSettings::default() };
    let trained = with_settings(&customers(600), "stays", settings).unwrap();
    let nodes: usize = trained
        .pipeline
        .members
        .iter()
        .filter_map(|member| if let Fitted::Trees(forest) = &member.model { Some(forest) } else { None })
        .flat_map(|forest| &forest.trees)
        .map(|tree| tree.nodes.len())
        .sum();
    assert!(nodes * 64 <= 50_000, "{nodes} nodes");
}

#[test]
fn few_groups_fill_few_folds() {
    let mut csv = String::from("site,x,y\n");
    for row in 0..300 {
        writeln!(csv, "s{},{},{}", row % 3, noise(row, 0), 3.0 * noise(row, 0) + 0.1 * noise(row, 1)).unwrap();
    }
    let settings = TrainingSettings { group_column: Some("site".to_owned()), ..TrainingSettings::default() };
    let trained = with_settings(&csv, "y", settings).unwrap();
    assert!(matches!(trained.validation, Validation::Folds { folds: 3, .. }), "{:?}", trained.validation);
    assert_eq!(trained.judged_rows.len(), 300);
}

#[test]
fn labels_that_hardly_repeat_are_learned_all_the_same() {
    let mut csv = String::from("x,y\n");
    for row in 0..40 {
        let label = if row < 3 { "often".to_owned() } else { format!("once {row}") };
        writeln!(csv, "{},{label}", noise(row, 0)).unwrap();
    }
    assert!(!trained(&csv, "y").unwrap().pipeline.members.is_empty());
}

#[test]
fn a_metric_that_the_target_does_not_have_is_refused_or_replaced() {
    let mut csv = String::from("at,x,loss,late\n");
    for row in 0..400 {
        let late = if row < 250 && noise(row, 1) > 0.5 { "yes" } else { "no" };
        writeln!(csv, "{row},{},{},{late}", noise(row, 0), (noise(row, 0) * 9.0).floor() - 2.0).unwrap();
    }
    let with = |target, metric, time_column: Option<&str>, problem_type| {
        let settings =
            TrainingSettings { metric: Some(metric), time_column: time_column.map(ToOwned::to_owned), ..TrainingSettings::default() };
        let (frame, profile) = read(&csv);
        train(&frame, &profile, &Options { settings, problem_type: Some(problem_type), ..options(target) }, &mut |_| {})
    };
    assert_eq!(
        with("loss", Metric::Rmsle, None, ProblemType::Regression).unwrap_err().to_string(),
        "rmsle is not defined for the target column 'loss': it has values below 0; choose another metric"
    );
    let relative = with("loss", Metric::Mape, None, ProblemType::Regression).unwrap();
    assert!(relative.metrics.mape.unwrap().is_finite(), "rows of zero do not count");
    let late = with("late", Metric::RocAuc, Some("at"), ProblemType::Classification).unwrap();
    assert_eq!(late.metric, Metric::LogLoss, "the rows at the end are of one label");
}

#[test]
fn balancing_labels_changes_what_is_learned_and_not_how_it_is_measured() {
    let mut csv = String::from("x,y\n");
    for row in 0..600 {
        writeln!(csv, "{},{}", noise(row, 0), if noise(row, 0) + 0.5 * noise(row, 1) > 1.25 { "rare" } else { "usual" }).unwrap();
    }
    let balanced = with_settings(&csv, "y", TrainingSettings { balance_classes: true, ..TrainingSettings::default() }).unwrap();
    let Outcome::Labels { actual, chosen, .. } = &balanced.outcome else { panic!("labels") };
    let hits = actual.iter().zip(chosen).filter(|(actual, chosen)| actual == chosen).count();
    let accuracy = balanced.metrics.accuracy.unwrap();
    assert!((accuracy - hits as f64 / actual.len() as f64).abs() < 1e-9, "{accuracy}");
    assert!(balanced.metrics.balanced_accuracy.unwrap() > accuracy - 0.1);
}

/// Labels that follow a number, one in four of them the other way round.
fn doubtful(rows: usize) -> String {
    let mut csv = String::from("x,y\n");
    for row in 0..rows {
        let label = (noise(row, 0) > 0.5) != (noise(row, 1) < 0.25);
        writeln!(csv, "{},{}", noise(row, 0), if label { "yes" } else { "no" }).unwrap();
    }
    csv
}

/// The mean log loss of judged rows, and what it would be if the calibration of two labels were taken back.
fn log_losses(actual: &[u32], probabilities: &[f32], calibration: Calibration) -> (f64, f64) {
    let (mut with, mut without) = (0.0, 0.0);
    for (&label, row) in actual.iter().zip(probabilities.chunks(2)) {
        let log_odds = f64::from(row[1] / row[0]).ln();
        let before = (log_odds - f64::from(calibration.shift)) / f64::from(calibration.slope);
        let sign = if label == 1 { 1.0 } else { -1.0 };
        with += (-sign * log_odds).exp().ln_1p() / actual.len() as f64;
        without += (-sign * before).exp().ln_1p() / actual.len() as f64;
    }
    (with, without)
}

#[test]
fn a_forest_that_says_too_little_is_calibrated() {
    let settings = |metric| TrainingSettings {
        metric: Some(metric),
        estimators: vec![Family::RandomForest],
        candidates: Some(1),
        ..TrainingSettings::default()
    };
    let of_folds = with_settings(&doubtful(1_000), "y", settings(Metric::RocAuc)).unwrap();
    let Some(CalibrationOutcome::Calibrated { slope, before, after, .. }) = of_folds.calibration else {
        panic!("{:?}", of_folds.calibration)
    };
    assert!(slope > 1.2 && after < before, "{slope} {before} {after}");
    assert!((f64::from(of_folds.pipeline.calibration.unwrap().slope) - slope).abs() < 1e-9);
    let reported = of_folds.metrics.log_loss.unwrap();
    assert!((reported - after).abs() < 1e-5, "rows that folds judge are calibrated without their fold: {reported} {after}");

    let held_out = with_settings(&doubtful(6_000), "y", settings(Metric::LogLoss)).unwrap();
    assert_eq!(held_out.validation, Validation::HoldOut);
    let Outcome::Labels { actual, probabilities, .. } = &held_out.outcome else { panic!("labels") };
    let (with, without) = log_losses(actual, probabilities, held_out.pipeline.calibration.unwrap());
    assert!((held_out.metrics.log_loss.unwrap() - with).abs() < 1e-5 && with < without, "{with} {without}");
}
