//! `limit` and `next_token`: which part of a list is wanted.

use std::str::FromStr;

use domain::limits::MAX_PAGE;

use crate::{ApiError, Input, ReadInput, input};

const DEFAULT_LIMIT: u32 = 20;

/// The query of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// How many items at most.
    pub limit: u32,
    next_token: Option<String>,
}

impl ReadInput for PageRequest {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        let limit = input.with_default("limit", DEFAULT_LIMIT, input::integer(1..=MAX_PAGE));
        let next_token = input.nullable("next_token", input::text);
        Some(Self { limit: limit?, next_token: next_token?.filter(|token| !token.is_empty()) })
    }
}

impl PageRequest {
    /// Where the page begins; `None` at the beginning of the list.
    pub fn token<T: FromStr>(&self) -> Result<Option<T>, ApiError> {
        self.next_token.as_deref().map(str::parse).transpose().map_err(|_| ApiError::InvalidToken)
    }
}
