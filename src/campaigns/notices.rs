//! Notices of campaigns: planned with the grant, told to their party when they are due.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::json;

use super::reach::{self, Contacts, Sender};
use super::{Loaded, load, next_allowed_by};
use crate::domain::amount::Points;
use crate::domain::campaign::notice::{NoticeKind, NoticeState, Unreachable, month_of};
use crate::domain::campaign::{CampaignState, Channel, Step, When};
use crate::domain::ids::MemberId;
use crate::domain::terms::Coalition;
use crate::domain::time::{Day, Instant};
use crate::engine::Engine;
use crate::store::campaigns::audience::{self, Range, Reading};
use crate::store::campaigns::takings::Taking;
use crate::store::notices::{self, NO_CAMPAIGN, NoticeRow};
use crate::store::outbox::{self, Fact};
use crate::store::rows::read_name;
use crate::store::{Database, StoreError, campaigns, members};

/// Notices that are told in one commit.
const AT_ONCE: i64 = 2_000;

/// Why a notice of a stopped campaign does not go out.
pub const CAMPAIGN_STOPPED: &str = "campaign_stopped";

/// Why a reminder of points does not go out.
const NOTHING_LEFT: &str = "nothing_left";

/// Plans the notices of those who take part from now on: the first way of each step that reaches
/// them and has room under its cap; if none does, the notice is there as refused, with why.
///
/// # Errors
/// If the database fails.
pub fn plan(
    database: &mut Database,
    (loaded, coalition): (&Loaded, &Coalition),
    told: &[Taking],
    now: Instant,
) -> Result<(), StoreError> {
    let (Some(first), Some(last)) = (told.first(), told.last()) else { return Ok(()) };
    if loaded.campaign.steps.is_empty() {
        return Ok(());
    }
    let range: Range = (first.member.0, last.member.0);
    let needs = reach::needs();
    let reading = Reading { programme: &loaded.programme, needs: &needs, now };
    let contacts = Contacts::read(database, reading, range)?;
    for (number, step) in (0..).zip(&loaded.campaign.steps) {
        let mut planning =
            Planning { loaded, coalition, contacts: &contacts, number, now, rows: Vec::new() };
        planning.step(database, step, told)?;
        notices::add(database, &planning.rows)?;
    }
    Ok(())
}

struct Planning<'a> {
    loaded: &'a Loaded,
    coalition: &'a Coalition,
    contacts: &'a Contacts,
    number: i64,
    now: Instant,
    rows: Vec<NoticeRow>,
}

