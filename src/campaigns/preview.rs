//! What a campaign would do now: the same members, groups, budget and reach as a run, without writing
//! anything.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::reach::{self, Contacts, Sender};
use super::{CampaignError, Loaded, needs_of, stats};
use crate::domain::amount::{Money, Points};
use crate::domain::campaign::budget::{Scope, Used};
use crate::domain::campaign::notice::{NoticeKind, Unreachable, month_of};
use crate::domain::campaign::{Arm, Channel, ControlGets, Step};
use crate::domain::ids::{MemberId, PartyId};
use crate::domain::terms::Coalition;
use crate::domain::time::{Day, Instant};
use crate::engine::Engine;
use crate::store::campaigns::audience::{self, Reading};
use crate::store::campaigns::{passes, takings};
use crate::store::{Database, StoreError, Use};

/// What a campaign would do.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    /// Who is meant and takes no part yet.
    pub planned: i64,
    /// Who takes part already.
    pub already: i64,
    /// Of the planned, by group, as far as the budget goes.
    pub arms: BTreeMap<Arm, i64>,
    /// Who gets points.
    pub granted: i64,
    /// How many points.
    pub points: Points,
    /// Their value at the funding price.
    pub money: Money,
    /// Who pays how much of it.
    pub funders: BTreeMap<PartyId, Money>,
    /// The budget that does not suffice.
    pub short_of: Option<Scope>,
    /// Who is told at least once.
    pub reachable: i64,
    /// The ways of the plan.
    pub ways: BTreeMap<(usize, usize), WayPreview>,
    /// What all notices cost.
    pub notices: Money,
}

/// What one way of the plan would do.
#[derive(Clone, Debug)]
pub struct WayPreview {
    /// The channel.
    pub channel: Channel,
    /// Who sends.
    pub party: PartyId,
    /// For how many it is tried.
    pub planned: i64,
    /// How many it reaches.
    pub reachable: i64,
    /// Why it does not reach the others.
    pub refused: BTreeMap<Unreachable, i64>,
    /// What its notices cost.
    pub cost: Money,
}

