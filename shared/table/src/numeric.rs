//! Quantiles and histograms of a numeric column from its kept values: all of them or, beyond a cap, a uniform sample.

use domain::{HistogramBin, NumericStats};

use crate::summary::NumberSums;

const BINS: usize = 20;
/// Skewness from which a logarithmic scale is worth a look.
const SKEWED: f64 = 1.0;
/// Outliers are farther from the quartiles than so many times their distance (Tukey, 1977).
const FENCE: f64 = 1.5;

/// The statistics of a column with those sums and that sample of its values (NaN is skipped); `None` without a finite value.
pub(crate) fn stats(sums: &NumberSums, sample: &[f64], exact: bool, count: u64) -> Option<NumericStats> {
    let (min, max) = sums.range?;
    let mut sorted: Vec<f64> = sample.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    if sorted.is_empty() {
        // Values so rare that the sample has none.
        sorted = vec![min, max];
    }
    let quantile = |share| quantile(&sorted, share);
    let (q25, q75) = (quantile(0.25), quantile(0.75));
    let fence = FENCE * (q75 - q25);
    let outside =
        sorted.partition_point(|value| *value < q25 - fence) + sorted.len() - sorted.partition_point(|value| *value <= q75 + fence);
    let scale = if exact { 1.0 } else { count as f64 / sorted.len() as f64 };
    Some(NumericStats {
        min,
        q05: quantile(0.05),
        q25,
        median: quantile(0.5),
        q75,
        q95: quantile(0.95),
        max,
        mean: sums.moments.mean,
        std: sums.moments.std(),
        skewness: sums.moments.skewness(),
        kurtosis: sums.moments.kurtosis(),
        quantiles_exact: exact,
        is_integer: !sums.fractional,
        infinite: sums.infinite,
        zeros: sums.zeros,
        negatives: sums.negatives,
        outliers: (outside as f64 * scale).round() as u64,
        histogram: histogram(min, max, &sorted, count),
        smallest: Vec::new(),
        largest: Vec::new(),
        log_histogram: if min >= 0.0 && sums.moments.skewness().abs() > SKEWED {
            log_histogram(min, max, &sorted, count)
        } else {
            Vec::new()
        },
    })
}

/// The same in bins of equal width on a logarithmic scale; where some value is 0, on that of 1 + the value.
fn log_histogram(min: f64, max: f64, sample: &[f64], count: u64) -> Vec<HistogramBin> {
    let is_positive = min > 0.0;
    let there = |value: f64| if is_positive { value.ln() } else { value.ln_1p() };
    let back = |logarithm: f64| if is_positive { logarithm.exp() } else { logarithm.exp_m1() };
    let logarithms: Vec<f64> = sample.iter().copied().map(there).collect();
    let bins = histogram(there(min), there(max), &logarithms, count);
    bins.into_iter().map(|bin| HistogramBin { low: back(bin.low), high: back(bin.high), ..bin }).collect()
}

/// Counts in bins over the whole range; those of a sample are scaled to all values.
pub(crate) fn histogram(min: f64, max: f64, sample: &[f64], count: u64) -> Vec<HistogramBin> {
    if min == max {
        return vec![HistogramBin { low: min, high: max, count }];
    }
    let mut bins = [0_u64; BINS];
    for value in sample {
        let share = (value / 2.0 - min / 2.0) / (max / 2.0 - min / 2.0);
        let bin = if share.is_nan() { 0 } else { ((share * BINS as f64) as usize).min(BINS - 1) };
        if let Some(count) = bins.get_mut(bin) {
            *count += 1;
        }
    }
    let scale = count as f64 / sample.len().max(1) as f64;
    let edge = |bin: usize| {
        let share = bin as f64 / BINS as f64;
        min * (1.0 - share) + max * share
    };
    let bin =
        |(bin, count): (usize, &u64)| HistogramBin { low: edge(bin), high: edge(bin + 1), count: (*count as f64 * scale).round() as u64 };
    bins.iter().enumerate().map(bin).collect()
}

