//! Who may be meant: members in the order of their ids, a window at a time, and what is known of
//! them. Everything is read as a range of the window, never one by one.

use std::collections::{BTreeSet, HashMap};

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::super::StoreError;
use super::super::connection::{Database, each_backend, of_index};
use super::super::rows::{read_json, read_name};
use super::super::schema::{
    accounts, cards, consents, lots, member_days, member_names, member_products, member_stats,
    members, persons,
};
use super::super::ties;
use crate::domain::amount::{Money, Points};
use crate::domain::campaign::segment::{Need, Needs, ProductKind};
use crate::domain::campaign::{Attributes, Segment};
use crate::domain::ids::{MemberId, PartyId};
use crate::domain::terms::Programme;
use crate::domain::time::{Day, Instant};

/// Members that are looked at in one window.
pub const WINDOW: i64 = 10_000;

/// A word of a member: whose, for what, by which channel, and whether it is a yes.
type Consent = (i64, String, String, bool);

/// Some members in the order of their ids, from one to another, and what is known of them.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// Members of the programme that are no part of another and were not erased.
    pub members: Vec<MemberId>,
    /// The last member that was looked at; none: there are no more.
    pub last: Option<MemberId>,
    known: HashMap<i64, Attributes>,
}

/// How a window is read.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// In which programme.
    pub programme: &'a Programme,
    /// What is asked of members.
    pub needs: &'a Needs,
    /// At which instant.
    pub now: Instant,
}

impl Reading<'_> {
    /// The local day.
    pub fn today(&self) -> Day {
        self.programme.zone.day_of(self.now)
    }
}

impl Window {
    /// The members of the window that a segment means.
    pub fn meant(&self, segment: &Segment, today: Day) -> Vec<MemberId> {
        let nothing = Attributes::default();
        let is_meant = |member: &MemberId| {
            let known = self.known.get(&member.0).unwrap_or(&nothing);
            segment.matches(*member, known, today)
        };
        self.members.iter().copied().filter(is_meant).collect()
    }

    /// What is known of a member.
    pub fn known(&self, member: MemberId) -> Option<&Attributes> {
        self.known.get(&member.0)
    }

    fn of(&mut self, member: i64) -> &mut Attributes {
        self.known.entry(member).or_default()
    }

    /// Adds consents in the order of their time: the last word of a purpose and channel stays.
    fn add_consents(&mut self, rows: Vec<Consent>) {
        for (member, purpose, channel, given) in rows {
            self.of(member).consents.insert((purpose, channel), given);
        }
    }
}

/// Reads the window after a member. Meant are a programme's own members: those with an account or a
/// card in it, and those known to one of these parties.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn window(
    connection: &mut Database,
    after: i64,
    reading: Reading<'_>,
    known_to: &[PartyId],
) -> Result<Window, StoreError> {
    let rows: Vec<(i64, Option<i64>, Option<i64>)> = members::table
        .select((members::member, members::merged_into, members::erased_at))
        .filter(members::member.gt(after))
        .order(members::member)
        .limit(WINDOW)
        .load(connection)?;
    let (Some(&(first, ..)), Some(&(last, ..))) = (rows.first(), rows.last()) else {
        return Ok(Window::default());
    };
    let mut window = Window { last: Some(MemberId(last)), ..Window::default() };
    read_persons(connection, (first, last), &mut window)?;
    let there = rows.into_iter().filter(|(_, into, erased)| into.is_none() && erased.is_none());
    let there: BTreeSet<i64> = there.map(|(member, ..)| member).collect();
    let whose = (&reading.programme.id, known_to);
    let own = ties::members_of(connection, whose, (first, last), &there)?;
    window.members = there.intersection(&own).copied().map(MemberId).collect();
    read_wanted(connection, (first, last), reading, &mut window)?;
    Ok(window)
}

/// Reads what is asked of the members of a range, whoever they are.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn of_range(
    connection: &mut Database,
    range: Range,
    reading: Reading<'_>,
) -> Result<Window, StoreError> {
    let mut window = Window::default();
    read_wanted(connection, range, reading, &mut window)?;
    Ok(window)
}

