//! Reading events from a place on, in the order of their instants, a bounded piece at a time.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, VecDeque};

use super::Place;
use crate::domain::event::{Event, EventId, events_of};
use crate::domain::ids::{MemberId, PartyId, ProgrammeId, ShardId, TransactionId};
use crate::domain::terms::Coalition;
use crate::domain::time::Instant;
use crate::domain::transaction::Transaction;
use crate::store::events::{self as stored, Holding};
use crate::store::outbox::{self, Placed};
use crate::store::{Database, StoreError, journal, views};

/// Rows that a stream reads at once: the fewest and the most.
const ROWS_OF_STREAM: (usize, usize) = (8, 256);

/// How much one call reads.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Events that are given back.
    pub events: usize,
    /// Transactions and facts that are looked at.
    pub rows: usize,
}

/// An event, and who may know of it.
#[derive(Clone, Debug)]
pub struct Told {
    /// The event.
    pub event: Event,
    alone: Option<String>,
    poster: Option<PartyId>,
    brands: Vec<PartyId>,
    wallets: Vec<String>,
}

impl Told {
    /// Whether a party may know of it: whom alone it is told; else who posted it, the brand of its
    /// programme, and who issued a card of it to the member. The clearing house may know of all.
    pub fn is_for(&self, party: &PartyId, coalition: &Coalition) -> bool {
        if *party == coalition.operator {
            return true;
        }
        if let Some(alone) = &self.alone {
            return alone == party.as_str();
        }
        self.poster.as_ref() == Some(party)
            || self.brands.contains(party)
            || self.wallets.iter().any(|wallet| wallet == party.as_str())
    }
}

/// What was read.
#[derive(Clone, Debug)]
pub struct Page {
    /// The events that were wanted.
    pub told: Vec<Told>,
    /// The place after them.
    pub place: Place,
    /// Whether there was more to read.
    pub more: bool,
}

/// The end of all that there is now.
///
/// # Errors
/// If the database fails.
pub fn end(database: &mut Database) -> Result<Place, StoreError> {
    let (outbox, shards) = stored::ends(database)?;
    Ok(Place { outbox, shards, within: None })
}

/// The place before what happened at an instant or later.
///
/// # Errors
/// If the database fails.
pub fn since(database: &mut Database, at: Instant) -> Result<Place, StoreError> {
    let stretches = journal::stretches(database, (at, at))?;
    let shards = stretches.into_iter().filter(|one| one.shard != ShardId::HOUSE);
    let shards = shards.map(|one| one.from - 1).collect();
    Ok(Place { outbox: stored::outbox_since(database, at)?, shards, within: None })
}

/// Reads on from a place, at most to another, and gives back the events that are wanted.
///
/// # Errors
/// If the database fails, or what is stored can't be read.
pub fn read(
    database: &mut Database,
    coalition: &Coalition,
    (from, until): (&Place, Option<&Place>),
    bounds: Bounds,
    wants: &dyn Fn(&Told) -> bool,
) -> Result<Page, StoreError> {
    views::at_one_moment(database, |database| {
        let end = match until {
            Some(until) => until.clone(),
            None => end(database)?,
        };
        let mut reading = Reading::begin(coalition, from, &end, bounds);
        reading.run(database, wants)
    })
}

/// An event by its id, if there is such an event.
///
/// # Errors
/// If the database fails, or what is stored can't be read.
pub fn one(
    database: &mut Database,
    coalition: &Coalition,
    id: EventId,
) -> Result<Option<Told>, StoreError> {
    let nowhere = Place::default();
    let bounds = Bounds { events: 1, rows: 1 };
    let mut reading = Reading::begin(coalition, &nowhere, &nowhere, bounds);
    match id {
        EventId::Outbox(seq) => {
            let facts = outbox::after(database, seq - 1, 1)?;
            let facts = facts.into_iter().filter(|fact| fact.seq == seq).collect();
            let items = reading.of_facts(database, facts)?;
            Ok(items.into_iter().next().and_then(|item| item.told.into_iter().next()))
        }
        EventId::Journal(shard, seq, place) => {
            let id = TransactionId::new(ShardId(shard), seq);
            if id.shard() != ShardId(shard) || id.number() != seq {
                return Ok(None);
            }
            let there = views::transaction(database, id)?;
            let transactions = there.into_iter().map(|one| one.transaction).collect();
            let items = reading.of_transactions(database, transactions)?;
            Ok(items.into_iter().next().and_then(|item| item.told.into_iter().nth(place)))
        }
    }
}

