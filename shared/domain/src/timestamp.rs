//! Moments in the form that the stored items use: `2026-01-31T12:00:00.123456+00:00`, always UTC, always six decimals, so that
//! sorting the text sorts the moments.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::{
    OffsetDateTime, Time, UtcOffset,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::format_description,
};

const STORED: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]+00:00");

/// A moment in UTC with microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(OffsetDateTime);

impl Timestamp {
    /// The current moment.
    pub fn now() -> Self {
        Self::of(OffsetDateTime::now_utc())
    }

    fn of(moment: OffsetDateTime) -> Self {
        Self(moment.replace_nanosecond(moment.microsecond() * 1_000).unwrap_or(moment))
    }

    /// The moment that many seconds before this one.
    #[must_use]
    pub fn seconds_ago(self, seconds: u32) -> Self {
        Self(self.0 - time::Duration::seconds(i64::from(seconds)))
    }

    /// The begin of its day in UTC.
    #[must_use]
    pub fn midnight(self) -> Self {
        Self(self.0.to_offset(UtcOffset::UTC).replace_time(Time::MIDNIGHT))
    }

    /// Seconds since `earlier`; negative when `earlier` is later.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        (self.0 - earlier.0).as_seconds_f64()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_offset(UtcOffset::UTC).format(STORED).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

impl FromStr for Timestamp {
    type Err = time::error::Parse;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        OffsetDateTime::parse(text, &Rfc3339).map(Self::of)
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_has_six_decimals_and_a_numeric_offset() {
        let moment: Timestamp = "2026-01-31T12:00:00.5Z".parse().unwrap();
        assert_eq!(moment.to_string(), "2026-01-31T12:00:00.500000+00:00");
        assert_eq!(moment.to_string().parse::<Timestamp>().unwrap(), moment);
    }

    #[test]
    fn what_the_stored_form_cannot_hold_is_not_kept() {
        let now = Timestamp::now();
        assert_eq!(now.to_string().parse::<Timestamp>().unwrap(), now);
    }

    #[test]
    fn other_offsets_become_utc() {
        let moment: Timestamp = "2026-01-31T12:00:00.000001+02:00".parse().unwrap();
        assert_eq!(moment.to_string(), "2026-01-31T10:00:00.000001+00:00");
        let late: Timestamp = "2026-01-31T01:00:00+02:00".parse().unwrap();
        assert_eq!(late.midnight().to_string(), "2026-01-30T00:00:00.000000+00:00");
    }
}
