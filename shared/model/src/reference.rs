//! What the training rows looked like: how often which values occurred. Rows of later are counted into the same bins, so that the two can
//! be compared ([`domain::Drift`]).

use std::collections::{HashMap, HashSet};

use domain::date;
use serde::{Deserialize, Serialize};

use crate::{Batch, DatePart, Feature, FeatureKind, Label, Predictions};

/// Bins of numbers, each with about as many training rows.
const BINS: usize = 10;
/// Texts that have a bin of their own.
const MOST_TEXTS: usize = 20;
/// Features that are counted, the most important ones: the manifest is read at each cold start.
const MOST_FEATURES: usize = 1_000;

/// How often the values of features and predictions fell into which bin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// Of training rows, in the model's order; the most important features where there are very many.
    pub features: Vec<Distribution>,
    /// What the model said of rows that it did not learn from.
    pub prediction: Distribution,
}

/// How often values fell into which bin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// The feature, or `prediction`.
    pub name: String,
    /// Where values belong.
    pub bins: Bins,
    /// Rows by bin: one for each of `bins`, one for all other values, one for missing and unknown ones.
    pub counts: Vec<u64>,
}

/// Where values belong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bins {
    /// Numbers up to each of these, ascending.
    UpTo(Vec<f32>),
    /// Texts that are one of these, the most frequent first.
    OneOf(Vec<String>),
}

/// Where a batch has what a feature is judged by.
#[derive(Debug, Clone, Copy)]
enum Place<'a> {
    /// The position in a row's numbers.
    Number(usize),
    /// The column of texts, and the known ones.
    Text(usize, &'a [String]),
}

impl Reference {
    /// Of training rows, and of `prediction` for rows that were not learned from.
    pub fn new(features: &[Feature], importances: &[(String, f64)], batch: &Batch, prediction: Distribution) -> Self {
        let important: HashSet<&str> = importances.iter().take(MOST_FEATURES).map(|(name, _)| name.as_str()).collect();
        let is_kept = |feature: &Feature| features.len() <= MOST_FEATURES || important.contains(feature.name.as_str());
        let of = |(feature, place): (&Feature, Place<'_>)| match place {
            Place::Number(_) => Distribution::of_numbers(&feature.name, place.numbers(batch)),
            Place::Text(..) => Distribution::of_texts(&feature.name, place.texts(batch)),
        };
        Self { features: places(features).filter(|(feature, _)| is_kept(feature)).map(of).collect(), prediction }
    }

    /// Every distribution: the features', then the prediction's.
    pub fn distributions(&self) -> impl Iterator<Item = &Distribution> {
        self.features.iter().chain([&self.prediction])
    }

    /// How many of some rows and their predictions fell into each bin of each distribution, one after the other.
    pub fn count(&self, features: &[Feature], batch: &Batch, labels: &[Label], predictions: &Predictions) -> Vec<u64> {
        let places: HashMap<&str, Place<'_>> = places(features).map(|(feature, place)| (feature.name.as_str(), place)).collect();
        let of_feature = |distribution: &Distribution| match places.get(distribution.name.as_str()) {
            Some(place @ Place::Number(_)) => distribution.count_numbers(place.numbers(batch)),
            Some(place @ Place::Text(..)) => distribution.count_texts(place.texts(batch)),
            None => distribution.nothing(),
        };
        let mut counts: Vec<u64> = self.features.iter().flat_map(of_feature).collect();
        counts.extend(match predictions {
            Predictions::Numbers(numbers) => self.prediction.count_numbers(numbers.iter().copied()),
            Predictions::Classes { labels: chosen, .. } => {
                let texts: Vec<String> = labels.iter().map(ToString::to_string).collect();
                self.prediction.count_texts(chosen.iter().map(|&label| texts.get(label).map(String::as_str)))
            }
        });
        counts
    }
}

impl Distribution {
    /// Of numbers, in bins of about as many each; `NaN` is missing.
    pub fn of_numbers(name: &str, numbers: impl Iterator<Item = f32> + Clone) -> Self {
        let mut sorted: Vec<f32> = numbers.clone().filter(|number| number.is_finite()).collect();
        sorted.sort_by(f32::total_cmp);
        let mut bounds: Vec<f32> = (1..BINS).filter_map(|bin| sorted.get(sorted.len() * bin / BINS).copied()).collect();
        bounds.dedup();
        let empty = Self { name: name.to_owned(), bins: Bins::UpTo(bounds), counts: Vec::new() };
        Self { counts: empty.count_numbers(numbers), ..empty }
    }

