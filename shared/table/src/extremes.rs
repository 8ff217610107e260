//! The smallest and the largest values of a column, in which errors and placeholders such as -999 show.

/// How many of each.
const KEPT: usize = 5;
/// One of so many values is looked at first.
const FIRST: usize = 61;

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
    pub(crate) fn add(&mut self, range: Option<(f64, f64)>, values: impl Iterator<Item = f64> + Clone) {
        let Some((least, most)) = range else { return };
        if least >= self.lowest.limit() && -most >= self.highest.limit() {
            return;
        }
        // Few values lie beyond the ends that are known, so that two comparisons settle most of them; not so where values only rise or fall, so a
        // few from all over go first.
        let (mut below, mut above) = (self.lowest.limit(), -self.highest.limit());
        for value in values.clone().step_by(FIRST).chain(values) {
            if value < below {
                self.lowest.see(value);
                below = self.lowest.limit();
            }
            if value > above {
                self.highest.see(-value);
                above = -self.highest.limit();
            }
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
    /// Only what is below this is wanted.
    fn limit(&self) -> f64 {
        self.0.get(KEPT - 1).copied().unwrap_or(f64::INFINITY)
    }

    fn see(&mut self, value: f64) {
        if value.is_finite() && !self.0.contains(&value) {
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
