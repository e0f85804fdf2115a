//! A member at the desk: contacts, balances, and what happened last.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::order::order_view;
use super::{Asked, mask, words};
use crate::auth::vault::Vault;
use crate::domain::account::{AccountKey, Balance};
use crate::domain::command::Kind as Posted;
use crate::domain::ids::{MemberId, PartyId, Reference, TransactionId};
use crate::domain::ledger::{Ledger, NamedBy, ReferenceKey};
use crate::domain::member::MemberName;
use crate::domain::person::Field;
use crate::domain::terms::Coalition;
use crate::domain::time::Instant;
use crate::domain::transaction::Transaction;
use crate::people::view::{self, Person};
use crate::store::{Database, StoreError, members, views};

/// Transactions that are shown.
const SHOWN: i64 = 10;

/// Kinds of transactions that a receipt's reference may be of.
const RECEIPTS: [Posted; 3] = [Posted::Purchase, Posted::CardPayment, Posted::Refund];

/// What was read of a member.
pub struct Reading {
    /// Who it is.
    pub member: MemberId,
    person: Person,
    ledger: Ledger,
    latest: Vec<Transaction>,
    asked: Vec<Transaction>,
}

/// What a look-up found.
pub enum Found {
    /// Nobody.
    Nobody,
    /// Receipts of several members under one reference.
    Several,
    /// A member.
    Member(Box<Reading>),
}

impl Found {
    /// Who was found.
    pub fn member(&self) -> Option<MemberId> {
        match self {
            Self::Member(reading) => Some(reading.member),
            Self::Nobody | Self::Several => None,
        }
    }
}

/// Looks members up.
#[derive(Clone, Copy)]
pub struct Desk<'a> {
    /// What counts.
    pub coalition: &'a Coalition,
    /// When.
    pub now: Instant,
    /// Opens what is personal.
    pub vault: &'a Vault,
    /// Whether contacts are shown as they are.
    pub unmasked: bool,
}

impl Desk<'_> {
    /// Looks a member up; the caller reads one state of the database.
    ///
    /// # Errors
    /// If the database fails.
    pub fn look_up(&self, database: &mut Database, asked: &Asked) -> Result<Found, StoreError> {
        let (named, receipts) = match asked {
            Asked::Name(_, name) => (NamedBy::new(&self.coalition.operator, name), Vec::new()),
            Asked::Receipt(reference, party) => {
                let all = self.receipts(database, reference, party.as_ref())?;
                let owners: BTreeSet<MemberId> = all.iter().map(|(_, member)| *member).collect();
                let name = match owners.iter().collect::<Vec<_>>().as_slice() {
                    [] => return Ok(Found::Nobody),
                    [member] => MemberName::Id(**member),
                    _ => return Ok(Found::Several),
                };
                let ids = all.into_iter().map(|(id, _)| id).collect();
                (NamedBy::new(&self.coalition.operator, &name), ids)
            }
        };
        let found = members::resolve(database, self.vault.names(), std::slice::from_ref(&named))?;
        let Some(&member) = found.get(&named) else { return Ok(Found::Nobody) };
        let mut asked = Vec::new();
        for id in receipts {
            asked.extend(views::transaction(database, id)?.map(|one| one.transaction));
        }
        Ok(Found::Member(Box::new(Reading {
            member,
            person: view::person(database, self.vault, member)?,
            ledger: views::accounts_of(database, member)?,
            latest: views::history(database, member, None, SHOWN)?,
            asked,
        })))
    }

    /// The receipts under a reference, of one party or of any.
    fn receipts(
        &self,
        database: &mut Database,
        reference: &Reference,
        party: Option<&PartyId>,
    ) -> Result<Vec<(TransactionId, MemberId)>, StoreError> {
        if let Ok(id) = reference.as_str().parse::<TransactionId>() {
            let there = views::transaction(database, id)?.map(|one| one.transaction);
            let there = there.filter(|one| one.member.is_somebody());
            return Ok(there.map(|one| (one.id, one.member)).into_iter().collect());
        }
        let parties: Vec<&PartyId> = match party {
            Some(party) => vec![party],
            None => self.coalition.parties.keys().collect(),
        };
        let key = |party: &PartyId, kind| ReferenceKey {
            party: party.clone(),
            kind,
            reference: reference.clone(),
        };
        let keys: Vec<ReferenceKey> =
            parties.into_iter().flat_map(|party| RECEIPTS.map(|kind| key(party, kind))).collect();
        let mut found: Vec<_> = members::find_references(database, &keys)?.into_values().collect();
        found.sort();
        Ok(found)
    }

    /// What is shown of a member.
    pub fn view(&self, reading: &Reading) -> Value {
        let balances = self.balances(reading);
        let order =
            |one: &Transaction| order_view(one, &reading.ledger, (self.coalition, self.now));
        let asked: Vec<Value> = reading.asked.iter().map(order).collect();
        let latest: Vec<Value> = reading.latest.iter().map(order).collect();
        let says = words::say(self.coalition, &balances, &asked);
        let shown = |(programme, balance, tier): &(_, Balance, Option<String>)| {
            words::balance_view(self.coalition, programme, balance, tier.as_deref())
        };
        let balances: Vec<Value> = balances.iter().map(shown).collect();
        json!({
            "member": reading.member,
            "as_of": self.now,
            "contact": self.contact(reading),
            "balances": balances,
            "asked": asked,
            "latest": latest,
            "says": says,
        })
    }

    fn contact(&self, reading: &Reading) -> Value {
        let mut view = Map::new();
        let mut show = |what: &str, value: &str, masked: fn(&str) -> String| {
            let value = if self.unmasked { value.to_owned() } else { masked(value) };
            view.entry(what).or_insert(value.into());
        };
        if let Some(name) = reading.person.value(Field::Name) {
            show("name", name, mask::name);
        }
        // Those that were shown to be theirs come first.
        for known in reading.person.contacts() {
            match &known.name {
                MemberName::Phone(phone) => show("phone", phone, mask::phone),
                MemberName::Email(email) => show("email", email, mask::email),
                _ => {}
            }
        }
        Value::Object(view)
    }

    fn balances(&self, reading: &Reading) -> Vec<words::Held> {
        let ledger = &reading.ledger;
        let of = |key: AccountKey| {
            let account = ledger.account(&key);
            let holds: Vec<_> = ledger.holds_of(&account).collect();
            let balance = Balance::of(&account, &holds, self.now);
            let terms = self.coalition.programmes.get(&key.programme);
            let tier = terms.and_then(|one| {
                let tiers = one.tiers.as_ref()?;
                tiers.level_of(&account.metric, one.zone.day_of(self.now))
            });
            (key.programme, balance, tier.map(|level| level.id.to_string()))
        };
        ledger.accounts_of(reading.member).into_iter().map(of).collect()
    }
}
