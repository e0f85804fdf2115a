//! Instants, days and zones. Arithmetic only: nobody here asks what time it is.
//!
//! An [`Instant`] is UTC with microseconds; a [`Day`] belongs to a zone's calendar. Converting one
//! into the other needs the zone in the same call.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub i64);

/// The instant that never comes: a lot that never expires, or awaits its delivery.
pub const NEVER: Instant = Instant(i64::MAX);

/// The latest instant that a calendar day can have: the end of the year 9000.
const CALENDAR_END: Instant = Instant(221_845_392_000_000_000);

impl Instant {
    /// This instant moved by so many microseconds.
    #[must_use]
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// Whether this is an instant that will come.
    pub const fn comes(self) -> bool {
        self.0 != NEVER.0
    }

    /// Reads RFC 3339 text with an offset; anything finer than a microsecond is cut off.
    pub fn parse(text: &str) -> Option<Self> {
        let instant = text.parse::<Timestamp>().ok().map(|stamp| Self(stamp.as_microsecond()))?;
        (instant < CALENDAR_END).then_some(instant)
    }

    fn timestamp(self) -> Timestamp {
        Timestamp::from_microsecond(self.0.min(CALENDAR_END.0)).unwrap_or(Timestamp::MIN)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.timestamp())
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, sink: S) -> Result<S::Ok, S::Error> {
        if self.comes() { sink.collect_str(self) } else { sink.serialize_none() }
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        match Option::<String>::deserialize(source)? {
            None => Ok(NEVER),
            Some(text) => Self::parse(&text).ok_or_else(|| {
                serde::de::Error::custom("write an RFC 3339 instant with an offset")
            }),
        }
    }
}

/// A calendar day, without a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

impl Day {
    /// Days since 1970-01-01, for storage.
    pub fn number(self) -> i64 {
        let epoch = Date::constant(1970, 1, 1);
        i64::from((self.0 - epoch).get_days())
    }

    /// The day of a stored number.
    pub fn from_number(number: i64) -> Self {
        let epoch = Date::constant(1970, 1, 1);
        Self(epoch.saturating_add(number.days()))
    }

    /// Reads `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Option<Self> {
        let day = text.parse::<Date>().ok().map(Self)?;
        (text.len() == 10 && (1..9000).contains(&day.0.year())).then_some(day)
    }

    /// So many days later.
    #[must_use]
    pub fn plus_days(self, days: u32) -> Self {
        Self(self.0.saturating_add(i64::from(days).days()))
    }

    /// So many days earlier.
    #[must_use]
    pub fn minus_days(self, days: u32) -> Self {
        Self(self.0.saturating_sub(i64::from(days).days()))
    }

    /// The day of the month, from 1.
    pub fn day_of_month(self) -> u32 {
        u32::from(self.0.day().unsigned_abs())
    }

    /// The same month's day of that number; the last one where there are fewer.
    #[must_use]
    pub fn with_day_of_month(self, day: u32) -> Self {
        let first = Self(self.0.first_of_month());
        let last = Self(self.0.last_of_month());
        first.plus_days(day.saturating_sub(1)).min(last)
    }

    /// Days since the Monday of its week: 0 to 6.
    pub fn since_monday(self) -> u32 {
        u32::from(self.0.weekday().to_monday_zero_offset().unsigned_abs())
    }

    /// The same day of the month so many months later, or that month's last day.
    #[must_use]
    pub fn plus_months(self, months: u32) -> Self {
        Self(self.0.saturating_add(i64::from(months).months()))
    }

    /// The same day of the month so many months earlier, or that month's last day.
    #[must_use]
    pub fn minus_months(self, months: u32) -> Self {
        Self(self.0.saturating_sub(i64::from(months).months()))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, sink: S) -> Result<S::Ok, S::Error> {
        sink.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = String::deserialize(source)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("write a day as YYYY-MM-DD"))
    }
}

/// A time zone of the tz database, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone of that name, if the compiled-in tz database has it.
    pub fn named(name: &str) -> Option<Self> {
        TimeZone::get(name).ok().map(Self)
    }

    /// Its name in the tz database.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// An instant as the zone's clocks show it, RFC 3339 with the offset.
    pub fn local(&self, instant: Instant) -> String {
        let zoned = instant.timestamp().to_zoned(self.0.clone());
        zoned.timestamp().display_with_offset(zoned.offset()).to_string()
    }

    /// The local calendar day of an instant.
    pub fn day_of(&self, instant: Instant) -> Day {
        Day(self.0.to_datetime(instant.timestamp()).date())
    }

    /// The instant at which a local day begins: 00:00, or the first instant after a gap there.
    pub fn start_of(&self, day: Day) -> Instant {
        self.0
            .to_zoned(day.0.to_datetime(jiff::civil::Time::midnight()))
            .map_or(CALENDAR_END, |zoned| Instant(zoned.timestamp().as_microsecond()))
    }

    /// The instant at which a local day's clock shows so many minutes after midnight.
    pub fn at_minute(&self, day: Day, minute: u32) -> Instant {
        let midnight = day.0.to_datetime(jiff::civil::Time::midnight());
        let local = midnight.saturating_add(i64::from(minute).minutes());
        self.0
            .to_zoned(local)
            .map_or(CALENDAR_END, |zoned| Instant(zoned.timestamp().as_microsecond()))
    }

    /// The instant at which what is valid through a local day ends: 00:00 of the next one.
    pub fn end_of(&self, day: Day) -> Instant {
        self.start_of(day.plus_days(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moscow() -> Zone {
        Zone::named("Europe/Moscow").expect("a zone of the tz database")
    }

    fn instant(text: &str) -> Instant {
        Instant::parse(text).expect("an instant")
    }

    #[test]
    fn clocks_of_a_zone_show_its_offset() {
        let local = |text| moscow().local(instant(text));
        assert_eq!(local("2026-06-30T21:00:00Z"), "2026-07-01T00:00:00+03:00");
        assert_eq!(local("2026-06-30T21:00:00.25Z"), "2026-07-01T00:00:00.25+03:00");
        assert_eq!(moscow().name(), "Europe/Moscow");
        let utc = Zone::named("UTC").expect("a zone of the tz database");
        assert_eq!(
            (utc.name(), utc.local(Instant(0)).as_str()),
            ("UTC", "1970-01-01T00:00:00+00:00")
        );
    }

    #[test]
    fn a_day_belongs_to_its_zone() {
        let zone = moscow();
        assert_eq!(zone.day_of(instant("2026-11-21T20:59:59Z")).to_string(), "2026-11-21");
        assert_eq!(zone.day_of(instant("2026-11-21T21:00:00Z")).to_string(), "2026-11-22");
        let day = Day::parse("2014-10-26").expect("a day");
        assert_eq!(zone.start_of(day), instant("2014-10-25T20:00:00Z"));
        assert_eq!(zone.end_of(day), instant("2014-10-26T21:00:00Z"));
    }

    #[test]
    fn adding_months_keeps_the_day_or_takes_the_last() {
        let day = |text| Day::parse(text).expect("a day");
        assert_eq!(day("2024-01-31").plus_months(1), day("2024-02-29"));
        assert_eq!(day("2023-01-31").plus_months(1), day("2023-02-28"));
        assert_eq!(day("2024-03-31").minus_months(1), day("2024-02-29"));
        assert_eq!(Day::from_number(day("2024-03-31").number()), day("2024-03-31"));
        assert_eq!(Day::parse("2024-3-31"), None);
    }
}
