//! Where in a table a column's cells are missing: counts for stripes of equally many rows, which widen as rows come.

use arrow::buffer::NullBuffer;

/// The most stripes.
const STRIPES: usize = 64;

/// Missing cells by stripe. All columns of a table have the same stripes.
#[derive(Debug, Clone)]
pub(crate) struct Stripes {
    rows: u64,
    width: u64,
    missing: Vec<u64>,
}

impl Stripes {
    pub(crate) fn new() -> Self {
        Self { rows: 0, width: 1, missing: Vec::new() }
    }

    /// Adds a piece.
    pub(crate) fn add(&mut self, rows: usize, nulls: Option<&NullBuffer>) {
        let end = self.rows + rows as u64;
        while end > self.width * STRIPES as u64 {
            self.width *= 2;
            self.missing = self.missing.chunks(2).map(|pair| pair.iter().sum()).collect();
        }
        self.missing.resize(usize::try_from(end.div_ceil(self.width)).unwrap_or(STRIPES), 0);
        if let Some(nulls) = nulls.filter(|nulls| nulls.null_count() > 0) {
            let mut at = 0;
            while at < rows {
                let row = self.rows + at as u64;
                let length = usize::try_from(self.width - row % self.width).unwrap_or(rows).min(rows - at);
                if let Some(count) = usize::try_from(row / self.width).ok().and_then(|stripe| self.missing.get_mut(stripe)) {
                    *count += nulls.slice(at, length).null_count() as u64;
                }
                at += length;
            }
        }
        self.rows = end;
    }

    /// Rows of a stripe; the last one may have fewer.
    pub(crate) fn width(&self) -> u64 {
        self.width
    }

    /// Missing cells by stripe; nothing where none is.
    pub(crate) fn missing(self) -> Vec<u64> {
        if self.missing.iter().all(|count| *count == 0) { Vec::new() } else { self.missing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stripes_widen_and_keep_their_counts() {
        let mut stripes = Stripes::new();
        for piece in 0..10 {
            let valid: Vec<bool> = (0..100).map(|row| piece < 5 || row % 2 == 0).collect();
            stripes.add(100, Some(&NullBuffer::from(valid)));
        }
        assert_eq!(stripes.width(), 16);
        let missing = stripes.missing();
        assert_eq!((missing.len(), missing.iter().sum::<u64>()), (63, 250));
        assert!(missing.iter().take(31).all(|count| *count == 0) && missing.iter().skip(32).all(|count| *count >= 4), "{missing:?}");
    }
}
