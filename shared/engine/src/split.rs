//! Which rows are learned from and which are held out, at random but even: each label is shared out in proportion.

use crate::{matrix::Target, random::Random};

/// One row in this many is held out.
const HOLDOUT_PARTS: usize = 5;

/// Two disjoint sets of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Split {
    /// To learn from, ascending.
    pub learn: Vec<u32>,
    /// To measure on, ascending.
    pub watch: Vec<u32>,
}

/// Holds out a fifth of the rows. Every label keeps at least one row to learn from; a label that occurs once is not held out.
pub(crate) fn holdout(target: &Target, seed: u64) -> Split {
    let parts = deal(target, HOLDOUT_PARTS, seed);
    split_off(&parts, 0)
}

/// Splits the rows `parts` times so that each but the rarest is watched exactly once.
pub(crate) fn folds(target: &Target, parts: usize, seed: u64) -> Vec<Split> {
    let dealt = deal(target, parts, seed);
    (0..parts as u32).map(|part| split_off(&dealt, part)).filter(|split| !split.watch.is_empty() && !split.learn.is_empty()).collect()
}

fn split_off(parts: &[Option<u32>], part: u32) -> Split {
    let (watch, learn) = (0..parts.len() as u32).partition(|&row| parts[row as usize] == Some(part));
    Split { learn, watch }
}

/// The part of each row; none for the only row of a label, which is always learned from.
fn deal(target: &Target, parts: usize, seed: u64) -> Vec<Option<u32>> {
    let mut random = Random::labelled(seed, parts as u64);
    let mut strata: Vec<Vec<u32>> = match target {
        Target::Numbers(values) => vec![(0..values.len() as u32).collect()],
        Target::Classes { classes, count } => {
            let mut strata = vec![Vec::new(); *count];
            (0..).zip(classes).for_each(|(row, &class)| strata[class as usize].push(row));
            strata
        }
    };
    let mut part_of = vec![None; target.len()];
    let mut next = 0;
    for rows in strata.iter_mut().filter(|rows| rows.len() > 1) {
        random.shuffle(rows);
        for &row in rows.iter() {
            part_of[row as usize] = Some(next);
            next = (next + 1) % parts as u32;
        }
    }
    part_of
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_label_is_learned_and_held_out_in_proportion(classes in prop::collection::vec(0_u32..6, 10..400), seed: u64) {
            let target = Target::Classes { classes: classes.clone(), count: 6 };
            let split = holdout(&target, seed);
            prop_assert_eq!(split.learn.len() + split.watch.len(), classes.len());
            for label in 0..6 {
                let rows = |of: &[u32]| of.iter().filter(|&&row| classes[row as usize] == label).count();
                let (learned, held_out) = (rows(&split.learn), rows(&split.watch));
                prop_assert!(learned > 0 || held_out == 0);
                prop_assert!((held_out as f64 - (learned + held_out) as f64 / 5.0).abs() <= 1.0);
            }
        }

        #[test]
        fn folds_watch_each_row_once(rows in 10_usize..200, seed: u64) {
            let folds = folds(&Target::Numbers(vec![0.0; rows]), 5, seed);
            let mut watched: Vec<u32> = folds.iter().flat_map(|fold| fold.watch.clone()).collect();
            watched.sort_unstable();
            prop_assert_eq!(watched, (0..rows as u32).collect::<Vec<_>>());
            prop_assert!(folds.iter().all(|fold| fold.learn.iter().all(|row| fold.watch.binary_search(row).is_err())));
        }
    }

    #[test]
    fn the_seed_decides() {
        let target = Target::Numbers(vec![0.0; 100]);
        assert_eq!(holdout(&target, 1), holdout(&target, 1));
        assert_ne!(holdout(&target, 1), holdout(&target, 2));
    }
}
