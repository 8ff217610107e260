//! How a model was judged.

use serde::{Deserialize, Serialize};

/// How a model was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Validation {
    /// On rows that the search never saw.
    HoldOut,
    /// Every row by models that had not learned from it.
    Folds {
        /// Parts that the rows were dealt into.
        folds: usize,
        /// How often they were dealt.
        deals: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_in_words_how_a_model_was_judged() {
        let stored = |validation| serde_json::to_string(&validation).unwrap();
        assert_eq!(stored(Validation::HoldOut), r#"{"kind":"hold_out"}"#);
        assert_eq!(stored(Validation::Folds { folds: 5, deals: 3 }), r#"{"kind":"folds","folds":5,"deals":3}"#);
    }
}
