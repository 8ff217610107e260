//! Where cells end: the delimiters and row ends of a text, marked 64 bytes at a time.
//! Source of the walk: Langdale and Lemire, "Parsing Gigabytes of JSON per Second" (2019), section 3.1.

const BLOCK: usize = 64;

/// Walks over the bytes that end a cell, in their order.
pub(crate) struct Ends<'a> {
    bytes: &'a [u8],
    delimiter: u8,
    end: u8,
    /// Where the block begins whose marks are looked at.
    block: usize,
    /// The marks of the block that have not been passed; bit 0 is its first byte.
    marks: u64,
}

impl<'a> Ends<'a> {
    pub(crate) fn new(bytes: &'a [u8], delimiter: u8, end: u8) -> Self {
        let mut ends = Self { bytes, delimiter, end, block: 0, marks: 0 };
        ends.marks = ends.marks_of_block();
        ends
    }

    /// All of them that are left, of which there may be `expected`.
    pub(crate) fn all(mut self, expected: usize) -> Vec<u32> {
        let mut all = Vec::with_capacity(expected);
        while self.block < self.bytes.len() {
            // A text that is cut is far smaller than 4 GB.
            let block = self.block as u32;
            while self.marks != 0 {
                all.push(block + self.marks.trailing_zeros());
                self.marks &= self.marks - 1;
            }
            self.block += BLOCK;
            self.marks = self.marks_of_block();
        }
        all
    }

    /// The next one's position, and passes it; the text's length when there is none.
    #[inline]
    pub(crate) fn next(&mut self) -> usize {
        while self.marks == 0 {
            if self.block + BLOCK >= self.bytes.len() {
                return self.bytes.len();
            }
            self.block += BLOCK;
            self.marks = self.marks_of_block();
        }
        let at = self.block + self.marks.trailing_zeros() as usize;
        self.marks &= self.marks - 1;
        at
    }

    /// Passes everything before the byte `at`.
    pub(crate) fn skip_to(&mut self, at: usize) {
        let at = at.min(self.bytes.len());
        if at >= self.block + BLOCK {
            self.block = at - at % BLOCK;
            self.marks = self.marks_of_block();
        }
        if let Some(within) = at.checked_sub(self.block) {
            self.marks &= u32::try_from(within).ok().and_then(|within| u64::MAX.checked_shl(within)).unwrap_or(0);
        }
    }

    fn marks_of_block(&self) -> u64 {
        let rest = self.bytes.get(self.block..).unwrap_or_default();
        if let Some(block) = rest.first_chunk() {
            return marks(block, self.delimiter, self.end);
        }
        // No text has a NUL, so that the filling is not marked.
        let mut block = [0; BLOCK];
        block.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        marks(&block, self.delimiter, self.end) & 1_u64.checked_shl(rest.len() as u32).map_or(u64::MAX, |bit| bit - 1)
    }
}

/// The bytes that are `one` or `two`, as bits.
#[inline]
fn marks(block: &[u8; BLOCK], one: u8, two: u8) -> u64 {
    // Comparing all bytes of the block becomes a few vector instructions.
    let mut found = [0_u8; BLOCK];
    found.iter_mut().zip(block).for_each(|(found, byte)| *found = u8::from(*byte == one) | u8::from(*byte == two));
    let (words, _) = found.as_chunks::<8>();
    // The multiplication gathers a word's eight lowest bits in its highest byte.
    let gathered = words.iter().map(|word| u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56);
    gathered.enumerate().fold(0, |marks, (at, bits)| marks | bits << (8 * at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_end_is_found_once_in_order(text in "[a,\n]{0,300}", skipped in 0_usize..300) {
            let bytes = text.as_bytes();
            let mut ends = Ends::new(bytes, b',', b'\n');
            let expected: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != b'a').collect();
            let found: Vec<usize> = std::iter::from_fn(|| Some(ends.next()).filter(|at| *at < bytes.len())).collect();
            prop_assert_eq!(&found, &expected);
            let all = Ends::new(bytes, b',', b'\n').all(0);
            prop_assert_eq!(all, expected.iter().map(|at| *at as u32).collect::<Vec<_>>());
            let mut ends = Ends::new(bytes, b',', b'\n');
            ends.skip_to(skipped);
            let next = expected.iter().copied().find(|at| *at >= skipped).unwrap_or(bytes.len());
            prop_assert_eq!(ends.next(), next);
        }
    }
}
