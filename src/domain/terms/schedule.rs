//! Settlement schedules: when cycles begin and end, and when what they come to is paid.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Invalid;
use super::rate::Rate;
use crate::domain::amount::{MONEY_MAX, Money, parse_decimal};
use crate::domain::ids::ScheduleId;
use crate::domain::settlement::CycleId;
use crate::domain::time::{Day, Instant, Zone};

/// The longest payment term, in banking days, and the longest times of disputes, in days.
pub const TERM_DAYS_MAX: u32 = 180;

/// How long a cycle is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// Every settlement day.
    #[default]
    Daily,
    /// Monday to Sunday.
    Weekly,
    /// From the 1st and from the 16th.
    HalfMonthly,
    /// From the 1st.
    Monthly,
}

/// What is paid of the positions of a cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Netting {
    /// One net for each party, with the clearing house.
    #[default]
    Multilateral,
    /// One net for each pair of parties.
    Bilateral,
    /// Each direction of each pair for itself.
    Gross,
}

/// A settlement schedule, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Its name.
    pub id: ScheduleId,
    /// How long its cycles are.
    pub period: Period,
    /// At which minute after midnight a settlement day ends; 0: at midnight.
    pub cut_off: u32,
    /// The zone of its days.
    pub zone: Zone,
    /// What is paid.
    pub netting: Netting,
    /// A net below this is carried over into the next cycle.
    pub carry_below: Money,
    /// Banking days from the end of a cycle to the day on which it is to be paid.
    pub payment_term_days: u32,
    /// Days on which no bank works, besides Saturdays and Sundays.
    pub holidays: BTreeSet<Day>,
    /// Saturdays and Sundays on which banks work all the same, as a decree moved a day off.
    pub workdays: BTreeSet<Day>,
    /// Days after publication within which a party can object.
    pub dispute_days: u32,
    /// Whether an amount in dispute is set aside.
    pub dispute_reserves: bool,
}

/// A settlement schedule as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleDocument {
    /// Its name.
    pub id: ScheduleId,
    /// How long its cycles are.
    #[serde(default)]
    pub period: Period,
    /// When a settlement day ends, as `HH:MM`; none: at midnight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_off: Option<String>,
    /// The zone of its days; none: the coalition's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// What is paid.
    #[serde(default)]
    pub netting: Netting,
    /// A net below this is carried over; none: nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carry_below: Option<Rate>,
    /// Banking days until payment.
    #[serde(default)]
    pub payment_term_days: u32,
    /// Days on which no bank works, besides Saturdays and Sundays.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub holidays: BTreeSet<Day>,
    /// Saturdays and Sundays on which banks work all the same, as a decree moved a day off.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub workdays: BTreeSet<Day>,
    /// Days within which a party can object; none: 30.
    #[serde(default = "thirty")]
    pub dispute_days: u32,
    /// Whether an amount in dispute is set aside until the dispute ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dispute_reserves: bool,
}

const fn thirty() -> u32 {
    30
}

impl ScheduleDocument {
    /// The coalition's own schedule as it stands when the server is set up.
    pub fn main(period: Period) -> Self {
        Self {
            id: ScheduleId::main(),
            period,
            cut_off: None,
            timezone: None,
            netting: Netting::default(),
            carry_below: None,
            payment_term_days: 0,
            holidays: BTreeSet::new(),
            workdays: BTreeSet::new(),
            dispute_days: thirty(),
            dispute_reserves: false,
        }
    }