/// Reads the consents of members, wherever they are.
///
/// # Errors
/// If the database fails.
pub fn consents_of(connection: &mut Database, members: &[i64]) -> Result<Window, StoreError> {
    let mut window = Window::default();
    for members in members.chunks(5_000) {
        let rows: Vec<Consent> = each_backend!(connection, |one| {
            consents::table
                .select((consents::member, consents::purpose, consents::channel, consents::given))
                .filter(consents::member.eq_any(members))
                .order(consents::at)
                .load(one)
        })?;
        window.add_consents(rows);
    }
    Ok(window)
}

/// A range of members, both ends included.
pub type Range = (i64, i64);

fn read_persons(
    connection: &mut Database,
    (first, last): Range,
    window: &mut Window,
) -> Result<(), StoreError> {
    let rows: Vec<(i64, String, String, Option<String>)> = persons::table
        .select((persons::member, persons::source, persons::stage, persons::city))
        .filter(persons::member.between(first, last))
        .load(connection)?;
    for (member, source, stage, city) in rows {
        let known = window.of(member);
        known.source = Some(source);
        known.stage = Some(stage);
        known.city = city.map(|city| city.to_lowercase());
    }
    Ok(())
}

fn read_wanted(
    connection: &mut Database,
    range: Range,
    reading: Reading<'_>,
    window: &mut Window,
) -> Result<(), StoreError> {
    let needs = reading.needs;
    if needs.has(Need::Tier) {
        read_tiers(connection, range, reading, window)?;
    }
    if needs.has(Need::Totals) {
        read_totals(connection, range, reading, window)?;
    }
    if let Some(days) = needs.days {
        read_days(connection, range, (reading, days), window)?;
    }
    if needs.has(Need::Balance) {
        read_balances(connection, range, reading, window)?;
    }
    if needs.has(Need::Cards) {
        read_cards(connection, range, reading, window)?;
    }
    for (kind, value) in &needs.bought {
        read_bought(connection, range, (reading, *kind, value), window)?;
    }
    if needs.has(Need::Consents) {
        read_consents(connection, range, window)?;
    }
    Ok(())
}

fn read_tiers(
    connection: &mut Database,
    (first, last): Range,
    reading: Reading<'_>,
    window: &mut Window,
) -> Result<(), StoreError> {
    let Some(tiers) = &reading.programme.tiers else { return Ok(()) };
    let rows: Vec<(i64, String)> = accounts::table
        .select((accounts::member, accounts::metric))
        .filter(accounts::member.between(first, last))
        .filter(accounts::programme.eq(reading.programme.id.as_str()))
        .load(connection)?;
    let today = reading.today();
    for (member, metric) in rows {
        let metric = read_json(&metric, "a tier's metric")?;
        window.of(member).tier = tiers.level_of(&metric, today).map(|level| level.id.clone());
    }
    Ok(())
}

fn read_totals(
    connection: &mut Database,
    (first, last): Range,
    reading: Reading<'_>,
    window: &mut Window,
) -> Result<(), StoreError> {
    let rows: Vec<(i64, i64, i64, i64, i64)> = member_stats::table
        .select((
            member_stats::member,
            member_stats::receipts,
            member_stats::spend,
            member_stats::last_day,
            member_stats::last_amount,
        ))
        .filter(member_stats::member.between(first, last))
        .filter(member_stats::programme.eq(reading.programme.id.as_str()))
        .load(connection)?;
    for (member, receipts, spend, last_day, last_amount) in rows {
        let known = window.of(member);
        known.receipts = receipts;
        known.spend = Money(spend);
        known.last_day = Some(Day::from_number(last_day));
        known.last_amount = Money(last_amount);
    }
    Ok(())
}