    /// Of texts, the frequent ones in a bin each; `None` is missing.
    pub fn of_texts<'a>(name: &str, texts: impl Iterator<Item = Option<&'a str>> + Clone) -> Self {
        let mut rows: HashMap<&str, usize> = HashMap::new();
        texts.clone().flatten().for_each(|text| *rows.entry(text).or_default() += 1);
        let mut frequent: Vec<(&str, usize)> = rows.into_iter().collect();
        frequent.sort_by_key(|&(text, rows)| (std::cmp::Reverse(rows), text));
        let frequent = frequent.iter().take(MOST_TEXTS).map(|(text, _)| (*text).to_owned()).collect();
        let empty = Self { name: name.to_owned(), bins: Bins::OneOf(frequent), counts: Vec::new() };
        Self { counts: empty.count_texts(texts), ..empty }
    }

    /// How many bins there are.
    pub fn size(&self) -> usize {
        2 + match &self.bins {
            Bins::UpTo(bounds) => bounds.len(),
            Bins::OneOf(texts) => texts.len(),
        }
    }

    /// What each of its bins holds, for people. It is of one of these features, or of the prediction.
    pub fn labels(&self, features: &[Feature]) -> Vec<String> {
        (0..self.size()).map(|bin| self.label(bin, features)).collect()
    }

    /// The same of one bin.
    pub fn label(&self, bin: usize, features: &[Feature]) -> String {
        if bin + 1 >= self.size() {
            return "missing or unknown".to_owned();
        }
        match &self.bins {
            Bins::OneOf(texts) => texts.get(bin).cloned().unwrap_or_else(|| "others".to_owned()),
            Bins::UpTo(bounds) => match (bounds.get(bin), bounds.last()) {
                (Some(&bound), _) => format!("up to {}", self.number(bound, features)),
                (None, Some(&last)) => format!("above {}", self.number(last, features)),
                (None, None) => "any number".to_owned(),
            },
        }
    }

    /// A bound, for people: of a date it is the day.
    fn number(&self, bound: f32, features: &[Feature]) -> String {
        match features.iter().find(|feature| feature.name == self.name).map(|feature| &feature.kind) {
            Some(FeatureKind::Date { parts, origin, .. }) if parts.contains(&DatePart::Elapsed) => {
                date::iso(date::midnight(origin.saturating_add(bound.floor() as i64)))
            }
            _ => bound.to_string(),
        }
    }

    fn nothing(&self) -> Vec<u64> {
        vec![0; self.size()]
    }

    fn count_numbers(&self, numbers: impl Iterator<Item = f32>) -> Vec<u64> {
        let Bins::UpTo(bounds) = &self.bins else { return self.nothing() };
        self.counted(numbers.map(|number| match number {
            number if number.is_nan() => bounds.len() + 1,
            number => bounds.partition_point(|&bound| bound < number),
        }))
    }

    fn count_texts<'a>(&self, texts: impl Iterator<Item = Option<&'a str>>) -> Vec<u64> {
        let Bins::OneOf(known) = &self.bins else { return self.nothing() };
        self.counted(texts.map(|text| match text {
            None => known.len() + 1,
            Some(text) => known.iter().position(|known| known == text).unwrap_or(known.len()),
        }))
    }

    fn counted(&self, bins: impl Iterator<Item = usize>) -> Vec<u64> {
        let mut counts = self.nothing();
        bins.for_each(|bin| {
            if let Some(count) = counts.get_mut(bin) {
                *count += 1;
            }
        });
        counts
    }
}

/// The features with what they are judged by: a number, a category, the days until a date, the length of a text.
fn places(features: &[Feature]) -> impl Iterator<Item = (&Feature, Place<'_>)> {
    let (mut numbers, mut texts) = (0, 0);
    features.iter().map(move |feature| {
        let place = match &feature.kind {
            FeatureKind::Categorical { categories } => {
                texts += 1;
                Place::Text(texts - 1, categories)
            }
            kind => {
                let first = numbers;
                numbers += kind.numbers();
                let elapsed = match kind {
                    FeatureKind::Date { parts, .. } => parts.iter().position(|&part| part == DatePart::Elapsed),
                    _ => None,
                };
                Place::Number(first + elapsed.unwrap_or(0))
            }
        };
        (feature, place)
    })
}

impl<'a> Place<'a> {
    fn numbers(self, batch: &Batch) -> impl Iterator<Item = f32> + Clone {
        let width = batch.numbers.len().checked_div(batch.rows).unwrap_or_default().max(1);
        let place = match self {
            Self::Number(place) => place,
            Self::Text(..) => width,
        };
        batch.numbers.chunks(width).filter_map(move |row| row.get(place).copied())
    }