    /// Checks the document with the coalition's zone and the decimals of its currency.
    ///
    /// # Errors
    /// The first thing that can't be taken, with its place.
    pub fn check(&self, zone: &Zone, money_scale: u32) -> Result<Schedule, Invalid> {
        let zone = match &self.timezone {
            None => zone.clone(),
            Some(name) => Zone::named(name)
                .ok_or_else(|| Invalid::at("/timezone", "use a name of the tz database"))?,
        };
        let carry_below = match self.carry_below {
            None => Money::ZERO,
            Some(rate) => parse_decimal(&rate.0.to_string(), money_scale, MONEY_MAX)
                .map(Money)
                .map_err(|error| Invalid::at("/carry_below", error.to_string()))?,
        };
        for (days, pointer) in
            [(self.payment_term_days, "/payment_term_days"), (self.dispute_days, "/dispute_days")]
        {
            if days > TERM_DAYS_MAX {
                return Err(Invalid::at(pointer, format!("at most {TERM_DAYS_MAX} days")));
            }
        }
        let is_wrong = |day: &&Day| day.since_monday() < 5 || self.holidays.contains(day);
        if let Some(day) = self.workdays.iter().find(is_wrong) {
            let detail = format!("{day} is no Saturday or Sunday, or stands in `holidays` too");
            return Err(Invalid::at("/workdays", detail));
        }
        Ok(Schedule {
            id: self.id.clone(),
            period: self.period,
            cut_off: self.cut_off.as_deref().map_or(Ok(0), minutes_of)?,
            zone,
            netting: self.netting,
            carry_below,
            payment_term_days: self.payment_term_days,
            holidays: self.holidays.clone(),
            workdays: self.workdays.clone(),
            dispute_days: self.dispute_days,
            dispute_reserves: self.dispute_reserves,
        })
    }
}

fn minutes_of(text: &str) -> Result<u32, Invalid> {
    let digits = |part: &str| {
        let plain = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u32>().ok().filter(|_| plain)
    };
    let (hours, minutes) = text.split_once(':').unwrap_or((text, ""));
    match (digits(hours), digits(minutes)) {
        (Some(hours @ 0..24), Some(minutes @ 0..60)) => Ok(hours * 60 + minutes),
        _ => Err(Invalid::at("/cut_off", "write a time as HH:MM, from 00:00 to 23:59")),
    }
}

impl Schedule {
    /// Whether cycles of the two begin and end at the same instants.
    pub fn keeps_time_with(&self, other: &Self) -> bool {
        (self.period, self.cut_off, &self.zone) == (other.period, other.cut_off, &other.zone)
    }

    /// The settlement day of an instant. One that ends at 21:00 began at 21:00 of the day before.
    pub fn day_of(&self, instant: Instant) -> Day {
        let day = self.zone.day_of(instant);
        let is_over = self.cut_off > 0 && self.zone.at_minute(day, self.cut_off) <= instant;
        if is_over { day.plus_days(1) } else { day }
    }

    /// The first settlement day of the cycle that a settlement day lies in.
    pub fn first_of(&self, day: Day) -> Day {
        match self.period {
            Period::Daily => day,
            Period::Weekly => day.minus_days(day.since_monday()),
            Period::HalfMonthly if day.day_of_month() >= 16 => day.with_day_of_month(16),
            Period::HalfMonthly | Period::Monthly => day.with_day_of_month(1),
        }
    }

    /// The cycle of an instant.
    pub fn cycle_of(&self, instant: Instant) -> CycleId {
        self.cycle(self.first_of(self.day_of(instant)))
    }

    /// The cycle that begins with a settlement day.
    pub fn cycle(&self, first: Day) -> CycleId {
        CycleId { schedule: self.id.clone(), first }
    }

    /// Whether a cycle begins with a settlement day.
    pub fn begins_with(&self, day: Day) -> bool {
        self.first_of(day) == day
    }

    /// The first day of the cycle after the one that begins with `first`.
    pub fn next(&self, first: Day) -> Day {
        match self.period {
            Period::Daily => first.plus_days(1),
            Period::Weekly => first.plus_days(7),
            Period::HalfMonthly if first.day_of_month() == 1 => first.with_day_of_month(16),
            Period::HalfMonthly | Period::Monthly => first.plus_months(1).with_day_of_month(1),
        }
    }

    /// The first day of the cycle before the one that begins with `first`.
    pub fn previous(&self, first: Day) -> Day {
        self.first_of(first.minus_days(1))
    }

    /// The last settlement day of the cycle that begins with `first`.
    pub fn last_day(&self, first: Day) -> Day {
        self.next(first).minus_days(1)
    }

    /// When the cycle that begins with `first` begins.
    pub fn opens(&self, first: Day) -> Instant {
        if self.cut_off == 0 {
            self.zone.start_of(first)
        } else {
            self.zone.at_minute(first.minus_days(1), self.cut_off)
        }
    }

