//! Days and moments as people and programs write them.

/// Which order the parts of a date have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Order(u8);

/// The orders, the preferred first: where the dates of a column fit several, as `03/04/2024` does, the first one counts (as in pandas) and
/// the profile says so.
const ORDERS: [&str; 5] = ["2024-12-31", "12/31/2024", "31/12/2024", "31 Dec 2024", "Dec 31, 2024"];

/// Which orders a cell fits, as bits.
pub type Orders = u8;

/// How many orders there are.
pub const ORDER_COUNT: usize = ORDERS.len();

/// Microseconds in a second.
const MICROS: i64 = 1_000_000;
const DAY: i64 = 86_400 * MICROS;

impl Order {
    /// All of them, the preferred first.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..ORDER_COUNT as u8).map(Self)
    }

    /// The order that most dates fit, the preferred one of several, and how many those are.
    pub fn best_of(counts: &[u64; ORDER_COUNT]) -> (Self, u64) {
        let best = (0..ORDER_COUNT as u8).zip(counts).rev().max_by_key(|(_, count)| **count);
        best.map_or((Self(0), 0), |(order, count)| (Self(order), *count))
    }

    /// This one alone.
    pub fn bit(self) -> Orders {
        1 << self.0
    }

    /// Whether a date of this order is of no other.
    pub fn is_unambiguous(self) -> bool {
        !matches!(self.0, 1 | 2)
    }

    /// An example.
    pub fn example(self) -> &'static str {
        ORDERS.get(usize::from(self.0)).copied().unwrap_or_default()
    }

    /// The moment in the cell, in microseconds since 1970. An offset from UTC is added; without one, the moment is taken as it is.
    pub fn parse(self, cell: &[u8]) -> Option<i64> {
        if self.0 == 0
            && let Some(day) = plain_day(cell)
        {
            return Some(midnight(day));
        }
        let cell = trimmed(cell);
        // Shorter than 1/1/70 or longer than an ISO moment with nanoseconds: no date.
        if !(6..=40).contains(&cell.len()) {
            return None;
        }
        let (day, rest) = match self.0 {
            0 => year_first(cell)?,
            1 | 2 => year_last(cell, self.0 == 1)?,
            _ => named_month(cell, self.0 == 4)?,
        };
        let time = match rest {
            [] => 0,
            [b'T' | b' ', time @ ..] => time_of_day(time)?,
            _ => return None,
        };
        day.checked_mul(DAY)?.checked_add(time)
    }
}

/// A cell that is `2024-12-31` and nothing else.
fn plain_day(cell: &[u8]) -> Option<i64> {
    const ZERO: u64 = u64::from_le_bytes(*b"0000-00-");
    /// Added to a digit, or to what has to be 0, it sets the highest bit where that is more than it may be.
    const REST: u64 = u64::from_le_bytes([0x76, 0x76, 0x76, 0x76, 0x7F, 0x76, 0x76, 0x7F]);
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let (first, [d1, d2]) = cell.split_first_chunk::<8>()? else { return None };
    let word = u64::from_le_bytes(*first) ^ ZERO;
    let (d1, d2) = (u32::from(d1 ^ b'0'), u32::from(d2 ^ b'0'));
    if (word.wrapping_add(REST) | word) & HIGH_BITS != 0 || d1 > 9 || d2 > 9 {
        return None;
    }
    let pairs = word * 10 + (word >> 8);
    let pair = |at: u32| (pairs >> (8 * at)) as u32 & 0xFF;
    days_from_civil(pair(0) * 100 + pair(2), pair(5), d1 * 10 + d2)
}

/// The orders in which the cell is a date; 0 when it is none.
pub fn orders_of(cell: &[u8]) -> Orders {
    let begins_as_date = match trimmed(cell) {
        [b'0'..=b'9', ..] => true,
        [one, two, three, ..] => month_of([*one, *two, *three]).is_some(),
        _ => false,
    };
    if !begins_as_date {
        return 0;
    }
    (0..ORDERS.len() as u8).filter(|&order| Order(order).parse(cell).is_some()).fold(0, |all, one| all | 1 << one)
}

/// The cell without outer blanks.
fn trimmed(mut cell: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = cell {
        cell = rest;
    }
    cell
}

/// Digits at the beginning: their value, how many, and the rest.
fn digits(text: &[u8], most: usize) -> Option<(u32, usize, &[u8])> {
    let count = text.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(count)?;
    (count > 0).then(|| (digits.iter().fold(0, |value, byte| value * 10 + u32::from(byte - b'0')), count, rest))
}

fn year_first(text: &[u8]) -> Option<(i64, &[u8])> {
    let (year, 4, rest) = digits(text, 4)? else { return None };
    let (separator, rest) = rest.split_first().filter(|(separator, _)| matches!(separator, b'-' | b'/' | b'.'))?;
    let (month, _, rest) = digits(rest, 2)?;
    let rest = rest.strip_prefix(std::slice::from_ref(separator))?;
    let (day, _, rest) = digits(rest, 2)?;
    Some((days_from_civil(year, month, day)?, rest))
}

