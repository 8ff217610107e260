//! Statistics of a numeric column in one pass. Moments are taken of one piece at a time around its own mean and merged by the formulas of
//! Pébay (2008); quantiles and the histogram are of all values or, beyond a cap, of a uniform sample of them (reservoir sampling, Li's
//! algorithm L, 1994).

use domain::{HistogramBin, NumericStats};

const BINS: usize = 20;

/// Running statistics over finite values.
#[derive(Debug)]
pub(crate) struct Numeric {
    moments: Moments,
    min: f64,
    max: f64,
    sample: Reservoir,
    whole: bool,
    infinite: u64,
    zeros: u64,
    negatives: u64,
}

/// Count, mean and sums of powers of the differences from it.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    n: f64,
    mean: f64,
    m2: f64,
    m3: f64,
    m4: f64,
}

impl Moments {
    fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let rough = values.iter().sum::<f64>() / n;
        // The mean's own rounding error is taken out once.
        let mean = if rough.is_finite() { rough + values.iter().map(|value| value - rough).sum::<f64>() / n } else { rough };
        let (mut m2, mut m3, mut m4) = (0.0, 0.0, 0.0);
        for value in values {
            let delta = value - mean;
            let square = delta * delta;
            m2 += square;
            m3 += square * delta;
            m4 += square * square;
        }
        Self { n, mean, m2, m3, m4 }
    }

    fn merged(self, other: Self) -> Self {
        if self.n == 0.0 {
            return other;
        }
        let (a, b, n) = (self.n, other.n, self.n + other.n);
        let delta = other.mean - self.mean;
        let square = delta * delta;
        Self {
            n,
            mean: self.mean + delta * b / n,
            m2: self.m2 + other.m2 + square * a * b / n,
            m3: self.m3 + other.m3 + square * delta * a * b * (a - b) / (n * n) + 3.0 * delta * (a * other.m2 - b * self.m2) / n,
            m4: self.m4
                + other.m4
                + square * square * a * b * (a * a - a * b + b * b) / (n * n * n)
                + 6.0 * square * (a * a * other.m2 + b * b * self.m2) / (n * n)
                + 4.0 * delta * (a * other.m3 - b * self.m3) / n,
        }
    }

    fn std(self) -> f64 {
        if self.n > 1.0 { (self.m2 / (self.n - 1.0)).sqrt() } else { 0.0 }
    }

    /// Adjusted Fisher–Pearson skewness.
    fn skewness(self) -> f64 {
        let n = self.n;
        let population = self.m2 / n;
        let skewness = (n * (n - 1.0)).sqrt() / (n - 2.0) * (self.m3 / n) / population.powf(1.5);
        if n > 2.0 && population > 0.0 && skewness.is_finite() { skewness } else { 0.0 }
    }

    /// Excess kurtosis without bias.
    fn kurtosis(self) -> f64 {
        let n = self.n;
        let ratio = n * self.m4 / (self.m2 * self.m2);
        let kurtosis = (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * ratio - 3.0 * (n - 1.0));
        if n > 3.0 && kurtosis.is_finite() { kurtosis } else { 0.0 }
    }
}

/// A uniform sample of the values that pass.
#[derive(Debug)]
struct Reservoir {
    kept: Vec<f64>,
    cap: usize,
    seen: u64,
    /// The position of the next value to keep, once the reservoir is full.
    next: u64,
    weight: f64,
    random: u64,
}

impl Reservoir {
    fn new(cap: usize) -> Self {
        Self { kept: Vec::new(), cap, seen: 0, next: 0, weight: 1.0, random: 0x9E37_79B9_7F4A_7C15 }
    }

    fn add(&mut self, values: &[f64]) {
        let (direct, rest) = values.split_at(values.len().min(self.cap - self.kept.len()));
        self.kept.extend_from_slice(direct);
        self.seen += direct.len() as u64;
        if self.kept.len() == self.cap && self.next == 0 {
            self.skip();
        }
        while let Some(value) = self.next.checked_sub(self.seen).and_then(|ahead| rest.get(usize::try_from(ahead).ok()?)) {
            let place = (self.uniform() * self.cap as f64) as usize;
            if let Some(kept) = self.kept.get_mut(place) {
                *kept = *value;
            }
            self.skip();
        }
        self.seen += rest.len() as u64;
    }

    fn skip(&mut self) {
        self.weight *= (self.uniform().ln() / self.cap as f64).exp();
        let gap = (self.uniform().ln() / (1.0 - self.weight).ln()).floor();
        self.next = if self.next == 0 { self.seen } else { self.next + 1 }.saturating_add(gap as u64);
    }

