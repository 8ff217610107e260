//! One line on standard error that is written over while something goes on.

use std::io::{IsTerminal, Write as _, stderr};

/// Whether standard error can be written over.
pub(crate) fn on_a_terminal() -> bool {
    stderr().is_terminal()
}

/// Writes the line over. What the terminal is too narrow for is cut off, since a line that wraps could not be written over.
pub(crate) fn show(line: &str) {
    // A line that cannot be written is not worth a failed command.
    let _ = write!(stderr(), "\r\x1b[K\x1b[?7l{line}\x1b[?7h");
}

/// Removes it.
pub(crate) fn clear() {
    let _ = write!(stderr(), "\r\x1b[K");
}

/// `[#####     ]`.
pub(crate) fn bar(share: f64, width: usize) -> String {
    let filled = (share.clamp(0.0, 1.0) * width as f64) as usize;
    format!("[{}{}]", "#".repeat(filled), " ".repeat(width - filled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_keeps_its_width() {
        assert_eq!([bar(-1.0, 4), bar(0.5, 4), bar(7.0, 4), bar(f64::NAN, 4)], ["[    ]", "[##  ]", "[####]", "[    ]"]);
    }
}
