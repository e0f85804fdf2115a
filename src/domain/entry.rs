//! Entries: what both sides of a money posting may see of it, as text that never changes.
//!
//! The bytes of an entry are what the log commits to and what a statement's line repeats, so its
//! fields, their order and their form are fixed: fields may be added at the end, never renamed,
//! moved or removed. Empty fields are left out.

use rust_decimal::Decimal;
use serde::Serialize;

use super::command::Kind;
use super::ids::{LotId, MemberId, PartyId, ProgrammeId, PromoId, Reference, TransactionId};
use super::log::Hash;
use super::log::leaf::{commitment, leaf_data, leaf_hash, salt};
use super::posting::{Body, ObligationKind, Posting};
use super::settlement::CycleId;
use super::terms::Coalition;
use super::till::Till;
use super::time::{Day, Instant};
use super::transaction::{Detail, Transaction};

/// A money posting as both sides see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The transaction and the place among its money postings, from 1: `tx_3_1042/2`.
    pub id: String,
    /// What it is in a statement.
    pub record_type: &'static str,
    /// The kind of the transaction.
    pub kind: Kind,
    /// What is owed for.
    pub obligation: &'static str,
    /// When the server recorded it.
    pub recorded_at: Instant,
    /// When it happened, by the posting party's own account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Instant>,
    /// Who posted the transaction.
    pub party: PartyId,
    /// Its reference.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// The transaction that it gives back a part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original: Option<TransactionId>,
    /// Whose points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<MemberId>,
    /// Who owes.
    pub from: Option<PartyId>,
    /// Who is owed.
    pub to: Option<PartyId>,
    /// On whose account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub programme: Option<ProgrammeId>,
    /// For how many points, as decimal text; for a service: for how many pieces.
    pub points: String,
    /// The price of a whole point that was applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// The price of the receipt, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase_amount: Option<String>,
    /// How much, as decimal text.
    pub amount: String,
    /// ISO 4217 code.
    pub currency: String,
    /// The party of the agreement that counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement: Option<PartyId>,
    /// The version of the configuration that set the agreement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement_version: Option<i64>,
    /// The promotion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promo: Option<PromoId>,
    /// The lot whose points were burned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lot: Option<LotId>,
    /// The cycle that settles it.
    pub cycle: CycleId,
    /// The first day of the earlier cycle that it belongs to by its date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_for: Option<Day>,
    /// The price of a whole point before the percentage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_before: Option<String>,
    /// The factor on that price as it was applied; `price` has it in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percentage: Option<String>,
    /// What the till said of the receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub till: Option<Box<Till>>,
}

/// On which side of an entry a party stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It owes.
    Debit,
    /// It is owed.
    Credit,
}

impl Side {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debit => "debit",
            Self::Credit => "credit",
        }
    }
}

impl Entry {
    /// The side on which a party's statement has the entry; none: it is no line of it. What a party
    /// owes itself moves no money and is no line; so is what a bank moved.
    pub fn side_of(&self, party: &PartyId) -> Option<Side> {
        let (from, to) = (self.from.as_ref()?, self.to.as_ref()?);
        match (from == party, to == party) {
            (true, false) => Some(Side::Debit),
            (false, true) => Some(Side::Credit),
            _ => None,
        }
    }

    /// The bytes that the log commits to.
    ///
    /// # Panics
    /// Never: an entry is plain JSON.
    pub fn bytes(&self) -> String {
        serde_json::to_string(self).expect("an entry is plain JSON")
    }
}

/// The entries of a transaction, in the order of its money postings.
pub fn entries_of(transaction: &Transaction, coalition: &Coalition) -> Vec<Entry> {
    let money = transaction.postings.iter().filter(|one| matches!(one.body, Body::Money { .. }));
    money
        .enumerate()
        .filter_map(|(place, posting)| entry_of(transaction, posting, place + 1, coalition))
        .collect()
}

