//! Statistics of a numeric column in one pass. Moments by the updating formulas of Pébay (2008), quartiles from all values or, beyond a
//! cap, from a uniform sample of them (reservoir sampling, Vitter's algorithm R).

use domain::{HistogramBin, NumericStats};

const BINS: usize = 20;

/// Running statistics over finite values.
#[derive(Debug)]
pub(crate) struct Numeric {
    range: Option<(f64, f64)>,
    bins: [u64; BINS],
    count: u64,
    mean: f64,
    m2: f64,
    m3: f64,
    sample: Vec<f64>,
    cap: usize,
    random: u64,
    whole: bool,
    infinite: u64,
    zeros: u64,
    negatives: u64,
}

impl Numeric {
    /// For values whose finite ones lie within `range`.
    pub(crate) fn new(range: Option<(f64, f64)>, cap: usize) -> Self {
        Self {
            range,
            bins: [0; BINS],
            count: 0,
            mean: 0.0,
            m2: 0.0,
            m3: 0.0,
            sample: Vec::new(),
            cap,
            random: 0x9E37_79B9_7F4A_7C15,
            whole: true,
            infinite: 0,
            zeros: 0,
            negatives: 0,
        }
    }

    /// Counts one value, which is not missing.
    pub(crate) fn add(&mut self, value: f64) {
        if !value.is_finite() {
            self.infinite += 1;
            self.whole = false;
            return;
        }
        self.count += 1;
        let n = self.count as f64;
        let delta = value - self.mean;
        let step = delta / n;
        let spread = delta * step * (n - 1.0);
        self.mean += step;
        self.m3 += spread * step * (n - 2.0) - 3.0 * step * self.m2;
        self.m2 += spread;
        self.whole = self.whole && value.fract() == 0.0;
        self.zeros += u64::from(value == 0.0);
        self.negatives += u64::from(value < 0.0);
        if let Some((low, high)) = self.range {
            let share = (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
            let bin = if share.is_nan() { 0 } else { ((share * BINS as f64) as usize).min(BINS - 1) };
            if let Some(count) = self.bins.get_mut(bin) {
                *count += 1;
            }
        }
        self.keep(value);
    }

    fn keep(&mut self, value: f64) {
        if self.sample.len() < self.cap {
            self.sample.push(value);
            return;
        }
        // xorshift64 (Marsaglia, 2003)
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let place = usize::try_from(self.random % self.count).unwrap_or(usize::MAX);
        if let Some(kept) = self.sample.get_mut(place) {
            *kept = value;
        }
    }

    /// The statistics; `None` without a finite value.
    pub(crate) fn stats(mut self) -> Option<NumericStats> {
        let (min, max) = self.range.filter(|_| self.count > 0)?;
        let n = self.count as f64;
        self.sample.sort_unstable_by(f64::total_cmp);
        let variance = if self.count > 1 { self.m2 / (n - 1.0) } else { 0.0 };
        let population = self.m2 / n;
        let skewness = if self.count > 2 && population > 0.0 {
            (n * (n - 1.0)).sqrt() / (n - 2.0) * (self.m3 / n) / population.powf(1.5)
        } else {
            0.0
        };
        Some(NumericStats {
            min,
            q25: quantile(&self.sample, 0.25),
            median: quantile(&self.sample, 0.5),
            q75: quantile(&self.sample, 0.75),
            max,
            mean: self.mean,
            std: variance.sqrt(),
            skewness: if skewness.is_finite() { skewness } else { 0.0 },
            quantiles_exact: self.sample.len() as u64 == self.count,
            is_integer: self.whole,
            infinite: self.infinite,
            zeros: self.zeros,
            negatives: self.negatives,
            histogram: histogram(min, max, &self.bins, self.count),
        })
    }
}

fn histogram(min: f64, max: f64, bins: &[u64], count: u64) -> Vec<HistogramBin> {
    if min == max {
        return vec![HistogramBin { low: min, high: max, count }];
    }
    let edge = |bin: usize| {
        let share = bin as f64 / BINS as f64;
        min * (1.0 - share) + max * share
    };
    bins.iter().enumerate().map(|(bin, &count)| HistogramBin { low: edge(bin), high: edge(bin + 1), count }).collect()
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
        let finite = || values.iter().copied().filter(|value| value.is_finite());
        let range = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let mut numeric = Numeric::new(Some(range), cap);
        values.iter().for_each(|&value| numeric.add(value));
        numeric.stats().unwrap()
    }

    #[test]
    fn the_figures_of_a_small_column() {
        let stats = stats(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0], 100);
        assert_eq!((stats.min, stats.q25, stats.median, stats.q75, stats.max), (2.0, 4.0, 4.5, 5.5, 9.0));
        assert!((stats.mean - 5.0).abs() < 1e-12);
        assert!((stats.std - 2.138_089_935_299_395).abs() < 1e-12, "as numpy's std(ddof=1)");
        assert!((stats.skewness - 0.818_487_553_356_635_4).abs() < 1e-12, "as pandas' skew: {}", stats.skewness);
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
    }
}
