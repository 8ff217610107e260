//! A sum of many logarithms.

/// Σ weight · ln(value), with one logarithm for the product of as many values of weight 1 as fit a number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogSum {
    sum: f64,
    product: f64,
}

impl LogSum {
    /// The sum of none.
    pub(crate) const EMPTY: Self = Self { sum: 0.0, product: 1.0 };

    /// Adds the logarithm of a value between 10⁻⁵⁰ and 10⁵⁰.
    #[inline]
    pub(crate) fn add(&mut self, value: f64, weight: f64) {
        if weight == 1.0 {
            self.product *= value;
            if !(1e-250..1e250).contains(&self.product) {
                self.sum += self.product.ln();
                self.product = 1.0;
            }
        } else {
            self.sum += weight * value.ln();
        }
    }

    /// The sum.
    pub(crate) fn value(self) -> f64 {
        self.sum + self.product.ln()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_sum_of_the_logarithms(values in prop::collection::vec((1e-7..1e7_f64, prop_oneof![3 => Just(1.0), 1 => 0.0..9.0]), 0..300)) {
            let mut sum = LogSum::EMPTY;
            values.iter().for_each(|&(value, weight)| sum.add(value, weight));
            let expected: f64 = values.iter().map(|(value, weight)| weight * value.ln()).sum();
            prop_assert!((sum.value() - expected).abs() < 1e-9 * (1.0 + values.len() as f64));
        }
    }
}