/// Looks at all that a campaign would do now.
///
/// # Errors
/// If the database fails.
pub fn preview(
    engine: &Engine,
    loaded: &Loaded,
    coalition: &Coalition,
) -> Result<Preview, CampaignError> {
    let mut needs = needs_of(loaded);
    if needs.is_counted() {
        stats::catch_up(engine)?;
    }
    needs.kinds.extend(reach::needs().kinds);
    let now = engine.clock().now();
    let mut database = engine.open(Use::Read)?;
    let reading = Reading { programme: &loaded.programme, needs: &needs, now };
    let today = reading.today();
    let id = loaded.row.campaign.as_str();
    let scopes = loaded.campaign.budget.0.keys();
    let used = passes::used(&mut database, id, scopes, today.number())?;
    let mut looking = Looking { loaded, coalition, now, used, found: Preview::default() };
    let mut after = -1;
    loop {
        let window = audience::window(&mut database, after, reading, &loaded.known_to)?;
        let Some(last) = window.last else { return Ok(looking.found) };
        let range = (after + 1, last.0);
        let taken = takings::taken(&mut database, id, range)?;
        let meant = window.meant(&loaded.campaign.audience, today);
        let new: Vec<(MemberId, Money)> = meant
            .iter()
            .filter(|member| !taken.contains(member))
            .map(|member| {
                let last_receipt = window.known(*member).map(|known| known.last_amount);
                (*member, last_receipt.unwrap_or_default())
            })
            .collect();
        looking.found.already += count(meant.len() - new.len());
        let told = looking.grant(new);
        let contacts = Contacts::of(&mut database, window, range)?;
        looking.tell(&mut database, &contacts, &told, range)?;
        after = last.0;
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

struct Looking<'a> {
    loaded: &'a Loaded,
    coalition: &'a Coalition,
    now: Instant,
    used: Used,
    found: Preview,
}

/// How many notices members got, and would get, by channel and month.
type Room = HashMap<(Channel, Day), HashMap<MemberId, i64>>;

impl Looking<'_> {
    /// Gives each what the budget allows; who of them is told.
    fn grant(&mut self, new: Vec<(MemberId, Money)>) -> Vec<MemberId> {
        let Loaded { campaign, programme, agreed, .. } = self.loaded;
        let mut told = Vec::with_capacity(new.len());
        for (member, last_receipt) in new {
            let points = campaign.points_for(last_receipt, programme);
            if campaign.grant.is_some() && points.is_zero() {
                continue;
            }
            self.found.planned += 1;
            if self.found.short_of.is_some() {
                continue;
            }
            let arm = self.loaded.arm(member);
            let gets_nothing = arm == Arm::Control
                && campaign.control.as_ref().is_some_and(|one| one.gets == ControlGets::Nothing);
            if campaign.grant.is_some() && !gets_nothing {
                let cost = campaign.cost_of(points, agreed.as_ref(), programme);
                if let Err(scope) = campaign.budget.take(&mut self.used, &cost) {
                    self.found.short_of = Some(scope);
                    continue;
                }
                self.found.granted += 1;
                self.found.points += cost.points;
                self.found.money += cost.money;
                for (party, money) in cost.funders {
                    *self.found.funders.entry(party).or_default() += money;
                }
            }
            *self.found.arms.entry(arm).or_default() += 1;
            if arm == Arm::Test {
                told.push(member);
            }
        }
        told
    }

    fn tell(
        &mut self,
        database: &mut Database,
        contacts: &Contacts,
        told: &[MemberId],
        range: (i64, i64),
    ) -> Result<(), StoreError> {
        let mut room = Room::new();
        let mut reached: HashSet<MemberId> = HashSet::new();
        for (number, step) in self.loaded.campaign.steps.iter().enumerate() {
            self.read_room(database, step, range, &mut room)?;
            let mut left = told.to_vec();
            for place in 0..step.ways.len() {
                left = self.try_way((number, place), step, (contacts, &mut room), left);
                let is_left: HashSet<MemberId> = left.iter().copied().collect();
                reached.extend(told.iter().copied().filter(|member| !is_left.contains(member)));
            }
        }
        self.found.reachable += count(reached.len());
        Ok(())
    }

    fn dates(&self) -> (Instant, Option<Instant>) {
        let zone = &self.loaded.programme.zone;
        let at = self.loaded.campaign.start.map_or(self.now, |start| start.max(self.now));
        let day = zone.day_of(at);
        let expires_at = self.loaded.campaign.valid_through(day).map_or_else(
            || self.loaded.programme.expiry_of(day, day),
            |through| zone.end_of(through),
        );
        (at, Some(expires_at))
    }

    fn read_room(
        &self,
        database: &mut Database,
        step: &Step,
        range: (i64, i64),
        room: &mut Room,
    ) -> Result<(), StoreError> {
        for way in &step.ways {
            let due = reach::due_at(self.loaded, way, self.dates());
            let key = (way.channel, month_of(&self.loaded.programme.zone, due));
            if let Entry::Vacant(place) = room.entry(key) {
                let used = reach::room_used(database, self.loaded, (way.channel, due), range)?;
                place.insert(used);
            }
        }
        Ok(())
    }

    /// Tries one way for members; those whom it does not reach.
    fn try_way(
        &mut self,
        place: (usize, usize),
        step: &Step,
        (contacts, room): (&Contacts, &mut Room),
        left: Vec<MemberId>,
    ) -> Vec<MemberId> {
        let way = &step.ways[place.1];
        let sender = Sender::of(self.coalition, &way.party);
        let due = reach::due_at(self.loaded, way, self.dates());
        let month = month_of(&self.loaded.programme.zone, due);
        let rules = self.loaded.rules(way.channel);
        let most = rules.most(NoticeKind::Promotional).map_or(i64::MAX, i64::from);
        let used = room.entry((way.channel, month)).or_default();
        let found = self.found.ways.entry(place).or_insert_with(|| WayPreview {
            channel: way.channel,
            party: way.party.clone(),
            planned: 0,
            reachable: 0,
            refused: BTreeMap::new(),
            cost: Money::ZERO,
        });
        let mut next = Vec::new();
        for member in left {
            found.planned += 1;
            let allowed = contacts.allow(member, way.channel, sender, NoticeKind::Promotional);
            let taken = used.entry(member).or_default();
            let has_room = if *taken < most { Ok(()) } else { Err(Unreachable::FrequencyCap) };
            let allowed = allowed.and(has_room);
            match allowed {
                Ok(()) => {
                    *taken += 1;
                    found.reachable += 1;
                    found.cost += rules.price;
                    self.found.notices += rules.price;
                }
                Err(reason) => {
                    *found.refused.entry(reason).or_default() += 1;
                    next.push(member);
                }
            }
        }
        next
    }
}
