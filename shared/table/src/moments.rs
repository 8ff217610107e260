//! Count, mean and sums of powers of the differences from it. Each piece is taken around its own mean; pieces are merged by the formulas of
//! Pébay, "Formulas for Robust, One-Pass Parallel Computation of Covariances and Arbitrary-Order Statistical Moments" (2008).

/// Values that are summed side by side.
const LANES: usize = 8;

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Moments {
    n: f64,
    pub(crate) mean: f64,
    m2: f64,
    m3: f64,
    m4: f64,
}

impl Moments {
    pub(crate) fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        if values.is_empty() {
            return Self::default();
        }
        let [rough] = sums(values, |value| [value]);
        let rough = rough / n;
        // The mean's own rounding error is taken out once.
        let [error] = sums(values, |value| [value - rough]);
        let mean = if rough.is_finite() { rough + error / n } else { rough };
        let [m2, m3, m4] = sums(values, |value| {
            let delta = value - mean;
            let square = delta * delta;
            [square, square * delta, square * square]
        });
        Self { n, mean, m2, m3, m4 }
    }

    pub(crate) fn merged(self, other: Self) -> Self {
        if self.n == 0.0 || other.n == 0.0 {
            return if self.n == 0.0 { other } else { self };
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

    /// With n − 1; 0 for a single value.
    pub(crate) fn std(self) -> f64 {
        if self.n > 1.0 { (self.m2 / (self.n - 1.0)).sqrt() } else { 0.0 }
    }

    /// Adjusted Fisher–Pearson skewness.
    pub(crate) fn skewness(self) -> f64 {
        let n = self.n;
        let population = self.m2 / n;
        let skewness = (n * (n - 1.0)).sqrt() / (n - 2.0) * (self.m3 / n) / population.powf(1.5);
        if n > 2.0 && population > 0.0 && skewness.is_finite() { skewness } else { 0.0 }
    }

    /// Excess kurtosis without bias.
    pub(crate) fn kurtosis(self) -> f64 {
        let n = self.n;
        let ratio = n * self.m4 / (self.m2 * self.m2);
        let kurtosis = (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * ratio - 3.0 * (n - 1.0));
        if n > 3.0 && kurtosis.is_finite() { kurtosis } else { 0.0 }
    }
}

fn sums<const N: usize>(values: &[f64], terms: impl Fn(f64) -> [f64; N]) -> [f64; N] {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut lanes = [[0.0; LANES]; N];
    for chunk in chunks {
        for (lane, value) in chunk.iter().enumerate() {
            for (sums, term) in lanes.iter_mut().zip(terms(*value)) {
                sums[lane] += term;
            }
        }
    }
    let mut sums = lanes.map(|lanes| lanes.iter().sum());
    for value in rest {
        sums.iter_mut().zip(terms(*value)).for_each(|(sum, term): (&mut f64, f64)| *sum += term);
    }
    sums
}
