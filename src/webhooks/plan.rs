//! Planning: events become deliveries, endpoint by endpoint.
//!
//! Each endpoint has its own place. Those that stand at the same place are served by one reading of
//! the journals, and after each round all that keep up stand at the same place again. A place moves
//! in the commit of its deliveries, and only from where it was believed to stand: of two servers
//! that plan at once, one moves it.

use std::collections::BTreeMap;

use super::endpoint::wants;
use crate::domain::ids::PartyId;
use crate::domain::terms::Coalition;
use crate::engine::Engine;
use crate::events::{self, Bounds, Page, Place, Told};
use crate::store::StoreError;
use crate::store::deliveries::{self, DeliveryRow};
use crate::store::webhooks::{self, ReplayRow, WebhookRow};

/// What one reading gives.
const BOUNDS: Bounds = Bounds { events: 1_000, rows: 2_000 };

/// Readings for one group of endpoints in one round.
const READINGS_MAX: usize = 20;

/// Deliveries of one endpoint that may wait. The rest waits in the journals, where it costs nothing.
const WAITING_MAX: i64 = 20_000;

/// Spans that one round goes on with.
const REPLAYS_AT_ONCE: i64 = 20;

/// Plans what has come since the last round. Gives back the endpoints that take calls.
///
/// # Errors
/// If the database fails.
pub fn plan(engine: &Engine) -> Result<Vec<WebhookRow>, StoreError> {
    let all = engine.read(webhooks::enabled)?;
    if all.is_empty() {
        return Ok(all);
    }
    let coalition = engine.timeline().at(engine.clock().now()).clone();
    let target = engine.read(events::end)?;
    let mut groups: BTreeMap<&str, Vec<Wanting>> = BTreeMap::new();
    let there = target.to_string();
    for row in all.iter().filter(|row| row.place != there) {
        if !engine.read(|one| deliveries::wait_at_least(one, row.webhook, WAITING_MAX))? {
            groups.entry(&row.place).or_default().push(Wanting::of(row)?);
        }
    }
    let planning = Planning { engine, coalition: &coalition, target: &target };
    for (place, group) in groups {
        planning.take_on(place, group)?;
    }
    let numbers: Vec<i64> = all.iter().map(|row| row.webhook).collect();
    for replay in engine.read(|one| webhooks::replays(one, &numbers, REPLAYS_AT_ONCE))? {
        if let Some(row) = all.iter().find(|row| row.webhook == replay.webhook) {
            planning.replay(&replay, &Wanting::of(row)?)?;
        }
    }
    Ok(all)
}

/// An endpoint, as far as planning is concerned.
struct Wanting {
    webhook: i64,
    party: PartyId,
    types: Vec<String>,
}

impl Wanting {
    fn of(row: &WebhookRow) -> Result<Self, StoreError> {
        let party = crate::store::rows::read_name(&row.party)?;
        Ok(Self { webhook: row.webhook, party, types: row.wanted_types()? })
    }

    fn wants(&self, told: &Told, coalition: &Coalition) -> bool {
        wants(&self.types, &told.event.kind) && told.is_for(&self.party, coalition)
    }
}

struct Planning<'a> {
    engine: &'a Engine,
    coalition: &'a Coalition,
    target: &'a Place,
}

impl Planning<'_> {
    /// Takes the endpoints that stand at a place on to the target, or as far as a round goes.
    fn take_on(&self, place: &str, mut group: Vec<Wanting>) -> Result<(), StoreError> {
        let mut place = read_place(place)?;
        for _ in 0..READINGS_MAX {
            if group.is_empty() || place.has_reached(self.target) {
                return Ok(());
            }
            let page = self.page((&place, self.target), &group)?;
            let (from, to) = (place.to_string(), page.place.to_string());
            let mut still = Vec::new();
            for one in group {
                let rows = self.rows_of(&one, &page);
                let moved = self.engine.write::<_, StoreError>(|database| {
                    let moved = webhooks::move_on(database, one.webhook, (&from, &to))?;
                    if moved {
                        deliveries::add(database, &rows)?;
                    }
                    Ok(moved)
                })?;
                if moved {
                    still.push(one);
                }
            }
            group = still;
            place = page.place;
        }
        Ok(())
    }

    /// Goes on with a span that is sent once more.
    fn replay(&self, replay: &ReplayRow, to: &Wanting) -> Result<(), StoreError> {
        let (place, target) = (read_place(&replay.place)?, read_place(&replay.target)?);
        if self.engine.read(|one| deliveries::wait_at_least(one, to.webhook, WAITING_MAX))? {
            return Ok(());
        }
        let page = self.page((&place, &target), std::slice::from_ref(to))?;
        let rows = self.rows_of(to, &page);
        let next = page.more.then(|| page.place.to_string());
        self.engine.write(|database| {
            if webhooks::move_replay_on(database, replay, next.as_deref())? {
                deliveries::add_again(database, &rows)?;
            }
            Ok(())
        })
    }

    fn page(&self, span: (&Place, &Place), group: &[Wanting]) -> Result<Page, StoreError> {
        let wanted = |told: &Told| group.iter().any(|one| one.wants(told, self.coalition));
        let (from, until) = span;
        self.engine
            .read(|one| events::read(one, self.coalition, (from, Some(until)), BOUNDS, &wanted))
    }

    fn rows_of(&self, to: &Wanting, page: &Page) -> Vec<DeliveryRow> {
        let now = self.engine.clock().now();
        let wanted = page.told.iter().filter(|told| to.wants(told, self.coalition));
        let row = |told: &Told| {
            let names = (told.event.id.to_string(), told.event.kind.clone());
            DeliveryRow::new(to.webhook, names, told.event.body(), now)
        };
        wanted.map(row).collect()
    }
}

fn read_place(text: &str) -> Result<Place, StoreError> {
    text.parse().map_err(|_| StoreError::Damaged(format!("the place of a webhook: {text}")))
}
