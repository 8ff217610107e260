//! Numbers as they are written: plainly, as pandas reads them, or with separators, a percent sign or a currency.

/// A plain number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    /// Digits only, within 64 bits.
    Integer(i64),
    /// Everything else, infinities included.
    Float(f64),
}

impl Number {
    pub(crate) fn as_f64(self) -> f64 {
        match self {
            Self::Integer(value) => value as f64,
            Self::Float(value) => value,
        }
    }
}

/// The largest mantissa and power of ten whose quotient and product are exact (Clinger, 1990).
const EXACT_MANTISSA: u64 = 1 << 53;
const POWERS: [f64; 23] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22];

/// The number in the cell: surrounding blanks, a sign, decimals, an exponent, `inf` and `infinity` are allowed; `1_000`, `0x1F` and
/// whole numbers beyond 64 bits are text.
pub(crate) fn plain(cell: &[u8]) -> Option<Number> {
    let cell = super::trimmed(cell);
    let (negative, unsigned) = match cell {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    let (mut mantissa, mut digits, mut decimals, mut point) = (0_u64, 0_usize, 0_usize, false);
    for byte in unsigned {
        match byte {
            b'0'..=b'9' if digits < 18 => {
                mantissa = mantissa * 10 + u64::from(byte - b'0');
                digits += 1;
                decimals += usize::from(point);
            }
            b'.' if !point => point = true,
            _ => return slow(cell, unsigned),
        }
    }
    if digits == 0 {
        return None;
    }
    if !point {
        let value = mantissa as i64;
        return Some(Number::Integer(if negative { -value } else { value }));
    }
    match POWERS.get(decimals) {
        Some(power) if mantissa <= EXACT_MANTISSA => {
            let value = mantissa as f64 / power;
            Some(Number::Float(if negative { -value } else { value }))
        }
        _ => slow(cell, unsigned),
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const LOW_BITS: u64 = 0x7F * ONES;
const HIGH_BITS: u64 = 0x80 * ONES;

/// The whole number in a cell of a text, if it has at most eight digits and nothing else but a minus sign.
#[inline]
pub(crate) fn short_integer(text: &[u8], start: usize, length: usize) -> Option<i64> {
    let (negative, start, length) = without_minus(text, start, length);
    let value = digits(word(text, start, length)?, length)?.cast_signed();
    // Whether there is a minus cannot be foretold: a branch would be taken wrongly half of the time.
    let mask = -i64::from(negative);
    Some((value ^ mask) - mask)
}

/// The number in a cell of a text, and whether it has a point, if it has at most eight digits and points and nothing else but a minus sign.
#[inline]
pub(crate) fn short_float(text: &[u8], start: usize, length: usize) -> Option<(f64, bool)> {
    let (negative, start, length) = without_minus(text, start, length);
    let word = word(text, start, length)?;
    let points = zero_bytes(word ^ (u64::from(b'.') * ONES));
    let decimals = if points == 0 { 0 } else { (points.leading_zeros() / 8) as usize };
    let value = if points == 0 {
        digits(word, length)?
    } else {
        // A second point is no digit, so that it is found below.
        let after = u64::MAX >> (8 * decimals);
        digits((word & !after) | ((word << 8) & after), length - 1)?
    };
    let value = value as f64 / POWERS.get(decimals)?;
    Some((f64::from_bits(value.to_bits() | u64::from(negative) << 63), points != 0))
}

fn without_minus(text: &[u8], start: usize, length: usize) -> (bool, usize, usize) {
    let negative = text.get(start) == Some(&b'-');
    (negative, start + usize::from(negative), length - usize::from(negative).min(length))
}

/// One to eight bytes as a word; the last byte is the highest, what is before the first is 0.
#[inline]
fn word(text: &[u8], start: usize, length: usize) -> Option<u64> {
    if !(1..=8).contains(&length) {
        return None;
    }
    Some(u64::from_le_bytes(*text.get(start..)?.first_chunk()?) << (64 - 8 * length))
}

/// The number of the highest `length` bytes, if they are digits. Source: Johnny Lee, "Faster integer parsing" (2016), and Daniel Lemire,
/// "Quickly parsing eight digits" (2018).
#[inline]
fn digits(word: u64, length: usize) -> Option<u64> {
    const PAIRS: u64 = 0x0000_00FF_0000_00FF;
    let filled = u64::MAX.checked_shl(64 - 8 * length as u32)?;
    let values = word ^ ((u64::from(b'0') * ONES) & filled);
    if ((values + (HIGH_BITS - 10 * ONES)) | values) & HIGH_BITS != 0 {
        return None;
    }
    let pairs = values * 10 + (values >> 8);
    Some(
        ((pairs & PAIRS).wrapping_mul(0x000F_4240_0000_0064).wrapping_add((pairs >> 16 & PAIRS).wrapping_mul(0x0000_2710_0000_0001))) >> 32,
    )
}

/// The high bit of each byte that is 0.
fn zero_bytes(word: u64) -> u64 {
    !(((word & LOW_BITS) + LOW_BITS) | word | LOW_BITS)
}

#[cold]
fn slow(cell: &[u8], unsigned: &[u8]) -> Option<Number> {
    let text = std::str::from_utf8(cell).ok()?;
    if unsigned.iter().all(u8::is_ascii_digit) {
        return match text.parse::<i64>() {
            Ok(value) => Some(Number::Integer(value)),
            Err(_) => text.parse::<u64>().ok().map(|value| Number::Float(value as f64)),
        };
    }
    let numeric = matches!(unsigned.first(), Some(b'0'..=b'9' | b'.'))
        || unsigned.eq_ignore_ascii_case(b"inf")
        || unsigned.eq_ignore_ascii_case(b"infinity");
    if numeric { text.parse().ok().map(Number::Float) } else { None }
}

/// How the numbers of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Format {
    /// Index into [`SEPARATORS`].
    separators: u8,
}

/// Decimal point and thousands separators that are understood together, the preferred first: where the cells of a column fit several, as
/// `1,234` does, the first one counts and the profile says so.
const SEPARATORS: [(u8, Option<u8>, &str); 6] = [
    (b'.', None, "1234.56"),
    (b'.', Some(b','), "1,234.56"),
    (b',', None, "1234,56"),
    (b',', Some(b'.'), "1.234,56"),
    (b',', Some(b' '), "1 234,56"),
    (b'.', Some(b'\''), "1'234.56"),
];

/// Which formats a cell fits, as bits in the order of [`SEPARATORS`].
pub(crate) type Formats = u8;

/// How many formats there are.
pub(crate) const FORMAT_COUNT: usize = SEPARATORS.len();

/// The formats in which the cell is a number; 0 when it is none.
pub(crate) fn formats_of(cell: &[u8]) -> Formats {
    // What begins with a letter is no number in any format, unless that is a currency's.
    if cell.first().is_none_or(u8::is_ascii_alphabetic) && !begins_with_code(cell) {
        return 0;
    }
    Format::all().filter(|format| format.parse(cell).is_some()).fold(0, |all, one| all | 1 << one.separators)
}

/// Whether a plain number is one that no format has: with an exponent, infinite, or very long.
pub(crate) fn has_exponent(number: &[u8]) -> bool {
    number.len() > LONGEST || number.iter().any(u8::is_ascii_alphabetic)
}

/// The most digits and separators of a number with separators.
const LONGEST: usize = 40;

impl Format {
    /// All of them, the preferred first.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..FORMAT_COUNT as u8).map(|separators| Self { separators })
    }

    /// Whether decimals follow a point.
    pub(crate) fn has_decimal_point(self) -> bool {
        SEPARATORS.get(usize::from(self.separators)).is_some_and(|(decimal, ..)| *decimal == b'.')
    }

    /// The format that most numbers fit, the preferred one of several, and how many those are.
    pub(crate) fn best_of(counts: &[u64; FORMAT_COUNT]) -> (Self, u64) {
        let best = (0..FORMAT_COUNT as u8).zip(counts).rev().max_by_key(|(_, count)| **count);
        best.map_or((Self { separators: 0 }, 0), |(separators, count)| (Self { separators }, *count))
    }

    /// Whether its commas could be decimal ones.
    pub(crate) fn is_comma_thousands(self) -> bool {
        self.separators == 1
    }

    /// An example.
    pub(crate) fn example(self) -> &'static str {
        SEPARATORS.get(usize::from(self.separators)).map_or("", |(.., example)| example)
    }

    /// The number in the cell: a sign, a currency or percent sign before or after, digits in groups of three.
    pub(crate) fn parse(self, cell: &[u8]) -> Option<f64> {
        let (decimal, thousands, _) = *SEPARATORS.get(usize::from(self.separators))?;
        let (negative, core) = without_signs(cell)?;
        let mut text = [0_u8; LONGEST];
        let (mut length, mut digits, mut since_separator, mut point) = (0, 0_usize, None::<usize>, false);
        let mut bytes = core.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            // A no-break space separates as a blank does.
            let byte = match byte {
                0xC2 if bytes.next_if_eq(&0xA0).is_some() => b' ',
                other => other,
            };
            let kept = match byte {
                b'0'..=b'9' => {
                    digits += 1;
                    if let Some(since) = &mut since_separator {
                        *since += usize::from(!point);
                    }
                    byte
                }
                _ if byte == decimal && !point && since_separator.is_none_or(|since| since == 3) => {
                    point = true;
                    b'.'
                }
                _ if Some(byte) == thousands && !point => {
                    let fits = match since_separator {
                        None => (1..=3).contains(&digits),
                        Some(since) => since == 3,
                    };
                    if !fits {
                        return None;
                    }
                    since_separator = Some(0);
                    continue;
                }
                _ => return None,
            };
            *text.get_mut(length)? = kept;
            length += 1;
        }
        if digits == 0 || (!point && since_separator.is_some_and(|since| since != 3)) {
            return None;
        }
        let value: f64 = std::str::from_utf8(text.get(..length)?).ok()?.parse().ok()?;
        Some(if negative { -value } else { value })
    }
}

