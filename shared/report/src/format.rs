//! Figures and texts as a reader wants them: grouped, rounded to what matters, and never longer than their place.

/// The longest name or value that a report shows, in characters.
const MAX_LABEL_CHARS: usize = 60;

/// A duration: `45.5s`, `2m 5s`, `1h 2m`. Negative and unknown durations read as `0.0s`.
pub fn format_time(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    let whole = seconds as u64;
    match whole {
        0..60 => format!("{:.1}s", seconds.min(59.9)),
        60..3_600 => format!("{}m {}s", whole / 60, whole % 60),
        _ => format!("{}h {}m", whole / 3_600, whole % 3_600 / 60),
    }
}

/// A count with a comma between thousands: `10,000`.
pub(crate) fn count(n: u64) -> String {
    group(&n.to_string())
}

/// A measured value with about five significant digits: `1,234.5`, `0.012346`, `1.2e-7`; a whole number keeps all of its digits.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "–".to_owned();
    }
    if size != 0.0 && !(1e-4..1e15).contains(&size) {
        return format!("{value:.3e}");
    }
    if value.fract() == 0.0 {
        return signed(value, &format!("{size:.0}"));
    }
    let digits_before_the_point = if size < 1e-3 { -3.0 } else { size.log10().floor() + 1.0 };
    let decimals = (5.0 - digits_before_the_point).clamp(0.0, 8.0) as usize;
    signed(value, trim_zeros(&format!("{size:.decimals$}")))
}

/// A share as a percentage with one decimal: `19.9%`.
pub(crate) fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.0005 { "<0.1%".to_owned() } else { format!("{:.1}%", share * 100.0) }
}

/// `part / whole`, 0 when there is no whole.
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// A file's size: `812 B`, `1.4 MB`.
pub(crate) fn bytes(n: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    let mut size = n as f64;
    let mut unit = None;
    for next in units {
        if size < 999.5 {
            break;
        }
        size /= 1_000.0;
        unit = Some(next);
    }
    unit.map_or_else(|| format!("{n} B"), |unit| format!("{size:.1} {unit}"))
}

/// A time span by its largest unit: `45 s`, `12 h`, `3 days`.
pub(crate) fn duration(seconds: f64) -> String {
    match seconds {
        ..120.0 => format!("{seconds:.0} s"),
        ..7_200.0 => format!("{:.0} min", seconds / 60.0),
        ..172_800.0 => format!("{:.0} h", seconds / 3_600.0),
        _ => format!("{} days", count((seconds / 86_400.0).round() as u64)),
    }
}

/// `1 row`, `2 rows`.
pub(crate) fn counted(n: u64, singular: &str, plural: &str) -> String {
    format!("{} {}", count(n), if n == 1 { singular } else { plural })
}

/// A name or value from the table on one line of bounded length.
pub(crate) fn label(text: &str) -> String {
    cut(text, MAX_LABEL_CHARS)
}

/// The text on one line, with an ellipsis for what is beyond `max` characters.
pub(crate) fn cut(text: &str, max: usize) -> String {
    let visible = |c: char| if c.is_control() { ' ' } else { c };
    let mut chars = text.chars();
    let mut short: String = chars.by_ref().take(max).map(visible).collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}

fn signed(value: f64, digits: &str) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    match digits.split_once('.') {
        Some((whole, fraction)) => format!("{sign}{}.{fraction}", group(whole)),
        None => format!("{sign}{}", group(digits)),
    }
}

fn trim_zeros(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

fn group(digits: &str) -> String {
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_show_their_two_largest_units() {
        let expected = [
            (0.0, "0.0s"),
            (45.5, "45.5s"),
            (59.97, "59.9s"),
            (60.0, "1m 0s"),
            (125.0, "2m 5s"),
            (3_599.9, "59m 59s"),
            (3_725.0, "1h 2m"),
            (f64::NAN, "0.0s"),
        ];
        for (seconds, text) in expected {
            assert_eq!(format_time(seconds), text);
        }
    }

    #[test]
    fn numbers_keep_what_matters() {
        let expected = [
            (0.0, "0"),
            (-0.0, "0"),
            (1_234_567.0, "1,234,567"),
            (-1_234.567, "-1,234.6"),
            (29.699_117, "29.699"),
            (0.5, "0.5"),
            (0.001_234_56, "0.0012346"),
            (123_456.7, "123,457"),
            (1.234_56e-7, "1.235e-7"),
            (1e300, "1.000e300"),
            (f64::INFINITY, "–"),
        ];
        for (value, text) in expected {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn time_spans_show_one_unit() {
        for (seconds, text) in [(45.0, "45 s"), (600.0, "10 min"), (86_400.0, "24 h"), (259_200.0, "3 days"), (1e9, "11,574 days")] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn counts_and_sizes_are_grouped() {
        assert_eq!(count(999), "999");
        assert_eq!(count(10_000), "10,000");
        assert_eq!(bytes(812), "812 B");
        assert_eq!(bytes(61_194), "61.2 kB");
        assert_eq!(bytes(999_999), "1.0 MB");
    }

    #[test]
    fn a_share_that_rounds_to_nothing_is_still_something() {
        assert_eq!(percent(0.198_7), "19.9%");
        assert_eq!(percent(0.000_1), "<0.1%");
        assert_eq!(percent(0.0), "0.0%");
    }

    #[test]
    fn long_and_many_lined_texts_become_one_short_line() {
        assert_eq!(cut("two\nlines", 20), "two lines");
        assert_eq!(cut("ééééé", 3), "ééé…");
        assert_eq!(cut("abc", 3), "abc");
    }
}