impl Planning<'_> {
    fn step(
        &mut self,
        database: &mut Database,
        step: &Step,
        told: &[Taking],
    ) -> Result<(), StoreError> {
        let mut left: Vec<Taking> = told.to_vec();
        let mut why: HashMap<MemberId, (usize, Unreachable)> = HashMap::new();
        for (place, way) in step.ways.iter().enumerate() {
            let sender = Sender::of(self.coalition, &way.party);
            let mut by_month: BTreeMap<Day, Vec<(Taking, Instant)>> = BTreeMap::new();
            let mut next = Vec::new();
            for taking in left {
                let due = reach::due_at(self.loaded, way, (taking.at, taking.expires_at));
                match self.contacts.allow(
                    taking.member,
                    way.channel,
                    sender,
                    NoticeKind::Promotional,
                ) {
                    Ok(()) => {
                        let month = month_of(&self.loaded.programme.zone, due);
                        by_month.entry(month).or_default().push((taking, due));
                    }
                    Err(reason) => {
                        why.insert(taking.member, (place, reason));
                        next.push(taking);
                    }
                }
            }
            for group in by_month.into_values() {
                let members: Vec<MemberId> = group.iter().map(|(one, _)| one.member).collect();
                let at = group[0].1;
                let fit = reach::take_room(database, self.loaded, (way.channel, at), &members)?;
                for (taking, due) in group {
                    if fit.contains(&taking.member) {
                        let row = self.row(step, (place, taking.member), due, None);
                        self.rows.push(row);
                    } else {
                        why.insert(taking.member, (place, Unreachable::FrequencyCap));
                        next.push(taking);
                    }
                }
            }
            next.sort_unstable_by_key(|one| one.member);
            left = next;
        }
        for taking in left {
            let Some(&(place, reason)) = why.get(&taking.member) else { continue };
            let way = &step.ways[place];
            let due = reach::due_at(self.loaded, way, (taking.at, taking.expires_at));
            let row = self.row(step, (place, taking.member), due, Some(reason));
            self.rows.push(row);
        }
        Ok(())
    }

    fn row(
        &self,
        step: &Step,
        (place, member): (usize, MemberId),
        due_at: Instant,
        refused: Option<Unreachable>,
    ) -> NoticeRow {
        let way = &step.ways[place];
        let state = if refused.is_some() { NoticeState::Refused } else { NoticeState::Planned };
        let next_at = refused.filter(|one| *one == Unreachable::FrequencyCap).map(|_| {
            let rules = self.loaded.rules(way.channel);
            let zone = &self.loaded.programme.zone;
            next_allowed_by(&rules, NoticeKind::Promotional, zone, due_at).0
        });
        NoticeRow {
            campaign: self.loaded.row.campaign.clone(),
            step: self.number,
            member: member.0,
            programme: self.loaded.programme.id.to_string(),
            channel: way.channel.name().to_owned(),
            party: way.party.to_string(),
            kind: NoticeKind::Promotional.name().to_owned(),
            state: state.name().to_owned(),
            reason: refused.map(|one| one.name().to_owned()),
            next_at,
            way: i64::try_from(place).unwrap_or(0),
            text: None,
            planned_at: self.now.0,
            due_at: due_at.0,
            told_at: None,
            sent_at: None,
            delivered_at: None,
            opened_at: None,
            clicked_at: None,
        }
    }
}

/// The id of a notice: its campaign, its step and its member.
pub fn notice_id(row: &NoticeRow) -> String {
    format!("{}/{}/{}", row.campaign, row.step, MemberId(row.member))
}

/// Reads the id of a notice.
pub fn parse_id(text: &str) -> Option<(String, i64, MemberId)> {
    let (rest, member) = text.rsplit_once('/')?;
    let (campaign, step) = rest.split_once('/')?;
    Some((campaign.to_owned(), step.parse().ok()?, member.parse().ok()?))
}

/// Tells parties of notices that are due. Gives back how many were looked at.
///
/// # Errors
/// If the database fails.
pub fn tell(engine: &Engine) -> Result<usize, StoreError> {
    let now = engine.clock().now();
    let timeline = engine.timeline();
    engine.write(|database| {
        let rows = notices::due(database, now, AT_ONCE)?;
        let mut telling = Telling { coalition: timeline.at(now), now, facts: Vec::new() };
        let mut by_campaign: BTreeMap<&str, Vec<&NoticeRow>> = BTreeMap::new();
        for row in &rows {
            by_campaign.entry(&row.campaign).or_default().push(row);
        }
        for (campaign, mut rows) in by_campaign {
            rows.sort_unstable_by_key(|row| row.member);
            telling.campaign(database, campaign, &rows)?;
        }
        outbox::add(database, now, &telling.facts)?;
        Ok(rows.len())
    })
}

struct Telling<'a> {
    coalition: &'a Coalition,
    now: Instant,
    facts: Vec<Fact>,
}