    /// When the cycle that begins with `first` is over.
    pub fn closes(&self, first: Day) -> Instant {
        self.opens(self.next(first))
    }

    /// The day on which a cycle is to be paid: so many banking days after its last day.
    pub fn due(&self, first: Day) -> Day {
        let mut day = self.last_day(first).plus_days(1);
        let mut left = self.payment_term_days;
        loop {
            if self.is_banking_day(day) {
                if left == 0 {
                    return day;
                }
                left -= 1;
            }
            day = day.plus_days(1);
        }
    }

    fn is_banking_day(&self, day: Day) -> bool {
        let is_off = day.since_monday() >= 5 || self.holidays.contains(&day);
        !is_off || self.workdays.contains(&day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    fn schedule(period: Period, cut_off: Option<&str>) -> Schedule {
        let document = ScheduleDocument {
            cut_off: cut_off.map(str::to_owned),
            payment_term_days: 2,
            holidays: BTreeSet::from([day("2026-06-12")]),
            ..ScheduleDocument::main(period)
        };
        let zone = Zone::named("Europe/Moscow").expect("a zone");
        document.check(&zone, 2).expect("a schedule")
    }

    #[test]
    fn every_instant_lies_in_exactly_one_cycle() {
        for period in [Period::Daily, Period::Weekly, Period::HalfMonthly, Period::Monthly] {
            for cut_off in [None, Some("21:30")] {
                let schedule = schedule(period, cut_off);
                let mut first = schedule.first_of(day("2024-01-31"));
                for _ in 0..60 {
                    let (opens, closes) = (schedule.opens(first), schedule.closes(first));
                    assert!(opens < closes);
                    for inside in [opens, closes.plus_micros(-1)] {
                        assert_eq!(schedule.cycle_of(inside).first, first, "{period:?}");
                    }
                    assert!(schedule.begins_with(first));
                    assert_eq!(schedule.previous(schedule.next(first)), first);
                    first = schedule.next(first);
                }
            }
        }
    }

    #[test]
    fn a_day_with_a_cut_off_begins_the_evening_before() {
        let schedule = schedule(Period::Daily, Some("21:00"));
        let at = |text| schedule.day_of(Instant::parse(text).expect("an instant"));
        assert_eq!(at("2026-06-10T20:59:59+03:00"), day("2026-06-10"));
        assert_eq!(at("2026-06-10T21:00:00+03:00"), day("2026-06-11"));
    }

    #[test]
    fn a_term_counts_banking_days() {
        let daily = schedule(Period::Daily, None);
        // From Wednesday the 10th: Thursday, then a holiday and the weekend, Monday, Tuesday.
        assert_eq!(daily.due(day("2026-06-10")), day("2026-06-16"));
        assert_eq!(schedule(Period::Monthly, None).due(day("2026-05-01")), day("2026-06-03"));
    }

    #[test]
    fn a_term_counts_days_off_that_a_decree_moved() {
        let zone = Zone::named("Europe/Moscow").expect("a zone");
        let due = |workdays: &[&str]| {
            let document = ScheduleDocument {
                payment_term_days: 2,
                holidays: BTreeSet::from([day("2025-11-03"), day("2025-11-04")]),
                workdays: workdays.iter().map(|text| day(text)).collect(),
                ..ScheduleDocument::main(Period::Daily)
            };
            document.check(&zone, 2).map(|schedule| schedule.due(day("2025-10-30")))
        };
        // Friday the 31st, then a weekend and two holidays, Wednesday the 5th, Thursday the 6th.
        assert_eq!(due(&[]), Ok(day("2025-11-06")));
        // Saturday the 1st is worked for Monday the 3rd.
        assert_eq!(due(&["2025-11-01"]), Ok(day("2025-11-05")));
        for wrong in ["2025-11-03", "2025-11-05"] {
            assert_eq!(due(&[wrong]).map_err(|error| error.pointer), Err("/workdays".to_owned()));
        }
    }

    #[test]
    fn a_cut_off_is_a_time_of_day() {
        for text in ["24:00", "7:00", "12:60", "noon", ""] {
            assert!(minutes_of(text).is_err(), "{text}");
        }
        assert_eq!(minutes_of("23:59"), Ok(1_439));
    }
}
