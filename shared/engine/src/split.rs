//! Which rows are learned from and which are judged: at random but even over the labels, or group by group, or the past before the future.

use crate::{matrix::Target, random::Random};

/// One row in this many is held out.
const HOLDOUT_PARTS: usize = 5;

/// Two disjoint sets of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Split {
    /// To learn from, ascending.
    pub learn: Vec<u32>,
    /// To judge, ascending.
    pub watch: Vec<u32>,
}

/// What must not be torn apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Arrangement {
    /// Nothing.
    Free,
    /// By row, its group: one of 0, 1, 2 …
    Groups(Vec<u32>),
    /// By row, its moment or its place in time; what is judged lies after what is learned.
    Times(Vec<i64>),
}

/// Holds out a fifth of the rows; the last fifth in time.
pub(crate) fn holdout(target: &Target, arrangement: &Arrangement, seed: u64) -> Split {
    let all: Vec<u32> = (0..target.len() as u32).collect();
    match arrangement {
        Arrangement::Times(times) => {
            let ordered = in_time(&all, times);
            cut(&ordered, 0, ordered.len() - ordered.len() / HOLDOUT_PARTS, ordered.len())
        }
        _ => split_off(&all, &deal(target, arrangement, &all, HOLDOUT_PARTS, seed), 0),
    }
}

/// Splits some rows `parts` times so that each is judged about once: but for the only row of a label, which is always learned from, and
/// but for the first rows in time.
pub(crate) fn folds(target: &Target, arrangement: &Arrangement, rows: &[u32], parts: usize, seed: u64) -> Vec<Split> {
    let splits: Vec<Split> = if let Arrangement::Times(times) = arrangement {
        let ordered = in_time(rows, times);
        let end = |part: usize| ordered.len() * part / (parts + 1);
        (1..=parts).map(|part| cut(&ordered, 0, end(part), end(part + 1))).collect()
    } else {
        let dealt = deal(target, arrangement, rows, parts, seed);
        (0..parts as u32).map(|part| split_off(rows, &dealt, part)).collect()
    };
    splits.into_iter().filter(|split| !split.watch.is_empty() && !split.learn.is_empty()).collect()
}

/// The split to use when there is time for one only: the last fifth, or a fifth at random.
pub(crate) fn one_fold(target: &Target, arrangement: &Arrangement, rows: &[u32], seed: u64) -> Vec<Split> {
    let mut splits = folds(target, arrangement, rows, HOLDOUT_PARTS - usize::from(matches!(arrangement, Arrangement::Times(_))), seed);
    let chosen = if matches!(arrangement, Arrangement::Times(_)) { splits.pop() } else { splits.into_iter().next() };
    chosen.into_iter().collect()
}

fn in_time(rows: &[u32], times: &[i64]) -> Vec<u32> {
    let mut ordered = rows.to_vec();
    ordered.sort_by_key(|&row| (times.get(row as usize).copied(), row));
    ordered
}

fn cut(ordered: &[u32], start: usize, middle: usize, end: usize) -> Split {
    let part = |range: std::ops::Range<usize>| {
        let mut rows = ordered.get(range).unwrap_or_default().to_vec();
        rows.sort_unstable();
        rows
    };
    Split { learn: part(start..middle), watch: part(middle..end) }
}

fn split_off(rows: &[u32], parts: &[Option<u32>], part: u32) -> Split {
    let (mut learn, mut watch) = (Vec::new(), Vec::new());
    for (&row, &of) in rows.iter().zip(parts) {
        if of == Some(part) { watch.push(row) } else { learn.push(row) }
    }
    Split { learn, watch }
}

/// The part of each of `rows`; none for those that are always learned from.
fn deal(target: &Target, arrangement: &Arrangement, rows: &[u32], parts: usize, seed: u64) -> Vec<Option<u32>> {
    let mut random = Random::labelled(seed, parts as u64);
    if let Arrangement::Groups(groups) = arrangement {
        return deal_groups(groups, rows, parts, &mut random);
    }
    let mut strata: Vec<Vec<u32>> = match target {
        Target::Numbers(_) => vec![(0..rows.len() as u32).collect()],
        Target::Classes { classes, count } => {
            let mut strata = vec![Vec::new(); *count];
            (0..).zip(rows).for_each(|(position, &row)| strata[classes[row as usize] as usize].push(position));
            strata
        }
    };
    let mut part_of = vec![None; rows.len()];
    let mut next = 0;
    for positions in strata.iter_mut().filter(|positions| positions.len() > 1) {
        random.shuffle(positions);
        for &position in positions.iter() {
            part_of[position as usize] = Some(next);
            next = (next + 1) % parts as u32;
        }
    }
    part_of
}

