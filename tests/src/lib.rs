//! The whole-system tests live in `tests/`.