    /// In 0..1, never 0.
    fn uniform(&mut self) -> f64 {
        // xorshift64 (Marsaglia, 2003)
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        ((self.random >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }
}

impl Numeric {
    /// Keeps at most `cap` values.
    pub(crate) fn new(cap: usize) -> Self {
        Self {
            moments: Moments::default(),
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            sample: Reservoir::new(cap),
            whole: true,
            infinite: 0,
            zeros: 0,
            negatives: 0,
        }
    }

    /// Counts infinite values.
    pub(crate) fn add_infinite(&mut self, count: u64) {
        self.infinite += count;
        self.whole = self.whole && count == 0;
    }

    /// Counts finite values.
    pub(crate) fn add(&mut self, values: &[f64]) {
        if values.is_empty() {
            return;
        }
        self.moments = self.moments.merged(Moments::of(values));
        for value in values {
            self.min = self.min.min(*value);
            self.max = self.max.max(*value);
            self.zeros += u64::from(*value == 0.0);
            self.negatives += u64::from(*value < 0.0);
        }
        self.whole = self.whole && values.iter().all(|value| value.fract() == 0.0);
        self.sample.add(values);
    }

    /// The statistics; `None` without a finite value.
    pub(crate) fn stats(self) -> Option<NumericStats> {
        let Self { moments, min, max, sample: Reservoir { kept: mut sample, seen, .. }, .. } = self;
        if seen == 0 {
            return None;
        }
        sample.sort_unstable_by(f64::total_cmp);
        Some(NumericStats {
            min,
            q25: quantile(&sample, 0.25),
            median: quantile(&sample, 0.5),
            q75: quantile(&sample, 0.75),
            max,
            mean: moments.mean,
            std: moments.std(),
            skewness: moments.skewness(),
            kurtosis: moments.kurtosis(),
            quantiles_exact: sample.len() as u64 == seen,
            is_integer: self.whole,
            infinite: self.infinite,
            zeros: self.zeros,
            negatives: self.negatives,
            histogram: histogram(min, max, &sample, seen),
        })
    }
}

/// Counts in bins over the whole range; those of a sample are scaled to all values.
fn histogram(min: f64, max: f64, sample: &[f64], count: u64) -> Vec<HistogramBin> {
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
    let scale = count as f64 / sample.len() as f64;
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
    use super::*;

    fn stats(values: &[f64], cap: usize) -> NumericStats {
        let mut numeric = Numeric::new(cap);
        for some in values.chunks(3_000) {
            let (finite, infinite): (Vec<f64>, Vec<f64>) = some.iter().partition(|value| value.is_finite());
            numeric.add(&finite);
            numeric.add_infinite(infinite.len() as u64);
        }
        numeric.stats().unwrap()
    }

    #[test]
    fn the_figures_of_a_small_column() {
        let stats = stats(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0], 100);
        assert_eq!((stats.min, stats.q25, stats.median, stats.q75, stats.max), (2.0, 4.0, 4.5, 5.5, 9.0));
        assert!((stats.mean - 5.0).abs() < 1e-12);
        assert!((stats.std - 2.138_089_935_299_395).abs() < 1e-12, "as numpy's std(ddof=1)");
        assert!((stats.skewness - 0.818_487_553_356_635_4).abs() < 1e-12, "as pandas' skew: {}", stats.skewness);
        assert!((stats.kurtosis - 0.940_625).abs() < 1e-12, "as pandas' kurt: {}", stats.kurtosis);
        assert_eq!(stats.histogram.iter().map(|bin| bin.count).sum::<u64>(), 8);
        assert!(stats.is_integer && stats.quantiles_exact);
    }

    #[test]
    fn infinities_are_counted_apart() {
        let stats = stats(&[1.0, f64::INFINITY, 3.0], 100);
        assert_eq!((stats.mean, stats.infinite, stats.is_integer), (2.0, 1, false));
    }

    #[test]
    fn beyond_the_cap_quartiles_come_from_a_sample() {
        let values: Vec<f64> = (0..50_000).map(f64::from).collect();
        let stats = stats(&values, 2_000);
        assert!(!stats.quantiles_exact);
        assert!((stats.median - 25_000.0).abs() < 2_500.0, "{}", stats.median);
        assert!((stats.q25 - 12_500.0).abs() < 2_500.0, "{}", stats.q25);
        assert_eq!((stats.min, stats.max, stats.mean), (0.0, 49_999.0, 24_999.5));
        assert!(stats.histogram.iter().all(|bin| bin.count.abs_diff(2_500) < 800), "{:?}", stats.histogram);
    }
}