/// The quantile between the two nearest of sorted values, linearly (type 7 of Hyndman and Fan).
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * sorted.len().saturating_sub(1) as f64;
    let at = |index: usize| sorted.get(index).or(sorted.last()).copied().unwrap_or(0.0);
    let (below, above) = (at(position.floor() as usize), at(position.ceil() as usize));
    let part = position.fract();
    below * (1.0 - part) + above * part
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array};
    use domain::ColumnKind;

    use super::*;
    use crate::summary::{Summary, Sums};

    fn stats_of(values: &[f64], exact: bool) -> NumericStats {
        let mut sums = NumberSums::default();
        for some in values.chunks(3_000) {
            let array: ArrayRef = Arc::new(Float64Array::from(some.to_vec()));
            let Sums::Numbers(more) = Summary::of(ColumnKind::Float, &array, &mut vec![0; some.len()]).values else {
                unreachable!("floats")
            };
            sums.add(&more);
        }
        let sample: Vec<f64> = if exact { values.to_vec() } else { values.iter().copied().step_by(25).collect() };
        stats(&sums, &sample, exact, values.len() as u64).unwrap()
    }

    #[test]
    fn the_figures_of_a_small_column() {
        let stats = stats_of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0], true);
        assert_eq!((stats.min, stats.q25, stats.median, stats.q75, stats.max), (2.0, 4.0, 4.5, 5.5, 9.0));
        assert!((stats.mean - 5.0).abs() < 1e-12);
        assert!((stats.std - 2.138_089_935_299_395).abs() < 1e-12, "as numpy's std(ddof=1)");
        assert!((stats.skewness - 0.818_487_553_356_635_4).abs() < 1e-12, "as pandas' skew: {}", stats.skewness);
        assert!((stats.kurtosis - 0.940_625).abs() < 1e-12, "as pandas' kurt: {}", stats.kurtosis);
        assert_eq!(stats.histogram.iter().map(|bin| bin.count).sum::<u64>(), 8);
        assert!(stats.is_integer && stats.quantiles_exact);
        assert_eq!(stats.outliers, 1, "9 is above 5.5 + 1.5 · 1.5");
        assert!(stats.log_histogram.is_empty(), "it is hardly skewed");
    }

    #[test]
    fn skewed_values_are_counted_on_a_logarithmic_scale_too() {
        let stats = stats_of(&(0..200).map(|power| 1.05_f64.powi(power)).collect::<Vec<_>>(), true);
        assert!(stats.log_histogram.iter().all(|bin| bin.count.abs_diff(10) <= 1), "{:?}", stats.log_histogram);
        assert!(stats.log_histogram.first().is_some_and(|bin| (bin.low - 1.0).abs() < 1e-9));
    }

    #[test]
    fn skewed_amounts_with_zeros_are_too() {
        let zeros = std::iter::repeat_n(0.0, 20);
        let stats = stats_of(&zeros.chain((0..200).map(|power| 1.05_f64.powi(power))).collect::<Vec<_>>(), true);
        assert!(stats.log_histogram.first().is_some_and(|bin| bin.low == 0.0 && bin.count >= 20), "{:?}", stats.log_histogram);
        assert_eq!(stats.log_histogram.iter().map(|bin| bin.count).sum::<u64>(), 220);
        assert!(stats_of(&[-1.0, 1.0, 1.0, 1.0, 1.0, 900.0], true).log_histogram.is_empty(), "some are below 0");
    }

    #[test]
    fn infinities_are_counted_apart() {
        let stats = stats_of(&[1.0, f64::INFINITY, 3.0], true);
        assert_eq!((stats.mean, stats.infinite, stats.is_integer), (2.0, 1, false));
    }

    #[test]
    fn beyond_the_cap_quartiles_come_from_a_sample() {
        let values: Vec<f64> = (0..50_000).map(f64::from).collect();
        let stats = stats_of(&values, false);
        assert!(!stats.quantiles_exact);
        assert!((stats.median - 25_000.0).abs() < 100.0, "{}", stats.median);
        assert_eq!((stats.min, stats.max, stats.mean), (0.0, 49_999.0, 24_999.5));
        assert!(stats.histogram.iter().all(|bin| bin.count.abs_diff(2_500) < 100), "{:?}", stats.histogram);
    }
}