/// Whether the cell has a percent sign, and whether it has a currency.
pub(crate) fn signs_of(cell: &[u8]) -> (bool, bool) {
    let text = std::str::from_utf8(cell).unwrap_or_default();
    (text.contains('%'), text.contains(CURRENCIES) || CODES.iter().any(|code| text.contains(code)))
}

const CURRENCIES: [char; 5] = ['$', '€', '£', '¥', '₹'];
/// The codes of the currencies that are traded most (ISO 4217).
const CODES: [&str; 24] = [
    "USD", "EUR", "JPY", "GBP", "CNY", "AUD", "CAD", "CHF", "HKD", "SGD", "SEK", "KRW", "NOK", "NZD", "INR", "MXN", "TWD", "ZAR", "BRL",
    "DKK", "PLN", "CZK", "HUF", "TRY",
];

/// Whether the cell begins with a currency's code that a number may follow.
pub(crate) fn begins_with_code(cell: &[u8]) -> bool {
    let [first, second, third, next, ..] = cell else { return false };
    !next.is_ascii_alphabetic() && CODES.iter().any(|code| code.as_bytes() == [*first, *second, *third])
}

/// What follows a currency, where there is one.
fn without_currency_before(text: &str) -> Option<&str> {
    let after = text.strip_prefix(CURRENCIES).or_else(|| CODES.iter().find_map(|code| text.strip_prefix(code)));
    after.map(str::trim_start)
}

