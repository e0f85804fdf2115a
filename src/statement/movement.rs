//! Points of a cycle: how many were issued, cancelled, burned, restored and lost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::amount::Points;
use crate::domain::command::Kind;
use crate::domain::ids::{PartyId, ProgrammeId};
use crate::domain::posting::{Body, LedgerAccount};
use crate::domain::terms::{Coalition, PartyKind};
use crate::domain::transaction::Transaction;

/// Points of one programme that one party's transactions moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// Earned by receipts and card payments.
    pub issued: Points,
    /// Granted by promotions.
    pub promo: Points,
    /// Granted by service centres.
    pub compensation: Points,
    /// Got for points of another programme.
    pub exchanged_in: Points,
    /// Taken back by refunds.
    pub cancelled: Points,
    /// Paid with.
    pub burned: Points,
    /// Given back by refunds.
    pub restored: Points,
    /// Lost.
    pub expired: Points,
    /// Given for points of another programme.
    pub exchanged_out: Points,
}

impl Movement {
    /// What it adds to the points in circulation: those of members, less what they owe.
    pub fn change(&self) -> Points {
        self.issued + self.promo + self.compensation + self.exchanged_in + self.restored
            - self.cancelled
            - self.burned
            - self.expired
            - self.exchanged_out
    }

    /// Adds another.
    pub fn add(&mut self, other: &Self) {
        self.issued += other.issued;
        self.promo += other.promo;
        self.compensation += other.compensation;
        self.exchanged_in += other.exchanged_in;
        self.cancelled += other.cancelled;
        self.burned += other.burned;
        self.restored += other.restored;
        self.expired += other.expired;
        self.exchanged_out += other.exchanged_out;
    }
}

/// Movements by programme and party, and the points in circulation at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Movements {
    /// By programme and the party that posted.
    pub by_party: BTreeMap<(ProgrammeId, PartyId), Movement>,
}

impl Movements {
    /// Adds what a transaction moved.
    pub fn add(&mut self, transaction: &Transaction, coalition: &Coalition) {
        let kind = coalition.parties.get(&transaction.party).map(|party| party.kind);
        for posting in &transaction.postings {
            let Body::Points { points, .. } = posting.body else { continue };
            let Some(programme) = posting.from.programme() else { continue };
            let key = (programme.clone(), transaction.party.clone());
            let sum = self.by_party.entry(key).or_default();
            let of = transaction.kind;
            match (&posting.from, &posting.to) {
                (LedgerAccount::Issued(_), _) if of == Kind::Exchange => sum.exchanged_in += points,
                (LedgerAccount::Issued(_), _) if of == Kind::Grant => {
                    if kind == Some(PartyKind::ServiceCentre) {
                        sum.compensation += points;
                    } else {
                        sum.promo += points;
                    }
                }
                (LedgerAccount::Issued(_), _) => sum.issued += points,
                // What was lost already and is taken back is no longer lost, but cancelled.
                (LedgerAccount::Expired(_), LedgerAccount::Issued(_)) => {
                    sum.expired -= points;
                    sum.cancelled += points;
                }
                (_, LedgerAccount::Issued(_)) => sum.cancelled += points,
                (_, LedgerAccount::Burned(_)) if of == Kind::Exchange => {
                    sum.exchanged_out += points;
                }
                (_, LedgerAccount::Burned(_)) => sum.burned += points,
                (LedgerAccount::Burned(_), _) => sum.restored += points,
                (_, LedgerAccount::Expired(_)) => sum.expired += points,
                _ => {}
            }
        }
    }

    /// What all parties moved of a programme.
    pub fn of_programme(&self, programme: &ProgrammeId) -> Movement {
        let mut sum = Movement::default();
        for ((of, _), movement) in &self.by_party {
            if of == programme {
                sum.add(movement);
            }
        }
        sum
    }

    /// The programmes that anything moved in.
    pub fn programmes(&self) -> impl Iterator<Item = &ProgrammeId> {
        let mut last = None;
        self.by_party.keys().filter_map(move |(programme, _)| {
            let is_new = last != Some(programme);
            last = Some(programme);
            Some(programme).filter(|_| is_new)
        })
    }
}
