//! From a transaction to its events.

use serde_json::{Map, Value, json};

use super::{Event, EventId};
use crate::domain::amount::Points;
use crate::domain::ids::{LotId, MemberId, ProgrammeId};
use crate::domain::posting::{Body, LedgerAccount, Posting};
use crate::domain::terms::Coalition;
use crate::domain::transaction::{Detail, NewLot, TierChange, Transaction};

/// The events of a transaction, in their order: burned, restored, clawed back, expired, earned,
/// available at once, levels.
///
/// Points that open later open by the clock, which posts nothing: no transaction tells of them.
pub fn events_of(transaction: &Transaction, coalition: &Coalition) -> Vec<Event> {
    let mut telling = Telling { transaction, coalition, events: Vec::new() };
    telling.moved("points.burned", |from, to| {
        matches!(to, LedgerAccount::Burned(_)).then(|| from.member()).flatten()
    });
    telling.moved("points.restored", |from, to| {
        matches!(from, LedgerAccount::Burned(_)).then(|| to.member()).flatten()
    });
    telling.clawed_back();
    telling.moved("points.expired", |from, to| {
        matches!(to, LedgerAccount::Expired(_)).then(|| from.member()).flatten()
    });
    for lot in &transaction.lots {
        telling.earned(lot);
    }
    for lot in transaction.lots.iter().filter(|lot| lot.available_at <= transaction.recorded_at) {
        telling.available(lot);
    }
    for change in tier_changes(transaction) {
        telling.level(&change);
    }
    telling.events
}

/// Events in the making.
struct Telling<'a> {
    transaction: &'a Transaction,
    coalition: &'a Coalition,
    events: Vec<Event>,
}

impl Telling<'_> {
    /// Tells of points of an account.
    fn tell(&mut self, kind: &str, (member, programme): (MemberId, &ProgrammeId), more: Value) {
        let transaction = self.transaction;
        let mut data = Map::new();
        data.insert("programme".into(), programme.as_str().into());
        data.insert("member".into(), member.to_string().into());
        data.insert("transaction".into(), transaction.id.to_string().into());
        data.insert("kind".into(), json!(transaction.kind));
        data.insert("party".into(), transaction.party.as_str().into());
        if let Value::Object(more) = more {
            data.extend(more);
        }
        let (shard, seq) = (transaction.id.shard().0, transaction.id.number());
        self.events.push(Event {
            id: EventId::Journal(shard, seq, self.events.len()),
            kind: kind.to_owned(),
            at: transaction.recorded_at,
            programme: Some(programme.clone()),
            member: Some(member),
            data: Value::Object(data),
        });
    }

    fn text(&self, programme: &ProgrammeId, points: Points) -> String {
        let terms = self.coalition.programmes.get(programme);
        points.text(terms.map_or(0, |one| one.scales.points))
    }

    /// Tells of points that moved so, account by account.
    fn moved(
        &mut self,
        kind: &str,
        whose: impl for<'a> Fn(
            &'a LedgerAccount,
            &'a LedgerAccount,
        ) -> Option<(MemberId, &'a ProgrammeId)>,
    ) {
        let mut sums: Vec<(MemberId, &ProgrammeId, Points)> = Vec::new();
        for posting in &self.transaction.postings {
            let Body::Points { points, .. } = posting.body else { continue };
            let Some((member, programme)) = whose(&posting.from, &posting.to) else { continue };
            let there = sums.iter_mut().find(|one| (one.0, one.1) == (member, programme));
            match there {
                Some(sum) => sum.2 += points,
                None => sums.push((member, programme, points)),
            }
        }
        for (member, programme, points) in sums {
            let points = self.text(programme, points);
            self.tell(kind, (member, programme), json!({"points": points}));
        }
    }

    /// Points that a refund took back, what was missing included.
    fn clawed_back(&mut self) {
        let transaction = self.transaction;
        let Detail::Refund { parts, .. } = &transaction.detail else { return };
        for part in parts.iter().filter(|part| part.clawed_back.is_positive()) {
            let text = |points| self.text(&part.programme, points);
            let more = json!({
                "points": text(part.clawed_back),
                "debt_added": text(part.debt_added),
                "absorbed": text(part.absorbed),
            });
            self.tell("points.clawed_back", (transaction.member, &part.programme), more);
        }
    }

    fn earned(&mut self, lot: &NewLot) {
        let Some(member) = self.receiver_of(lot.id) else { return };
        let never = |instant: crate::domain::time::Instant| instant.comes().then_some(instant);
        let mut more = json!({
            "points": self.text(&lot.programme, lot.granted),
            "lot": lot.id,
            "available_at": never(lot.available_at),
            "expires_at": never(lot.expires_at),
            "debt_paid": self.text(&lot.programme, self.debt_paid(lot.id)),
        });
        if let Some(promo) = &lot.promo {
            more["promo"] = promo.as_str().into();
        }
        self.tell("points.earned", (member, &lot.programme), more);
    }

    fn available(&mut self, lot: &NewLot) {
        let Some(member) = self.receiver_of(lot.id) else { return };
        let points = lot.granted - self.debt_paid(lot.id);
        if points.is_positive() {
            let points = self.text(&lot.programme, points);
            let more = json!({"points": points, "lots": [lot.id], "opened_at": lot.available_at});
            self.tell("points.available", (member, &lot.programme), more);
        }
    }

    fn level(&mut self, change: &TierChange) {
        let more = json!({"from": change.from, "to": change.to});
        let TierChange { programme, .. } = change;
        self.tell("tier.changed", (self.transaction.member, programme), more);
    }

    /// Who was given a new lot; none: it holds points that came back.
    fn receiver_of(&self, lot: LotId) -> Option<MemberId> {
        let given = |one: &&Posting| {
            matches!(one.from, LedgerAccount::Issued(_)) && lot_of(one) == Some(lot)
        };
        self.transaction.postings.iter().find(given)?.to.member().map(|(member, _)| member)
    }

    /// How many points of a new lot paid a debt at once.
    fn debt_paid(&self, lot: LotId) -> Points {
        let paid =
            self.transaction.postings.iter().filter(|one| {
                matches!(one.to, LedgerAccount::Debt(..)) && lot_of(one) == Some(lot)
            });
        paid.map(|one| match one.body {
            Body::Points { points, .. } => points,
            Body::Money { .. } => Points::ZERO,
        })
        .sum()
    }
}

const fn lot_of(posting: &Posting) -> Option<LotId> {
    match &posting.body {
        Body::Points { lot, .. } => *lot,
        Body::Money { .. } => None,
    }
}

/// The levels that changed. What was recorded before transactions said so tells it of purchases
/// only: by the level that counted and the level after.
fn tier_changes(transaction: &Transaction) -> Vec<TierChange> {
    match &transaction.detail {
        Detail::Purchase { part, .. }
            if transaction.tiers.is_empty() && part.tier != transaction.tier_after =>
        {
            let (from, to) = (part.tier.clone(), transaction.tier_after.clone());
            vec![TierChange { programme: part.programme.clone(), from, to }]
        }
        _ => transaction.tiers.clone(),
    }
}
