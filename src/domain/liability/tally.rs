//! Adds lots up into a liability report.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;

use super::report::{
    Age, Breakage, Cohort, Figure, Loss, MonthLoss, Outstanding, ProgrammeLiability, Report,
};
use crate::domain::amount::Points;
use crate::domain::ids::ProgrammeId;
use crate::domain::lot::Lot;
use crate::domain::obligation::{Scales, value_of};
use crate::domain::terms::Programme;
use crate::domain::time::{Day, Instant};

/// The last days of the ages; what is older comes after them.
const AGES: [i64; 4] = [30, 90, 180, 365];

/// The names of the ranges of loss, in order.
const LOSSES: [&str; 8] =
    ["overdue", "days_30", "days_90", "days_180", "days_365", "later", "undated", "never"];

const OVERDUE: usize = 0;
const UNDATED: usize = 6;
const NEVER_LOST: usize = 7;

/// Months that are listed one by one.
const MONTHS: u32 = 12;

/// A lot as the report sees it.
#[derive(Clone, Debug)]
pub struct LotFigures {
    /// Of which programme.
    pub programme: ProgrammeId,
    /// The lot.
    pub lot: Lot,
    /// When it was made.
    pub made_at: Instant,
}

/// Points and their money.
#[derive(Clone, Copy, Default)]
struct Sum {
    points: i64,
    money: i64,
}

impl Sum {
    const fn add(&mut self, points: i64, money: i64) {
        self.points += points;
        self.money += money;
    }
}

#[derive(Clone, Copy, Default)]
struct CohortSum {
    issued: i64,
    remaining: i64,
    held: i64,
    expired: i64,
    money: i64,
}

/// The sums of one programme.
struct Sums {
    programme: Arc<Programme>,
    today: Day,
    pending: i64,
    available: i64,
    held: i64,
    debt: i64,
    funded: i64,
    due_at_burn: i64,
    ages: [Sum; AGES.len() + 1],
    cohorts: BTreeMap<String, CohortSum>,
    losses: [Sum; LOSSES.len()],
    months: BTreeMap<String, Sum>,
    lost: Sum,
    not_posted: i64,
}

/// A liability report that is being added up.
pub struct Tally {
    now: Instant,
    currency: String,
    programmes: BTreeMap<ProgrammeId, Sums>,
}

impl Tally {
    /// A report as of `now` of some programmes, with nothing in it.
    pub fn new(
        now: Instant,
        currency: &str,
        programmes: impl IntoIterator<Item = Arc<Programme>>,
    ) -> Self {
        let sums = |programme: Arc<Programme>| (programme.id.clone(), Sums::new(programme, now));
        let programmes = programmes.into_iter().map(sums).collect();
        Self { now, currency: currency.to_owned(), programmes }
    }

    /// Adds a lot. Gives back whether its programme is known.
    pub fn add_lot(&mut self, figures: &LotFigures) -> bool {
        let now = self.now;
        let sums = self.programmes.get_mut(&figures.programme);
        sums.map(|sums| sums.add(figures, now)).is_some()
    }

    /// Adds what members owe. Gives back whether the programme is known.
    pub fn add_debt(&mut self, programme: &ProgrammeId, debt: Points) -> bool {
        self.programmes.get_mut(programme).map(|sums| sums.debt += debt.0).is_some()
    }

    /// The report.
    pub fn finish(self) -> Report {
        Report {
            as_of: self.now,
            currency: self.currency,
            programmes: self.programmes.into_values().map(Sums::finish).collect(),
        }
    }
}

impl Sums {
    fn new(programme: Arc<Programme>, now: Instant) -> Self {
        let today = programme.zone.day_of(now);
        let coming = (0..MONTHS).map(|count| (month_of(today.plus_months(count)), Sum::default()));
        Self {
            today,
            pending: 0,
            available: 0,
            held: 0,
            debt: 0,
            funded: 0,
            due_at_burn: 0,
            ages: Default::default(),
            cohorts: BTreeMap::new(),
            losses: Default::default(),
            months: coming.collect(),
            lost: Sum::default(),
            not_posted: 0,
            programme,
        }
    }