    fn texts(self, batch: &'a Batch) -> impl Iterator<Item = Option<&'a str>> + Clone {
        let (column, known): (&[String], &[String]) = match self {
            Self::Number(_) => (&[], &[]),
            Self::Text(column, known) => (batch.texts.get(column).map_or(&[], Vec::as_slice), known),
        };
        column.iter().map(|text| known.binary_search(text).ok().map(|_| text.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use DriftLevel::{Major, Stable, TooFewRows};
    use domain::{Drift, DriftLevel};

    use super::*;
    use crate::TextLength;

    fn features() -> Vec<Feature> {
        let feature = |name: &str, kind| Feature { name: name.to_owned(), kind };
        let parts = vec![DatePart::Year, DatePart::Elapsed];
        vec![
            feature("name", FeatureKind::Text { lengths: vec![TextLength::Characters], words: vec!["mr".to_owned()] }),
            feature("plan", FeatureKind::Categorical { categories: ["a", "b", "c"].map(str::to_owned).to_vec() }),
            feature("since", FeatureKind::Date { parts, origin: 20_000, since: Vec::new() }),
            feature("age", FeatureKind::Numeric),
        ]
    }

    fn batch(rows: usize, row: impl Fn(usize) -> ([f32; 5], &'static str)) -> Batch {
        let rows: Vec<_> = (0..rows).map(row).collect();
        Batch {
            rows: rows.len(),
            numbers: rows.iter().flat_map(|(numbers, _)| *numbers).collect(),
            texts: vec![rows.iter().map(|(_, text)| (*text).to_owned()).collect()],
        }
    }

    fn trained() -> Batch {
        batch(1_000, |row| {
            let age = if row % 4 == 0 { f32::NAN } else { row as f32 };
            ([10.0, 1.0, 2024.0, (row % 100) as f32 + 0.5, age], ["b", "b", "a", ""][row % 4])
        })
    }

    fn reference() -> Reference {
        let prediction = Distribution::of_texts("prediction", ["no", "yes"].into_iter().map(Some));
        Reference::new(&features(), &[], &trained(), prediction)
    }

    #[test]
    fn each_feature_has_bins_of_its_own() {
        let reference = reference();
        let of = |name: &str| reference.features.iter().find(|feature| feature.name == name).unwrap();
        assert_eq!((&of("name").bins, of("name").counts.as_slice()), (&Bins::UpTo(vec![10.0]), [1_000, 0, 0].as_slice()));
        let plans = Bins::OneOf(vec!["b".to_owned(), "a".to_owned()]);
        assert_eq!((&of("plan").bins, of("plan").counts.as_slice()), (&plans, [500, 250, 0, 250].as_slice()));
        let age = of("age");
        assert_eq!((age.counts.len(), age.counts.iter().sum::<u64>(), age.counts.last()), (11, 1_000, Some(&250)));
        assert!(age.counts.iter().take(10).all(|&rows| rows.abs_diff(75) < 3), "{:?}", age.counts);
        let since = of("since").labels(&features());
        assert_eq!(
            (since[0].as_str(), since[9].as_str(), since[10].as_str()),
            ("up to 2024-10-14", "above 2025-01-02", "missing or unknown")
        );
    }

    #[test]
    fn rows_of_later_fall_into_the_same_bins() {
        let (features, reference) = (features(), reference());
        let labels = ["no", "yes"].map(|label| Label::Text(label.to_owned()));
        let none = Predictions::Classes { labels: vec![1; 1_000], probabilities: vec![0.5; 2_000] };
        let drifts = |batch: &Batch, predictions: &Predictions| -> Vec<DriftLevel> {
            let mut counts = reference.count(&features, batch, &labels, predictions).into_iter();
            let now = |distribution: &Distribution| counts.by_ref().take(distribution.size()).collect::<Vec<_>>();
            let now: Vec<Vec<u64>> = reference.distributions().map(now).collect();
            reference.distributions().zip(now).map(|(then, now)| Drift::between(&then.counts, &now).level).collect()
        };
        assert_eq!(drifts(&trained(), &none), [Stable, Stable, Stable, Stable, TooFewRows]);
        let other = batch(1_000, |row| ([10.0, 1.0, 2024.0, (row % 100) as f32 + 90.0, 5.0], ["b", "never seen"][row % 2]));
        assert_eq!(drifts(&other, &none), [Stable, Major, Major, Major, TooFewRows]);
        let one = Predictions::Classes { labels: vec![1], probabilities: vec![0.2, 0.8] };
        let one = reference.count(&features, &batch(1, |_| ([1.0, 0.0, 2024.0, 1.0, 1e9], "c")), &labels, &one);
        assert_eq!(one.iter().sum::<u64>(), 5, "one for each feature and one for the prediction");
        assert_eq!(one.len(), reference.distributions().map(Distribution::size).sum::<usize>());
    }

    #[test]
    fn a_file_that_contradicts_itself_counts_nothing() {
        let mut reference = reference();
        reference.features.swap(0, 1);
        reference.features.iter_mut().for_each(|feature| feature.bins = Bins::OneOf(Vec::new()));
        reference.features.push(Distribution::of_numbers("unknown", [1.0].into_iter()));
        let counts = reference.count(&features(), &trained(), &[], &Predictions::Numbers(vec![1.0]));
        assert_eq!(counts.len(), reference.distributions().map(Distribution::size).sum::<usize>());
    }

    #[test]
    fn few_values_have_a_bin_each() {
        let flags = Distribution::of_numbers("flag", (0..100).map(|row| f32::from(row % 2 == 0)));
        assert_eq!((flags.bins, flags.counts), (Bins::UpTo(vec![0.0, 1.0]), vec![50, 50, 0, 0]));
        let none = Distribution::of_numbers("none", [f32::NAN, f32::NAN].into_iter());
        assert_eq!((none.labels(&[]), none.counts), (vec!["any number".to_owned(), "missing or unknown".to_owned()], vec![0, 2]));
    }
}
