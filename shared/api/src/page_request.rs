//! `limit` and `next_token`: which part of a list is wanted.

use domain::limits::MAX_PAGE;
use schemars::JsonSchema;

use crate::{Input, ReadInput, input};

const DEFAULT_LIMIT: u32 = 20;

/// The query of a list.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(inline)]
pub struct PageRequest {
    /// How many items at most.
    #[schemars(range(min = 1, max = MAX_PAGE), default = "default_limit")]
    pub limit: u32,
    /// Where the page begins, as the page before it said; absent at the beginning of the list.
    pub next_token: Option<String>,
}

impl ReadInput for PageRequest {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        let limit = input.with_default("limit", DEFAULT_LIMIT, input::integer(1..=MAX_PAGE));
        let next_token = input.nullable("next_token", input::text);
        Some(Self { limit: limit?, next_token: next_token?.filter(|token| !token.is_empty()) })
    }
}

fn default_limit() -> u32 {
    DEFAULT_LIMIT
}