/// The largest groups first, each to the part with the fewest rows.
fn deal_groups(groups: &[u32], rows: &[u32], parts: usize, random: &mut Random) -> Vec<Option<u32>> {
    let group = |row: u32| groups.get(row as usize).copied().unwrap_or(0) as usize;
    let mut sizes = vec![0_usize; rows.iter().map(|&row| group(row) + 1).max().unwrap_or(0)];
    rows.iter().for_each(|&row| sizes[group(row)] += 1);
    let mut order: Vec<usize> = (0..sizes.len()).filter(|&group| sizes[group] > 0).collect();
    random.shuffle(&mut order);
    order.sort_by_key(|&group| std::cmp::Reverse(sizes[group]));
    let (mut filled, mut part_of) = (vec![0; parts], vec![0; sizes.len()]);
    for group in order {
        let part = (0..parts).min_by_key(|&part| filled[part]).unwrap_or(0);
        filled[part] += sizes[group];
        part_of[group] = part as u32;
    }
    // The first part is what is held out: it should have its share of the rows, whatever the size of the largest group.
    let fair = rows.len() / parts.max(1);
    let fairest = (0..parts).filter(|&part| filled[part] > 0).min_by_key(|&part| filled[part].abs_diff(fair)).unwrap_or(0) as u32;
    for part in &mut part_of {
        *part = if *part == fairest {
            0
        } else if *part == 0 {
            fairest
        } else {
            *part
        };
    }
    rows.iter().map(|&row| Some(part_of[group(row)])).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(rows: usize) -> Vec<u32> {
        (0..rows as u32).collect()
    }

    proptest! {
        #[test]
        fn each_label_is_held_out_in_proportion(labels in prop::collection::vec(0_u32..4, 20..300), seed: u64) {
            let target = Target::Classes { classes: labels.clone(), count: 4 };
            let split = holdout(&target, &Arrangement::Free, seed);
            for label in 0..4 {
                let rows = |rows: &[u32]| rows.iter().filter(|&&row| labels[row as usize] == label).count();
                let (learned, held_out) = (rows(&split.learn), rows(&split.watch));
                prop_assert!(learned > 0 || held_out == 0);
                prop_assert!((held_out as f64 - (learned + held_out) as f64 / 5.0).abs() <= 1.0);
            }
        }

        #[test]
        fn folds_judge_each_row_once(rows in 10_usize..200, seed: u64) {
            let folds = folds(&Target::Numbers(vec![0.0; rows]), &Arrangement::Free, &all(rows), 5, seed);
            let mut watched: Vec<u32> = folds.iter().flat_map(|fold| fold.watch.clone()).collect();
            watched.sort_unstable();
            prop_assert_eq!(watched, all(rows));
            prop_assert!(folds.iter().all(|fold| fold.learn.iter().all(|row| fold.watch.binary_search(row).is_err())));
        }

        #[test]
        fn a_group_is_never_on_both_sides(groups in prop::collection::vec(0_u32..20, 30..200), seed: u64) {
            let (target, arrangement) = (Target::Numbers(vec![0.0; groups.len()]), Arrangement::Groups(groups.clone()));
            let mut splits = folds(&target, &arrangement, &all(groups.len()), 5, seed);
            splits.push(holdout(&target, &arrangement, seed));
            for split in splits {
                let of = |rows: &[u32]| rows.iter().map(|&row| groups[row as usize]).collect::<std::collections::BTreeSet<_>>();
                prop_assert!(of(&split.learn).is_disjoint(&of(&split.watch)));
                prop_assert_eq!(split.learn.len() + split.watch.len(), groups.len());
            }
        }

        #[test]
        fn what_is_judged_comes_after_what_is_learned(times in prop::collection::vec(-50_i64..50, 30..200), seed: u64) {
            let (target, arrangement) = (Target::Numbers(vec![0.0; times.len()]), Arrangement::Times(times.clone()));
            let mut splits = folds(&target, &arrangement, &all(times.len()), 5, seed);
            splits.extend(one_fold(&target, &arrangement, &all(times.len()), seed));
            splits.push(holdout(&target, &arrangement, seed));
            for split in splits {
                let last = split.learn.iter().map(|&row| times[row as usize]).max();
                prop_assert!(split.watch.iter().all(|&row| Some(times[row as usize]) >= last));
            }
        }
    }

    #[test]
    fn a_group_of_most_rows_is_not_what_is_held_out() {
        let groups: Vec<u32> = (0..100).map(|row| if row < 60 { 0 } else { row / 5 }).collect();
        let split = holdout(&Target::Numbers(vec![0.0; 100]), &Arrangement::Groups(groups), 3);
        assert_eq!(split.watch.len(), 10);
        assert!(split.watch.iter().all(|&row| row >= 60));
    }

    #[test]
    fn the_seed_decides() {
        let target = Target::Numbers(vec![0.0; 100]);
        assert_eq!(holdout(&target, &Arrangement::Free, 1), holdout(&target, &Arrangement::Free, 1));
        assert_ne!(holdout(&target, &Arrangement::Free, 1), holdout(&target, &Arrangement::Free, 2));
    }
}