/// A transaction or a fact with what it tells.
struct Item {
    at: Instant,
    seq: i64,
    told: Vec<Told>,
}

/// The outbox, or the journal of a shard.
struct Stream {
    at: i64,
    end: i64,
    items: VecDeque<Item>,
}

/// The place in the list of streams at which the journals begin; the outbox comes before them.
const JOURNALS: usize = 1;

struct Reading<'a> {
    coalition: &'a Coalition,
    place: Place,
    streams: Vec<Stream>,
    next: BinaryHeap<Reverse<(Instant, usize)>>,
    cards: HashMap<MemberId, Vec<Holding>>,
    bounds: Bounds,
    rows_at_once: usize,
}

impl<'a> Reading<'a> {
    fn begin(coalition: &'a Coalition, from: &Place, end: &Place, bounds: Bounds) -> Self {
        let stream = |at, end| Stream { at, end, items: VecDeque::new() };
        let shards = from.shards.iter().zip(&end.shards).map(|(&at, &end)| stream(at, end));
        let streams: Vec<Stream> =
            std::iter::once(stream(from.outbox, end.outbox)).chain(shards).collect();
        let busy = streams.iter().filter(|one| one.at < one.end).count().max(1);
        let (least, most) = ROWS_OF_STREAM;
        Self {
            coalition,
            place: from.clone(),
            streams,
            next: BinaryHeap::new(),
            cards: HashMap::new(),
            bounds,
            rows_at_once: (bounds.rows / busy).clamp(least, most),
        }
    }

    fn run(
        &mut self,
        database: &mut Database,
        wants: &dyn Fn(&Told) -> bool,
    ) -> Result<Page, StoreError> {
        let mut rows = 0;
        for index in 0..self.streams.len() {
            rows += self.refill(database, index)?;
        }
        let mut told = Vec::new();
        let mut is_cut = false;
        while let Some(Reverse((_, index))) = self.next.pop() {
            if told.len() == self.bounds.events {
                is_cut = true;
                break;
            }
            if !self.take(index, wants, &mut told) {
                is_cut = true;
                break;
            }
            if self.streams[index].items.is_empty() {
                if rows >= self.bounds.rows && self.streams[index].at < self.streams[index].end {
                    is_cut = true;
                    break;
                }
                rows += self.refill(database, index)?;
            } else {
                self.announce(index);
            }
        }
        if !is_cut {
            // Facts that were forgotten are passed too.
            self.place.outbox = self.place.outbox.max(self.streams[0].end);
        }
        Ok(Page { told, place: self.place.clone(), more: is_cut })
    }

    /// Takes the next item of a stream. Gives back whether all of it found room.
    fn take(&mut self, index: usize, wants: &dyn Fn(&Told) -> bool, told: &mut Vec<Told>) -> bool {
        let Some(item) = self.streams[index].items.pop_front() else { return true };
        let shard = index.checked_sub(JOURNALS);
        let before = match self.place.within {
            Some((begun, count)) if Some(begun) == shard => count,
            _ => 0,
        };
        for (count, one) in item.told.into_iter().enumerate().skip(before) {
            if !wants(&one) {
                continue;
            }
            if told.len() == self.bounds.events {
                self.place.within = shard.map(|shard| (shard, count));
                return false;
            }
            told.push(one);
        }
        match shard {
            None => self.place.outbox = item.seq,
            Some(shard) => {
                self.place.shards[shard] = item.seq;
                if before > 0 {
                    self.place.within = None;
                }
            }
        }
        true
    }

    /// Reads the next items of a stream; how many rows they were.
    fn refill(&mut self, database: &mut Database, index: usize) -> Result<usize, StoreError> {
        let Stream { at, end, .. } = self.streams[index];
        if end <= at {
            return Ok(0);
        }
        let limit = i64::try_from(self.rows_at_once).unwrap_or(1);
        let items = match index.checked_sub(JOURNALS) {
            None => {
                let mut facts = outbox::after(database, at, limit)?;
                facts.retain(|fact| fact.seq <= end);
                self.of_facts(database, facts)?
            }
            Some(shard) => {
                let shard = ShardId(i64::try_from(shard).unwrap_or(i64::MAX));
                let all = stored::transactions_after(database, shard, (at, end), limit)?;
                self.of_transactions(database, all)?
            }
        };
        let count = items.len();
        let stream = &mut self.streams[index];
        // Facts that were forgotten leave nothing to read.
        stream.at = items.last().map_or(end, |item| item.seq);
        stream.items = items.into();
        self.announce(index);
        Ok(count)
    }

