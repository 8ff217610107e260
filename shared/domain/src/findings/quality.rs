//! How ready a table is, as one figure.

use crate::{Finding, Profile, Severity};

/// From 0 to 100, how ready a table is to be learned from: 100 less what its findings and its missing cells cost.
pub fn quality_score(profile: &Profile, findings: &[Finding]) -> u32 {
    let cells = (profile.rows * profile.columns.len() as u64).max(1) as f64;
    let missing = profile.columns.iter().map(|column| column.missing).sum::<u64>() as f64 / cells;
    let columns = profile.columns.len().max(1) as f64;
    let cost: f64 = findings
        .iter()
        .map(|finding| {
            let weight = match finding.severity {
                Severity::Note => 2.0,
                Severity::Warning => 8.0,
                Severity::Serious => 25.0,
            };
            // What is wrong with one of many columns matters less, unless it is serious.
            if finding.column.is_some() && finding.severity != Severity::Serious { weight * (4.0 / columns).min(1.0) } else { weight }
        })
        .sum();
    (100.0 - cost - 40.0 * missing).clamp(0.0, 100.0).round() as u32
}