    fn add(&mut self, figures: &LotFigures, now: Instant) {
        let LotFigures { lot, made_at, .. } = figures;
        let (free, due) =
            if lot.is_past(now) { (0, lot.remaining.0) } else { (lot.remaining.0, 0) };
        let (held, expired) = (lot.held.0, lot.expired.0 + due);
        let outstanding = free + held;
        let money = self.money_of(outstanding, lot.price);
        if lot.is_pending(now) {
            self.pending += free;
        } else {
            self.available += free;
        }
        self.held += held;
        self.funded += money;
        self.lost.add(expired, self.money_of(expired, lot.price));
        self.not_posted += due;
        let made = self.programme.zone.day_of(*made_at);
        let cohort = self.cohorts.entry(month_of(made)).or_default();
        cohort.issued += lot.granted.0;
        cohort.remaining += free;
        cohort.held += held;
        cohort.expired += expired;
        cohort.money += money;
        if outstanding != 0 {
            self.due_at_burn += lot.cost_of(Points(outstanding)).0;
            let days = self.today.number() - made.number();
            self.ages[AGES.partition_point(|last| *last < days)].add(outstanding, money);
            self.add_loss(lot, now, Sum { points: outstanding, money });
        }
    }

    fn add_loss(&mut self, lot: &Lot, now: Instant, sum: Sum) {
        let place = if lot.is_past(now) {
            OVERDUE
        } else if lot.expires_at.comes() {
            let last_good = self.programme.zone.day_of(lot.expires_at.plus_micros(-1));
            if let Some(month) = self.months.get_mut(&month_of(last_good)) {
                month.add(sum.points, sum.money);
            }
            let days = last_good.number() - self.today.number();
            OVERDUE + 1 + AGES.partition_point(|last| *last < days)
        } else if lot.awaits_delivery() {
            UNDATED
        } else {
            NEVER_LOST
        };
        self.losses[place].add(sum.points, sum.money);
    }

    /// Money of points of one lot, rounded half to even.
    fn money_of(&self, points: i64, price: Decimal) -> i64 {
        value_of(Points(points), price, self.programme.scales).0
    }

    fn finish(self) -> ProgrammeLiability {
        let Scales { points, money } = self.programme.scales;
        let points = |units| Figure { units, scale: points };
        let money = |units| Figure { units, scale: money };
        let total = self.pending + self.available + self.held;
        let outstanding = Outstanding {
            pending: points(self.pending),
            available: points(self.available),
            held: points(self.held),
            debt: points(self.debt),
            total: points(total),
            funded: money(self.funded),
            due_at_burn: money(self.due_at_burn),
            face: money(self.money_of(total, self.programme.point_value)),
        };
        let ages = self.ages.iter().enumerate().map(|(place, sum)| Age {
            from_days: place.checked_sub(1).map_or(0, |before| AGES[before] + 1),
            through_days: AGES.get(place).copied(),
            points: points(sum.points),
            funded: money(sum.money),
        });
        let cohort = |(month, sum): (&String, &CohortSum)| Cohort {
            month: month.clone(),
            issued: points(sum.issued),
            remaining: points(sum.remaining),
            held: points(sum.held),
            expired: points(sum.expired),
            used: points(sum.issued - sum.remaining - sum.held - sum.expired),
            funded: money(sum.money),
        };
        let loss = |(when, sum): (&&'static str, &Sum)| Loss {
            when,
            points: points(sum.points),
            funded: money(sum.money),
        };
        let month = |(month, sum): (&String, &Sum)| MonthLoss {
            month: month.clone(),
            points: points(sum.points),
            funded: money(sum.money),
        };
        ProgrammeLiability {
            programme: self.programme.id.clone(),
            outstanding,
            ages: ages.collect(),
            cohorts: self.cohorts.iter().map(cohort).collect(),
            losses: LOSSES.iter().zip(&self.losses).map(loss).collect(),
            months: self.months.iter().map(month).collect(),
            breakage: Breakage {
                points: points(self.lost.points),
                funded: money(self.lost.money),
                not_posted: points(self.not_posted),
            },
        }
    }
}

/// The month of a day: `YYYY-MM`.
fn month_of(day: Day) -> String {
    let mut text = day.to_string();
    text.truncate("YYYY-MM".len());
    text
}