/// What is before a percent sign or a currency, where there is one.
fn without_unit_after(text: &str) -> &str {
    let before = text.strip_suffix('%').or_else(|| text.strip_suffix(CURRENCIES));
    before.or_else(|| CODES.iter().find_map(|code| text.strip_suffix(code))).unwrap_or(text).trim_end()
}

/// The sign, and the digits and separators between currency, percent and blanks. A minus may stand at the end, as accountants write it.
fn without_signs(cell: &[u8]) -> Option<(bool, &[u8])> {
    let text = std::str::from_utf8(cell).ok()?.trim();
    let (negative, text) = match text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) {
        Some(inner) => (true, inner),
        None => (false, text),
    };
    let sign = |text: &str| text.starts_with('-');
    let (mut is_negative, mut text) = (negative || sign(text), text.trim_start_matches(['-', '+']));
    if let Some(rest) = without_currency_before(text) {
        is_negative = is_negative || sign(rest);
        text = rest.trim_start_matches(['-', '+']);
    }
    text = without_unit_after(text);
    if !is_negative && let Some(rest) = text.strip_suffix('-') {
        (is_negative, text) = (true, rest.trim_end());
    }
    text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '.' | ',')).then_some((is_negative, text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_as_pandas_reads_them() {
        let integers = [("7", 7), ("007", 7), ("+5", 5), ("-3", -3), (" 12 ", 12), ("9223372036854775807", i64::MAX)];
        for (cell, value) in integers {
            assert_eq!(plain(cell.as_bytes()), Some(Number::Integer(value)), "{cell}");
        }
        let floats = [("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0), ("-2.5E-1", -0.25), ("Infinity", f64::INFINITY)];
        for (cell, value) in floats {
            assert_eq!(plain(cell.as_bytes()), Some(Number::Float(value)), "{cell}");
        }
        assert_eq!(plain(b"-inf"), Some(Number::Float(f64::NEG_INFINITY)));
        assert_eq!(plain(b"18446744073709551615"), Some(Number::Float(18_446_744_073_709_551_615.0)), "within unsigned 64 bits");
    }

    #[test]
    fn what_only_looks_like_a_number_is_text() {
        for cell in [
            "0x1F",
            "1_000",
            "1,5",
            "18446744073709551616",
            "12a",
            "",
            " ",
            "+",
            "-",
            ".",
            "e5",
            "nan",
            "info",
            "1e",
            "--1",
            "1 2",
            "1.2.3",
        ] {
            assert_eq!(plain(cell.as_bytes()), None, "{cell}");
        }
    }

    fn read(format: &str, cell: &str) -> Option<f64> {
        let separators = SEPARATORS.iter().position(|(.., example)| *example == format).unwrap() as u8;
        Format { separators }.parse(cell.as_bytes())
    }

    #[test]
    fn separators_stand_between_groups_of_three() {
        for (format, cell, value) in [
            ("1,234.56", "1,234,567.5", 1_234_567.5),
            ("1,234.56", "$1,234", 1_234.0),
            ("1.234,56", "-1.234,5 €", -1_234.5),
            ("1234,56", "0,5", 0.5),
            ("1 234,56", "1\u{a0}234 567,25", 1_234_567.25),
            ("1'234.56", "1'234'567.5", 1_234_567.5),
            ("1234.56", "45%", 45.0),
            ("1234.56", "45 %", 45.0),
            ("1234.56", "($12.50)", -12.5),
            ("1,234.56", "-$1,000", -1_000.0),
            ("1234.56", "USD 7.50", 7.5),
            ("1.234,56", "1.234,50 EUR", 1_234.5),
            ("1234.56", "6.50-", -6.5),
        ] {
            assert_eq!(read(format, cell), Some(value), "{cell}");
        }
        for (format, cell) in [
            ("1,234.56", "1,23"),
            ("1,234.56", "1234,567"),
            ("1,234.56", ",123"),
            ("1,234.56", "12,"),
            ("1.234,56", "1.23,4"),
            ("1234,56", "1,2,3"),
            ("1234.56", "$"),
            ("1234.56", "USD"),
            ("1234.56", "-6.50-"),
            ("1234.56", "12 13"),
            ("1234.56", "12.03.2024"),
        ] {
            assert_eq!(read(format, cell), None, "{cell}");
        }
    }

    #[test]
    fn a_cell_tells_the_formats_that_it_fits() {
        let examples = |cell: &str| {
            let formats = formats_of(cell.as_bytes());
            (0..6).filter(|bit| formats & (1 << bit) != 0).map(|separators| Format { separators }.example()).collect::<Vec<_>>()
        };
        assert_eq!(examples("1,234"), ["1,234.56", "1234,56", "1.234,56", "1 234,56"]);
        assert_eq!(examples("1.5"), ["1234.56", "1,234.56", "1'234.56"]);
        assert_eq!(examples("1,5"), ["1234,56", "1.234,56", "1 234,56"]);
        assert_eq!(examples("abc"), Vec::<&str>::new());
    }

    proptest! {
        #[test]
        fn every_float_reads_as_the_standard_library_reads_it(number: f64, decimals in 0_usize..20) {
            for text in [number.to_string(), format!("{:.*}", decimals, number % 1e9)] {
                let padded = format!("{text},12345678");
                if let Some(short) = short_float(padded.as_bytes(), 0, text.len()) {
                    prop_assert_eq!(Some(short.0), plain(text.as_bytes()).map(Number::as_f64));
                }
                if number.is_finite() && text.contains('.') {
                    prop_assert_eq!(plain(text.as_bytes()).map(|number| number.as_f64().to_bits()), Some(text.parse::<f64>().unwrap().to_bits()));
                }
            }
        }

        #[test]
        fn short_numbers_read_alike(cell in "[-+0-9. eE]{0,10}") {
            let padded = format!("{cell},12345678");
            let number = plain(cell.as_bytes());
            if let Some(short) = short_integer(padded.as_bytes(), 0, cell.len()) {
                prop_assert_eq!(Some(Number::Integer(short)), number);
            }
            if let Some(short) = short_float(padded.as_bytes(), 0, cell.len()) {
                prop_assert_eq!(Some(short), number.map(|number| (number.as_f64(), matches!(number, Number::Float(_)))));
            }
            let is_short = (1..=8).contains(&cell.len()) && !cell.contains(['+', 'e', 'E', ' ']);
            if is_short && let Some(number) = number {
                prop_assert!(short_float(padded.as_bytes(), 0, cell.len()).is_some());
                prop_assert_eq!(matches!(number, Number::Integer(_)), short_integer(padded.as_bytes(), 0, cell.len()).is_some());
            }
        }

        #[test]
        fn plain_numbers_with_a_point_fit_all_formats_with_one(cell in "[-+]?[0-9]{0,9}[.][0-9]{0,9}(e[0-9])?") {
            if let Some(Number::Float(_)) = plain(cell.as_bytes()) {
                let formats = formats_of(cell.as_bytes());
                let with_point = Format::all().filter(|format| format.has_decimal_point());
                prop_assert!(with_point.into_iter().all(|format| (formats & (1 << format.separators) == 0) == has_exponent(cell.as_bytes())));
            }
        }

        #[test]
        fn no_bytes_break_the_readers(cell: Vec<u8>) {
            let _ = (plain(&cell), formats_of(&cell), signs_of(&cell));
        }
    }
}
