//! The numbers that a date becomes.

use std::f64::consts::TAU;

use domain::date;
use serde::{Deserialize, Serialize};

const MICROS_OF_HOUR: f64 = 3_600e6;

/// A number read off a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatePart {
    /// The year.
    Year,
    /// 1 to 12.
    Month,
    /// Day of the month, 1 to 31.
    Day,
    /// 0 on Monday to 6 on Sunday.
    Weekday,
    /// Hours since midnight, with a fraction.
    Hour,
    /// Days since the feature's origin, with a fraction.
    Elapsed,
    /// Sine of the time of the year as an angle; with the cosine, a place on a circle for models that need one.
    YearSine,
    /// Its cosine.
    YearCosine,
    /// Sine of the time of the week as an angle.
    WeekSine,
    /// Its cosine.
    WeekCosine,
    /// Sine of the time of the day as an angle.
    DaySine,
    /// Its cosine.
    DayCosine,
}

impl DatePart {
    /// Every part.
    pub const ALL: [Self; 12] = [
        Self::Year,
        Self::Month,
        Self::Day,
        Self::Weekday,
        Self::Hour,
        Self::Elapsed,
        Self::YearSine,
        Self::YearCosine,
        Self::WeekSine,
        Self::WeekCosine,
        Self::DaySine,
        Self::DayCosine,
    ];

    /// Whether it is there for models that take a number for a quantity; trees have the plain part.
    pub fn is_cyclic(self) -> bool {
        use DatePart::{DayCosine, DaySine, WeekCosine, WeekSine, YearCosine, YearSine};
        matches!(self, YearSine | YearCosine | WeekSine | WeekCosine | DaySine | DayCosine)
    }

    /// The part of a moment, given in microseconds since 1970; `origin` is a day, counted from 1970.
    pub fn of(self, micros: i64, origin: i64) -> f32 {
        let day = date::day(micros);
        let (year, month, day_of_month) = date::civil(day);
        let hours = (micros - date::midnight(day)) as f64 / MICROS_OF_HOUR;
        let weekday = (day + 3).rem_euclid(7);
        let of_year = ((month - 1) as f64 + (day_of_month - 1) as f64 / 31.0) / 12.0;
        let of_week = (weekday as f64 + hours / 24.0) / 7.0;
        let part = match self {
            Self::Year => year as f64,
            Self::Month => month as f64,
            Self::Day => day_of_month as f64,
            Self::Weekday => weekday as f64,
            Self::Hour => hours,
            Self::Elapsed => (day - origin) as f64 + hours / 24.0,
            Self::YearSine => (TAU * of_year).sin(),
            Self::YearCosine => (TAU * of_year).cos(),
            Self::WeekSine => (TAU * of_week).sin(),
            Self::WeekCosine => (TAU * of_week).cos(),
            Self::DaySine => (TAU * hours / 24.0).sin(),
            Self::DayCosine => (TAU * hours / 24.0).cos(),
        };
        part as f32
    }
}

/// The numbers of a date feature: its parts, then the days since each of the `others`, `NaN` where a date is missing. Moments are in
/// microseconds since 1970.
pub fn date_numbers(
    moment: Option<i64>,
    parts: &[DatePart],
    origin: i64,
    others: impl Iterator<Item = Option<i64>>,
) -> impl Iterator<Item = f32> {
    let parts = parts.iter().map(move |part| moment.map_or(f32::NAN, |micros| part.of(micros, origin)));
    let days = |(to, from): (i64, i64)| ((to as f64 - from as f64) / (24.0 * MICROS_OF_HOUR)) as f32;
    parts.chain(others.map(move |other| moment.zip(other).map_or(f32::NAN, days)))
}

/// The moment that a text means, in microseconds since 1970; the preferred order of several counts.
pub fn moment(text: &str) -> Option<i64> {
    date::Order::all().find_map(|order| order.parse(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_known_moment() {
        // 2024-12-31 was a Tuesday, 20,088 days after 1970-01-01.
        let micros = moment("2024-12-31T18:30:00").unwrap();
        let part = |part: DatePart| part.of(micros, 20_078);
        assert_eq!([DatePart::Year, DatePart::Month, DatePart::Day].map(part), [2024.0, 12.0, 31.0]);
        assert_eq!([DatePart::Weekday, DatePart::Hour], [DatePart::Weekday, DatePart::Hour]);
        assert_eq!([DatePart::Weekday, DatePart::Hour].map(part), [1.0, 18.5]);
        assert!((part(DatePart::Elapsed) - (10.0 + 18.5 / 24.0)).abs() < 1e-5);
    }

    #[test]
    fn the_end_of_a_cycle_is_next_to_its_beginning() {
        let at = |text: &str| moment(text).unwrap();
        for (sine, cosine, late, early) in [
            (DatePart::DaySine, DatePart::DayCosine, "2024-03-05T23:59:00", "2024-03-06"),
            (DatePart::YearSine, DatePart::YearCosine, "2023-12-31", "2024-01-01"),
            (DatePart::WeekSine, DatePart::WeekCosine, "2024-03-03T23:59:00", "2024-03-04"),
        ] {
            for part in [sine, cosine] {
                assert!((part.of(at(late), 0) - part.of(at(early), 0)).abs() < 0.05, "{part:?}");
            }
        }
    }

    #[test]
    fn before_1970_counts_backwards() {
        let micros = moment("1969-12-31T12:00:00").unwrap();
        assert_eq!([DatePart::Elapsed, DatePart::Weekday, DatePart::Hour].map(|part| part.of(micros, 0)), [-0.5, 2.0, 12.0]);
    }
}