    fn announce(&mut self, index: usize) {
        if let Some(item) = self.streams[index].items.front() {
            // What was told in part comes first: a place remembers only one such transaction.
            let is_begun = self.place.within.is_some_and(|(shard, _)| shard + JOURNALS == index);
            let at = if is_begun { Instant(i64::MIN) } else { item.at };
            self.next.push(Reverse((at, index)));
        }
    }

    fn of_transactions(
        &mut self,
        database: &mut Database,
        all: Vec<Transaction>,
    ) -> Result<Vec<Item>, StoreError> {
        let derived: Vec<(Transaction, Vec<Event>)> = all
            .into_iter()
            .map(|one| {
                let events = events_of(&one, self.coalition);
                (one, events)
            })
            .collect();
        let members = derived.iter().flat_map(|(_, events)| events).filter_map(|one| one.member);
        self.look_up(database, members.collect())?;
        let item = |(transaction, events): (Transaction, Vec<Event>)| Item {
            at: transaction.recorded_at,
            seq: transaction.id.number(),
            told: events
                .into_iter()
                .map(|event| {
                    let (brands, wallets) = self.who_knows(&event, false);
                    let poster = Some(transaction.party.clone());
                    Told { event, alone: None, poster, brands, wallets }
                })
                .collect(),
        };
        Ok(derived.into_iter().map(item).collect())
    }

    fn of_facts(
        &mut self,
        database: &mut Database,
        facts: Vec<Placed>,
    ) -> Result<Vec<Item>, StoreError> {
        let open = facts.iter().filter(|fact| fact.party.is_none());
        self.look_up(database, open.filter_map(|fact| fact.member).collect())?;
        let mut items = Vec::with_capacity(facts.len());
        for fact in facts {
            let programme: Option<ProgrammeId> =
                fact.programme.as_deref().and_then(|one| one.parse().ok());
            let mut data = fact.data;
            // Facts of members say whose they are, as transactions do.
            if let (Some(fields), Some(member)) = (data.as_object_mut(), fact.member) {
                fields.entry("member").or_insert_with(|| member.to_string().into());
                let programme = fact.programme.map(|one| ("programme".to_owned(), one.into()));
                fields.extend(programme);
            }
            let event = Event {
                id: EventId::Outbox(fact.seq),
                kind: fact.event,
                at: fact.at,
                programme,
                member: fact.member,
                data,
            };
            // Who had a card must hear that it was closed, or that its holder is gone.
            let after_its_end =
                event.kind.starts_with("card.") || event.kind.starts_with("member.");
            let (mut brands, wallets) = self.who_knows(&event, after_its_end);
            if let (None, None, Some(member)) = (&fact.party, &event.programme, event.member) {
                brands = self.brands_of(database, member)?;
            }
            let told = Told { event, alone: fact.party, poster: None, brands, wallets };
            items.push(Item { at: fact.at, seq: fact.seq, told: vec![told] });
        }
        Ok(items)
    }

    /// Reads the cards of members that were not met before.
    fn look_up(
        &mut self,
        database: &mut Database,
        members: BTreeSet<MemberId>,
    ) -> Result<(), StoreError> {
        let new: BTreeSet<MemberId> =
            members.into_iter().filter(|one| !self.cards.contains_key(one)).collect();
        let mut found = stored::cards_of(database, &new)?;
        self.cards.extend(new.into_iter().map(|one| (one, found.remove(&one).unwrap_or_default())));
        Ok(())
    }

    fn who_knows(&self, event: &Event, after_its_end: bool) -> (Vec<PartyId>, Vec<String>) {
        let programme = event.programme.as_ref();
        let brand = programme.and_then(|one| self.coalition.programmes.get(one));
        let cards = event.member.and_then(|member| self.cards.get(&member)).into_iter().flatten();
        let fits = |card: &&Holding| {
            (after_its_end || card.is_in_use)
                && programme.is_none_or(|one| one.as_str() == card.programme)
        };
        let wallets = cards.filter(fits).map(|card| card.wallet.clone()).collect();
        (brand.map(|one| one.brand.clone()).into_iter().collect(), wallets)
    }

    /// The brands in whose programmes a member has an account.
    fn brands_of(
        &self,
        database: &mut Database,
        member: MemberId,
    ) -> Result<Vec<PartyId>, StoreError> {
        let programmes = stored::programmes_of(database, member)?;
        let terms = programmes.iter().filter_map(|one| self.coalition.programmes.get(one));
        Ok(terms.map(|one| one.brand.clone()).collect())
    }
}