fn entry_of(
    transaction: &Transaction,
    posting: &Posting,
    place: usize,
    coalition: &Coalition,
) -> Option<Entry> {
    let Body::Money {
        amount,
        programme,
        obligation,
        reverses,
        points,
        under,
        lot,
        late_for,
        price,
        percentage,
        ..
    } = &posting.body
    else {
        return None;
    };
    let scale = programme.as_ref().filter(|_| !obligation.counts_pieces());
    let scale = scale.and_then(|one| coalition.programmes.get(one));
    let original = match &transaction.detail {
        Detail::Refund { of, .. } | Detail::Adjustment { of, .. } => *of,
        Detail::Capture { of, .. } => Some(*of),
        _ => None,
    };
    let part = transaction.parts().iter().find(|part| Some(&part.programme) == programme.as_ref());
    Some(Entry {
        id: format!("{}/{place}", transaction.id),
        record_type: record_type(*obligation, *reverses, transaction.kind),
        kind: transaction.kind,
        obligation: obligation.name(*reverses),
        recorded_at: transaction.recorded_at,
        at: transaction.at,
        party: transaction.party.clone(),
        reference: transaction.reference.clone(),
        original,
        member: Some(transaction.member).filter(|member| member.is_somebody()),
        from: posting.from.party().cloned(),
        to: posting.to.party().cloned(),
        programme: programme.clone(),
        points: points.text(scale.map_or(0, |one| one.scales.points)),
        price: price.map(|price| price.to_string()),
        purchase_amount: part.map(|part| part.amount().text(coalition.money_scale)),
        amount: amount.text(coalition.money_scale),
        currency: coalition.currency.clone(),
        agreement: under.agreement.clone(),
        agreement_version: Some(under.version).filter(|version| *version > 0),
        promo: under.promo.clone(),
        lot: *lot,
        cycle: posting.cycle(transaction)?,
        late_for: *late_for,
        price_before: price.zip(*percentage).and_then(|(price, factor)| before(price, factor)),
        percentage: percentage.map(|factor| factor.to_string()),
        till: transaction.till.clone(),
    })
}

/// The price that gives another one with a factor: both have few digits, so it is exact.
fn before(price: Decimal, factor: Decimal) -> Option<String> {
    price.checked_div(factor).map(|price| price.normalize().to_string())
}

/// What an obligation is called in a statement's line.
pub const fn record_type(kind: ObligationKind, reverses: bool, of: Kind) -> &'static str {
    match (kind, reverses) {
        (ObligationKind::Funding, false) if matches!(of, Kind::Grant) => "promo_share",
        (ObligationKind::Funding, false) => "earn",
        (ObligationKind::Funding, true) => "earn_cancel",
        (ObligationKind::Reimbursement | ObligationKind::LotFunding, false) => "burn",
        (ObligationKind::Reimbursement | ObligationKind::LotFunding, true) => "burn_reverse",
        (
            ObligationKind::EarnFee
            | ObligationKind::BurnFee
            | ObligationKind::CardFee
            | ObligationKind::MessageFee
            | ObligationKind::MinimumFee,
            _,
        ) => "fee",
        (ObligationKind::Breakage, _) => "breakage_share",
        (ObligationKind::Exchange, _) => "exchange",
        (ObligationKind::Shortfall, _) => "shortfall",
        (ObligationKind::Pack, _) => "pack",
        (ObligationKind::Vat, _) => "vat",
        (ObligationKind::CarryOver, _) => "carry_over",
        (ObligationKind::VolumeDiscount | ObligationKind::Adjustment, _) => "adjustment",
        (ObligationKind::DisputeReserve, false) => "dispute_reserve",
        (ObligationKind::DisputeReserve, true) => "dispute_release",
        (ObligationKind::Payment, _) => "payment",
    }
}

/// The commitments of a transaction's entries, in their order.
pub fn commitments(entries: &[Entry], chain_before: &Hash) -> Vec<Hash> {
    let places = 1_u32..;
    let commit = |(place, entry): (u32, &Entry)| {
        commitment(&salt(chain_before, place), entry.bytes().as_bytes())
    };
    places.zip(entries).map(commit).collect()
}

/// The leaf of a transaction: what the log says of it for ever.
pub fn leaf_of(
    transaction: &Transaction,
    (chain_before, chain): (&Hash, &Hash),
    coalition: &Coalition,
) -> Hash {
    let entries = entries_of(transaction, coalition);
    leaf_hash(&leaf_data(chain, &commitments(&entries, chain_before)))
}
