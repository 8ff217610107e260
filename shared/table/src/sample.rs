//! A uniform sample of a table's rows, all of them while they are few. Source: Li, "Reservoir-Sampling Algorithms of Time Complexity
//! O(n(1 + log(N/n)))" (1994), algorithm L. Which rows are kept is decided once for all columns, so that values of one row stay together.

/// Decides which rows are kept, and in which place.
#[derive(Debug)]
pub(crate) struct Picker {
    cap: usize,
    kept: usize,
    seen: u64,
    /// The position of the next row to keep, once all places are taken.
    next: u64,
    weight: f64,
    random: u64,
}

/// A row of a piece, and the place where it is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pick {
    pub(crate) row: usize,
    pub(crate) place: usize,
}

impl Picker {
    /// Keeps at most `cap` rows.
    pub(crate) fn new(cap: usize) -> Self {
        Self { cap: cap.max(1), kept: 0, seen: 0, next: 0, weight: 1.0, random: 0x9E37_79B9_7F4A_7C15 }
    }

    /// The rows to keep of a piece of `rows` rows.
    pub(crate) fn pick(&mut self, rows: usize) -> Vec<Pick> {
        let direct = rows.min(self.cap - self.kept);
        let mut picks: Vec<Pick> = (0..direct).map(|row| Pick { row, place: self.kept + row }).collect();
        let begin = self.seen;
        self.kept += direct;
        if self.kept == self.cap && self.next == 0 {
            self.seen += direct as u64;
            self.skip();
        }
        while let Some(row) =
            self.next.checked_sub(begin).and_then(|row| usize::try_from(row).ok()).filter(|row| (direct..rows).contains(row))
        {
            picks.push(Pick { row, place: (self.uniform() * self.cap as f64) as usize });
            self.skip();
        }
        self.seen = begin + rows as u64;
        picks
    }

    /// How many rows are kept, and whether that is all of them.
    pub(crate) fn kept(&self) -> (usize, bool) {
        (self.kept, self.kept as u64 == self.seen)
    }

    fn skip(&mut self) {
        self.weight *= (self.uniform().ln() / self.cap as f64).exp();
        let gap = (self.uniform().ln() / (1.0 - self.weight).ln()).floor();
        self.next = if self.next == 0 { self.seen } else { self.next + 1 }.saturating_add(gap as u64);
    }

    /// In 0..1, never 0: xorshift64 (Marsaglia, 2003).
    fn uniform(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        ((self.random >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }
}

/// A column's values in the rows that are kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kept {
    /// Numbers, booleans as 0 and 1, moments in microseconds; NaN where there is no value.
    Numbers(Vec<f64>),
    /// Hashes of texts; `None` where there is none.
    Texts(Vec<Option<u64>>),
}

impl Kept {
    /// Puts values into their places.
    pub(crate) fn put_numbers(&mut self, picks: &[Pick], value: impl Fn(usize) -> f64) {
        if let Self::Numbers(kept) = self {
            put(kept, picks, value);
        }
    }

    /// Puts hashes into their places.
    pub(crate) fn put_texts(&mut self, picks: &[Pick], hash: impl Fn(usize) -> Option<u64>) {
        if let Self::Texts(kept) = self {
            put(kept, picks, hash);
        }
    }
}

fn put<T>(kept: &mut Vec<T>, picks: &[Pick], value: impl Fn(usize) -> T) {
    for pick in picks {
        match kept.get_mut(pick.place) {
            Some(place) => *place = value(pick.row),
            None => kept.push(value(pick.row)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_kept_with_the_same_chance() {
        let (mut picker, mut kept) = (Picker::new(1_000), Kept::Numbers(Vec::new()));
        let mut begin = 0;
        for rows in std::iter::repeat_n([1, 700, 0, 3_000, 299], 10).flatten() {
            let picks = picker.pick(rows);
            kept.put_numbers(&picks, |row| (begin + row) as f64);
            begin += rows;
        }
        let Kept::Numbers(kept) = kept else { unreachable!("numbers were put") };
        assert_eq!((kept.len(), picker.kept()), (1_000, (1_000, false)));
        let early = kept.iter().filter(|value| **value < begin as f64 / 4.0).count();
        assert!(early.abs_diff(250) < 60, "{early} of 1,000 are from the first quarter");
        let mut distinct = kept;
        distinct.sort_by(f64::total_cmp);
        distinct.dedup();
        assert_eq!(distinct.len(), 1_000);
    }
}