fn year_last(text: &[u8], month_first: bool) -> Option<(i64, &[u8])> {
    let (one, _, rest) = digits(text, 2)?;
    let (separator, rest) = rest.split_first().filter(|(separator, _)| matches!(separator, b'-' | b'/' | b'.'))?;
    let (two, _, rest) = digits(rest, 2)?;
    let rest = rest.strip_prefix(std::slice::from_ref(separator))?;
    let (year, count, rest) = digits(rest, 4)?;
    let year = full_year(year, count)?;
    let (month, day) = if month_first { (one, two) } else { (two, one) };
    Some((days_from_civil(year, month, day)?, rest))
}

fn named_month(text: &[u8], month_first: bool) -> Option<(i64, &[u8])> {
    let separated = |text| Some(trimmed(after_separator(text)?));
    let (month, day, rest) = if month_first {
        let (month, rest) = month_name(text)?;
        let (day, _, rest) = digits(separated(rest)?, 2)?;
        (month, day, rest)
    } else {
        let (day, _, rest) = digits(text, 2)?;
        let (month, rest) = month_name(separated(rest)?)?;
        (month, day, rest)
    };
    let (year, count, rest) = digits(separated(rest)?, 4)?;
    Some((days_from_civil(full_year(year, count)?, month, day)?, rest))
}

fn after_separator(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b',', b' ', rest @ ..] | [b' ' | b'-' | b'/' | b',' | b'.', rest @ ..] => Some(rest),
        _ => None,
    }
}

/// An English month by its first three letters, and what follows its name.
fn month_name(text: &[u8]) -> Option<(u32, &[u8])> {
    const MONTHS: [&[u8]; 12] = [
        b"january",
        b"february",
        b"march",
        b"april",
        b"may",
        b"june",
        b"july",
        b"august",
        b"september",
        b"october",
        b"november",
        b"december",
    ];
    let [one, two, three, ..] = text else { return None };
    let month = month_of([*one, *two, *three])?;
    let letters = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (name, rest) = text.split_at_checked(letters)?;
    let whole = MONTHS.get(usize::try_from(month).ok()? - 1)?;
    whole.get(..letters)?.eq_ignore_ascii_case(name).then_some((month, rest))
}

/// The month that begins with those letters.
fn month_of(letters: [u8; 3]) -> Option<u32> {
    Some(match &letters.map(|letter| letter.to_ascii_lowercase()) {
        b"jan" => 1,
        b"feb" => 2,
        b"mar" => 3,
        b"apr" => 4,
        b"may" => 5,
        b"jun" => 6,
        b"jul" => 7,
        b"aug" => 8,
        b"sep" => 9,
        b"oct" => 10,
        b"nov" => 11,
        b"dec" => 12,
        _ => return None,
    })
}

/// Two digits are 1970 to 2069.
fn full_year(year: u32, count: usize) -> Option<u32> {
    match count {
        4 => Some(year),
        2 => Some(if year < 70 { 2_000 + year } else { 1_900 + year }),
        _ => None,
    }
}

/// `12:30`, `12:30:15.25`, `12:30 pm`, with `Z` or an offset; in microseconds.
fn time_of_day(text: &[u8]) -> Option<i64> {
    let (hour, _, rest) = digits(text, 2)?;
    let (minute, 2, mut rest) = digits(rest.strip_prefix(b":")?, 2)? else { return None };
    let (mut second, mut micros) = (0, 0);
    if let Some(after) = rest.strip_prefix(b":") {
        let (value, 2, after) = digits(after, 2)? else { return None };
        (second, rest) = (value, after);
        if let [b'.' | b',', after @ ..] = rest {
            let (_, count, after_fraction) = digits(after, 9)?;
            let padded = after.iter().take(count).chain([b'0'; 6].iter()).take(6);
            micros = padded.fold(0, |value, byte| value * 10 + i64::from(byte - b'0'));
            rest = after_fraction;
        }
    }
    let rest = trimmed(rest);
    let (hour, rest) = match rest {
        [half @ (b'a' | b'A' | b'p' | b'P'), b'm' | b'M', rest @ ..] if (1..=12).contains(&hour) => {
            (hour % 12 + if half.eq_ignore_ascii_case(&b'p') { 12 } else { 0 }, rest)
        }
        _ => (hour, rest),
    };
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let offset = match rest {
        [] | [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let (hours, 2, rest) = digits(rest, 2)? else { return None };
            let (minutes, rest) = match rest.strip_prefix(b":").unwrap_or(rest) {
                [] => (0, &[] as &[u8]),
                rest => digits(rest, 2).map(|(minutes, _, rest)| (minutes, rest))?,
            };
            if !rest.is_empty() || hours > 15 || minutes > 59 {
                return None;
            }
            let seconds = i64::from(hours) * 3_600 + i64::from(minutes) * 60;
            if *sign == b'-' { -seconds } else { seconds }
        }
        _ => return None,
    };
    Some((i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second) - offset) * MICROS + micros)
}