fn read_days(
    connection: &mut Database,
    (first, last): Range,
    (reading, days): (Reading<'_>, u32),
    window: &mut Window,
) -> Result<(), StoreError> {
    let after = reading.today().minus_days(days).number();
    let rows: Vec<(i64, i64, i64, i64)> = member_days::table
        .select((member_days::member, member_days::day, member_days::receipts, member_days::spend))
        .filter(member_days::member.between(first, last))
        .filter(member_days::programme.eq(reading.programme.id.as_str()))
        .filter(member_days::day.gt(after))
        .load(connection)?;
    for (member, day, receipts, spend) in rows {
        window.of(member).days.push((Day::from_number(day), receipts, Money(spend)));
    }
    Ok(())
}

fn read_balances(
    connection: &mut Database,
    (first, last): Range,
    reading: Reading<'_>,
    window: &mut Window,
) -> Result<(), StoreError> {
    let rows: Vec<(i64, i64)> = lots::table
        .group_by(lots::member)
        .select((lots::member, sql::<BigInt>("CAST(SUM(remaining) AS BIGINT)")))
        .filter(lots::member.between(first, last))
        .filter(lots::programme.eq(reading.programme.id.as_str()))
        .filter(lots::live)
        .filter(lots::available_at.le(reading.now.0))
        .filter(lots::expires_at.gt(reading.now.0))
        .load(connection)?;
    for (member, points) in rows {
        window.of(member).balance = Points(points);
    }
    Ok(())
}

fn read_cards(
    connection: &mut Database,
    (first, last): Range,
    reading: Reading<'_>,
    window: &mut Window,
) -> Result<(), StoreError> {
    // The states as they stand in the index, which is only for cards in use.
    let rows: Vec<(i64, String, String)> = cards::table
        .select((cards::member, cards::wallet, cards::state))
        .filter(cards::member.between(first, last))
        .filter(cards::programme.eq(reading.programme.id.as_str()))
        .filter(of_index("state IN ('active', 'frozen')"))
        .load(connection)?;
    for (member, wallet, state) in rows {
        if state == "active" {
            window.of(member).wallets.insert(read_name(&wallet)?);
        }
    }
    Ok(())
}

fn read_bought(
    connection: &mut Database,
    (first, last): Range,
    (reading, kind, value): (Reading<'_>, ProductKind, &str),
    window: &mut Window,
) -> Result<(), StoreError> {
    let rows: Vec<(i64, i64)> = member_products::table
        .select((member_products::member, member_products::last_day))
        .filter(member_products::member.between(first, last))
        .filter(member_products::programme.eq(reading.programme.id.as_str()))
        .filter(member_products::kind.eq(kind.name()))
        .filter(member_products::value.eq(value))
        .load(connection)?;
    for (member, day) in rows {
        let bought = &mut window.of(member).bought;
        bought.insert((kind, value.to_owned()), Day::from_number(day));
    }
    Ok(())
}

fn read_consents(
    connection: &mut Database,
    (first, last): Range,
    window: &mut Window,
) -> Result<(), StoreError> {
    let rows: Vec<Consent> = consents::table
        .select((consents::member, consents::purpose, consents::channel, consents::given))
        .filter(consents::member.between(first, last))
        .order(consents::at)
        .load(connection)?;
    window.add_consents(rows);
    Ok(())
}

/// How members of a range can be written to: the forms of their names, such as `phone`.
///
/// # Errors
/// If the database fails.
pub fn addresses(
    connection: &mut Database,
    (first, last): Range,
) -> Result<HashMap<MemberId, BTreeSet<String>>, StoreError> {
    // Only the form is read: nobody here needs the number.
    let rows: Vec<(i64, String)> = member_names::table
        .select((member_names::member, sql::<Text>("substr(name, 1, 6)")))
        .filter(member_names::member.between(first, last))
        .filter(member_names::name.like("phone:%").or(member_names::name.like("email:%")))
        .load(connection)?;
    let mut found: HashMap<MemberId, BTreeSet<String>> = HashMap::new();
    for (member, form) in rows {
        let form = form.trim_end_matches(':').to_owned();
        found.entry(MemberId(member)).or_default().insert(form);
    }
    Ok(found)
}
