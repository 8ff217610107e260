//! The distinct texts of a column in one piece, each with a code. Texts of up to 16 bytes, which categories mostly are, are compared as two
//! 64-bit words.

use std::{borrow::Cow, collections::HashMap};

use foldhash::fast::FixedState;

use crate::cells::Cell;

const WORD: usize = 8;
const FIRST_SLOTS: usize = 64;
const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

/// A short text: its first and its last bytes, which overlap or leave none out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Short {
    first: u64,
    last: u64,
    length: usize,
}

impl Short {
    fn hash(self) -> u64 {
        ((self.first ^ self.last.rotate_left(23)).wrapping_mul(MULTIPLIER) ^ self.length as u64).wrapping_mul(MULTIPLIER)
    }
}

/// Gives out codes from 0 in the order in which texts come.
pub(crate) struct Interner<'a> {
    piece: &'a [u8],
    texts: Vec<Cow<'a, [u8]>>,
    /// Short texts by their hash's highest bits, with their codes; a power of two of them.
    slots: Vec<Option<(Short, i32)>>,
    used: usize,
    others: HashMap<Cow<'a, [u8]>, i32, FixedState>,
}

impl<'a> Interner<'a> {
    pub(crate) fn new(piece: &'a [u8]) -> Self {
        Self { piece, texts: Vec::new(), slots: vec![None; FIRST_SLOTS], used: 0, others: HashMap::default() }
    }

    /// The code of a cell's text.
    #[inline]
    pub(crate) fn code_of(&mut self, cell: Cell) -> i32 {
        if !cell.is_quoted()
            && let Some(short) = self.short(cell)
        {
            let place = self.place_of(short);
            return match self.slots.get(place) {
                Some(Some((_, code))) => *code,
                _ => self.add(cell, short, place),
            };
        }
        self.code_of_other(cell.text(self.piece))
    }

    #[cold]
    fn add(&mut self, cell: Cell, short: Short, place: usize) -> i32 {
        let code = self.texts.len() as i32;
        self.insert(place, short, code);
        self.texts.push(cell.text(self.piece));
        code
    }

    fn code_of_other(&mut self, text: Cow<'a, [u8]>) -> i32 {
        if let Some(code) = self.others.get(&text) {
            return *code;
        }
        let code = self.texts.len() as i32;
        self.others.insert(text.clone(), code);
        self.texts.push(text);
        code
    }

    /// The texts by their codes.
    pub(crate) fn into_texts(self) -> Vec<Cow<'a, [u8]>> {
        self.texts
    }

    fn short(&self, cell: Cell) -> Option<Short> {
        let (start, length) = (cell.start(), cell.length());
        let word = |at: usize| Some(u64::from_le_bytes(*self.piece.get(at..)?.first_chunk()?));
        match length {
            0 => Some(Short { first: 0, last: 0, length }),
            1..=WORD => Some(Short { first: word(start)? << (8 * (WORD - length)), last: 0, length }),
            _ if length <= 2 * WORD => Some(Short { first: word(start)?, last: word(start + length - WORD)?, length }),
            _ => None,
        }
    }

    /// Where the text is, or would be.
    fn place_of(&self, short: Short) -> usize {
        let mask = self.slots.len() - 1;
        let mut place = (short.hash() >> 32) as usize & mask;
        while let Some(Some((known, _))) = self.slots.get(place) {
            if *known == short {
                break;
            }
            place = (place + 1) & mask;
        }
        place
    }

    fn insert(&mut self, place: usize, short: Short, code: i32) {
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = Some((short, code));
        }
        self.used += 1;
        if self.used * 2 > self.slots.len() {
            let before = std::mem::take(&mut self.slots);
            self.slots = vec![None; before.len() * 2];
            for (short, code) in before.into_iter().flatten() {
                let place = self.place_of(short);
                if let Some(slot) = self.slots.get_mut(place) {
                    *slot = Some((short, code));
                }
            }
        }
    }
}
