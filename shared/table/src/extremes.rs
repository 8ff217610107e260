//! The smallest and the largest values of a column, in which errors and placeholders such as -999 show.

/// How many of each.
const KEPT: usize = 5;

/// Both ends of the values.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extremes {
    lowest: Lowest,
    /// Of the values with the other sign.
    highest: Lowest,
}

/// The lowest of distinct finite values, in ascending order.
#[derive(Debug, Clone, Default)]
struct Lowest(Vec<f64>);

impl Extremes {
    /// Adds the values of a piece, all of which are in `range`, infinities aside.
    pub(crate) fn add(&mut self, range: Option<(f64, f64)>, values: impl Iterator<Item = f64>) {
        let Some((least, most)) = range else { return };
        if !self.lowest.wants(least) && !self.highest.wants(-most) {
            return;
        }
        for value in values {
            self.lowest.see(value);
            self.highest.see(-value);
        }
    }

    /// The smallest values, ascending.
    pub(crate) fn smallest(&self) -> Vec<f64> {
        self.lowest.0.clone()
    }

    /// The largest values, descending.
    pub(crate) fn largest(&self) -> Vec<f64> {
        self.highest.0.iter().map(|value| 0.0 - value).collect()
    }
}

impl Lowest {
    fn wants(&self, value: f64) -> bool {
        self.0.len() < KEPT || self.0.last().is_some_and(|last| value < *last)
    }

    fn see(&mut self, value: f64) {
        if self.wants(value) && value.is_finite() && !self.0.contains(&value) {
            self.0.insert(self.0.partition_point(|known| *known < value), value);
            self.0.truncate(KEPT);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_ends_of_all_values_are_kept(pieces in proptest::collection::vec(proptest::collection::vec(-30_i32..30, 0..40), 0..6)) {
            let mut extremes = Extremes::default();
            for piece in &pieces {
                let range = piece.iter().min().zip(piece.iter().max()).map(|(least, most)| (f64::from(*least), f64::from(*most)));
                extremes.add(range, piece.iter().map(|value| f64::from(*value)).chain([f64::INFINITY]));
            }
            let mut all: Vec<f64> = pieces.concat().into_iter().map(f64::from).collect();
            all.sort_unstable_by(f64::total_cmp);
            all.dedup();
            let smallest: Vec<f64> = all.iter().copied().take(KEPT).collect();
            let largest: Vec<f64> = all.iter().rev().copied().take(KEPT).collect();
            prop_assert_eq!((extremes.smallest(), extremes.largest()), (smallest, largest));
        }
    }
}