/// Days since 1970 in the proleptic Gregorian calendar; `None` when there is no such day, or the year has more than four digits.
fn days_from_civil(year: u32, month: u32, day: u32) -> Option<i64> {
    /// Each month's length in a common year, and the days before it.
    const MONTHS: [(u32, u32); 12] =
        [(31, 0), (28, 31), (31, 59), (30, 90), (31, 120), (30, 151), (31, 181), (31, 212), (30, 243), (31, 273), (30, 304), (31, 334)];
    const DAYS_TO_1970: i32 = 719_162;
    // What 25 and 4 divide 100 divides, what 25 and 16 divide 400 divides.
    let leap = year & if year.is_multiple_of(25) { 15 } else { 3 } == 0;
    let (length, before) = *MONTHS.get(month.wrapping_sub(1) as usize)?;
    if !(1..=length + u32::from(leap && month == 2)).contains(&day) || !(1..=9_999).contains(&year) {
        return None;
    }
    let past = year - 1;
    let centuries = past / 100;
    let days = past * 365 + past / 4 - centuries + centuries / 4 + before + u32::from(leap && month > 2) + day - 1;
    Some(i64::from(days.cast_signed() - DAYS_TO_1970))
}

/// The moment as ISO 8601: `2024-12-31`, with `T12:30:15` when it is not midnight and `.25` when it has a fraction.
pub fn iso(micros: i64) -> String {
    let (day, time) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
    let (year, month, day) = civil(day);
    let date = format!("{year:04}-{month:02}-{day:02}");
    if time == 0 {
        return date;
    }
    let (seconds, fraction) = (time / MICROS, time % MICROS);
    let clock = format!("{date}T{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if fraction == 0 { clock } else { format!("{clock}.{fraction:06}").trim_end_matches('0').to_owned() }
}

/// Year, month and day of the month of a day counted from 1970. Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms"
/// (2013).
pub fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

/// The moment's day, counted from 1970.
pub fn day(micros: i64) -> i64 {
    micros.div_euclid(DAY)
}

/// When a day begins.
pub fn midnight(day: i64) -> i64 {
    day.saturating_mul(DAY)
}

/// Whether the moment is not midnight.
pub fn has_time(micros: i64) -> bool {
    micros.rem_euclid(DAY) != 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(cell: &str) -> Vec<(&'static str, String)> {
        let orders = (0..5).map(Order);
        orders.filter_map(|order| Some((order.example(), iso(order.parse(cell.as_bytes())?)))).collect()
    }

    #[test]
    fn dates_come_in_several_orders() {
        let iso = |text: &str| vec![("2024-12-31", text.to_owned())];
        assert_eq!(read("2024-02-29"), iso("2024-02-29"));
        assert_eq!(read("2024/2/9"), iso("2024-02-09"));
        assert_eq!(read("2024-01-31T12:30:15.250Z"), iso("2024-01-31T12:30:15.25"));
        assert_eq!(read("2024-01-31 23:30:00+01:30"), iso("2024-01-31T22:00:00"));
        assert_eq!(read("1/31/2024 1:05 PM"), [("12/31/2024", "2024-01-31T13:05:00".to_owned())]);
        assert_eq!(read("31.12.99"), [("31/12/2024", "1999-12-31".to_owned())]);
        assert_eq!(read("31 Dec 2024"), [("31 Dec 2024", "2024-12-31".to_owned())]);
        assert_eq!(read("1-Jan-2024"), [("31 Dec 2024", "2024-01-01".to_owned())]);
        assert_eq!(read("September 5, 2024 08:00"), [("Dec 31, 2024", "2024-09-05T08:00:00".to_owned())]);
        assert_eq!(read("03/04/2024").len(), 2, "either of two");
    }

    #[test]
    fn what_is_no_date_is_none() {
        for cell in [
            "2023-02-29",
            "2024-13-01",
            "2024-00-10",
            "31/12-2024",
            "12345678",
            "1.5",
            "10:30",
            "2024-01-31x",
            "2024-01-31 25:00",
            "Juni 5, 2024",
            "0000-01-01",
        ] {
            assert_eq!(read(cell), [], "{cell}");
        }
    }

    proptest! {
        #[test]
        fn every_moment_reads_back(micros in -60_000_000_000_000_000_i64..200_000_000_000_000_000) {
            prop_assert_eq!(Order(0).parse(iso(micros).as_bytes()), Some(micros));
        }

        #[test]
        fn no_bytes_break_the_reader(cell: Vec<u8>) {
            let _ = orders_of(&cell);
        }
    }
}