impl Telling<'_> {
    fn campaign(
        &mut self,
        database: &mut Database,
        campaign: &str,
        rows: &[&NoticeRow],
    ) -> Result<(), StoreError> {
        let loaded = if campaign == NO_CAMPAIGN {
            None
        } else {
            let row = campaigns::find(database, campaign)?;
            // A campaign that does not fit the configuration any more tells nobody.
            row.and_then(|row| load(database, row, self.coalition).ok())
        };
        let runs = loaded.as_ref().is_some_and(|one| one.state == CampaignState::Running)
            || campaign == NO_CAMPAIGN;
        let members: Vec<i64> = rows.iter().map(|row| row.member).collect();
        let left = notices::points_left(database, campaign, &members)?;
        let agreed = Self::agreed(database, rows)?;
        // Who was erased since is told nothing.
        let there = members::current(database, &members)?;
        let mut cards: HashMap<(&str, &str), HashMap<i64, String>> = HashMap::new();
        for row in rows {
            let key = (row.programme.as_str(), row.party.as_str());
            if let Entry::Vacant(place) = cards.entry(key) {
                place.insert(notices::card_numbers(database, key, &members)?);
            }
        }
        let mut settled: BTreeMap<(i64, Result<(), &str>), Vec<i64>> = BTreeMap::new();
        for row in rows {
            let way = loaded.as_ref().and_then(|loaded| {
                let step = loaded.campaign.steps.get(usize::try_from(row.step).ok()?)?;
                step.ways.get(usize::try_from(row.way).ok()?)
            });
            let points = left.get(&row.member).copied();
            let reminds = way.is_some_and(|way| matches!(way.when, When::DaysBeforeExpiry(_)));
            let outcome = if !runs {
                Err(CAMPAIGN_STOPPED)
            } else if !there.contains_key(&MemberId(row.member)) {
                Err(Unreachable::NoAddress.name())
            } else if !agreed.contains(&(row.member, row.channel.as_str()))
                && row.kind == NoticeKind::Promotional.name()
            {
                Err(Unreachable::NoConsent.name())
            } else if reminds && points == Some(0) {
                Err(NOTHING_LEFT)
            } else {
                Ok(())
            };
            settled.entry((row.step, outcome)).or_default().push(row.member);
            if outcome.is_ok() {
                let text = row.text.as_deref().or(way.map(|way| way.text.as_str()));
                let card = cards.get(&(row.programme.as_str(), row.party.as_str()));
                let card = card.and_then(|cards| cards.get(&row.member));
                self.tell(row, text, (points, card))?;
            }
        }
        for ((step, outcome), members) in settled {
            notices::settle(database, (campaign, step, &members), outcome, self.now)?;
        }
        Ok(())
    }

    /// Who still agrees to the channel of their notice: somebody may have changed their mind.
    fn agreed<'a>(
        database: &mut Database,
        rows: &[&'a NoticeRow],
    ) -> Result<HashSet<(i64, &'a str)>, StoreError> {
        let members: Vec<i64> = rows.iter().map(|row| row.member).collect();
        let consents = audience::consents_of(database, &members)?;
        let may_be_told = |row: &&&NoticeRow| {
            let channel = Channel::named(&row.channel)?;
            let known = consents.known(MemberId(row.member))?;
            Some(known.agreed("marketing", channel.consent()))
        };
        let agreed = rows.iter().filter(|row| may_be_told(row).unwrap_or(false));
        Ok(agreed.map(|row| (row.member, row.channel.as_str())).collect())
    }

    fn tell(
        &mut self,
        row: &NoticeRow,
        text: Option<&str>,
        (points, card): (Option<i64>, Option<&String>),
    ) -> Result<(), StoreError> {
        let programme = read_name(&row.programme)?;
        let scale = self.coalition.programmes.get(&programme).map_or(0, |one| one.scales.points);
        let mut data = json!({
            "notice": notice_id(row),
            "channel": row.channel,
            "kind": row.kind,
            "text": text,
            "due_at": Instant(row.due_at),
        });
        if row.campaign != NO_CAMPAIGN {
            data["campaign"] = json!(row.campaign);
        }
        if let Some(points) = points {
            data["points"] = json!(Points(points).text(scale));
        }
        if let Some(card) = card {
            data["card"] = json!(card);
        }
        self.facts.push(Fact {
            event: "notice.due",
            party: Some(read_name(&row.party)?),
            programme: Some(programme),
            member: Some(MemberId(row.member)),
            data,
        });
        Ok(())
    }
}
