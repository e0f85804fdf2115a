//! Rows as they are stored, and their way to and from the domain.

use std::collections::BTreeMap;
use std::sync::Arc;

use diesel::prelude::*;
use rust_decimal::Decimal;

use super::StoreError;
use super::schema::{accounts, holds, lots};
use crate::domain::account::{Account, AccountKey};
use crate::domain::amount::{Money, Points};
use crate::domain::hold::Hold;
use crate::domain::ids::{LotId, MemberId, ProgrammeId, TransactionId};
use crate::domain::lot::{Lot, Lots};
use crate::domain::time::Instant;

/// Reads stored JSON.
///
/// # Errors
/// If it was changed.
pub fn read_json<T: serde::de::DeserializeOwned>(text: &str, what: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Damaged(format!("{what}: {error}")))
}

/// Writes JSON to store.
///
/// # Panics
/// Never: the domain's types have text keys and no failing serialisers.
pub fn write_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("the domain's types are plain JSON")
}

/// Reads a stored name.
///
/// # Errors
/// If the row was changed.
pub fn read_name<T: std::str::FromStr>(text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Damaged(format!("a stored name: {text}")))
}

/// An account's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, PartialEq, Eq)]
#[diesel(table_name = accounts, treat_none_as_default_value = false)]
pub struct AccountRow {
    /// Whose.
    pub member: i64,
    /// In which programme.
    pub programme: String,
    /// The member's home shard.
    pub shard: i64,
    /// Points that no hold reserves.
    pub points: i64,
    /// Points that holds reserve.
    pub held: i64,
    /// Points owed.
    pub debt: i64,
    /// The tier's metric, as JSON.
    pub metric: String,
    /// The member's own share, as a decimal.
    pub max_share: Option<String>,
}

impl AccountRow {
    /// The account, without its lots and holds.
    ///
    /// # Errors
    /// If the row was changed.
    pub fn into_account(self) -> Result<Account, StoreError> {
        let member = MemberId(self.member);
        let key = AccountKey { member, programme: read_name(&self.programme)? };
        let max_share = self.max_share.as_deref().map(read_name::<Decimal>).transpose()?;
        let held = Points(self.held);
        Ok(Account {
            key,
            points: Points(self.points),
            held,
            debt: Points(self.debt),
            metric: read_json(&self.metric, "an account's metric")?,
            max_share,
            lots: Lots::default(),
            holds: if held.is_zero() { Some(Vec::new()) } else { None },
        })
    }

    /// The row of an account.
    pub fn of(account: &Account) -> Self {
        Self {
            member: account.key.member.0,
            programme: account.key.programme.to_string(),
            shard: account.key.member.shard().0,
            points: account.points.0,
            held: account.held.0,
            debt: account.debt.0,
            metric: write_json(&account.metric),
            max_share: account.max_share.map(|share| share.to_string()),
        }
    }
}

/// A lot's row.
#[derive(Clone, Debug, Queryable, QueryableByName, Selectable, Insertable, PartialEq, Eq)]
#[diesel(table_name = lots, treat_none_as_default_value = false)]
pub struct LotRow {
    /// Its id.
    pub lot: i64,
    /// The shard that made it.
    pub shard: i64,
    /// Whose it is.
    pub member: i64,
    /// Of which programme.
    pub programme: String,
    /// What was put in at first.
    pub granted: i64,
    /// What is free.
    pub remaining: i64,
    /// What holds reserve.
    pub held: i64,
    /// What was lost.
    pub expired: i64,
    /// When it can be spent.
    pub available_at: i64,
    /// When it is lost.
    pub expires_at: i64,
    /// What a whole point was funded with.
    pub price: String,
    /// Whether it holds any points.
    pub live: bool,
    /// What is still to be paid for its points.
    pub cost: i64,
    /// Who pays that, as JSON.
    pub funding: Option<String>,
}

impl LotRow {
    /// The lot.
    ///
    /// # Errors
    /// If the row was changed.
    pub fn into_lot(self) -> Result<Lot, StoreError> {
        Ok(Lot {
            id: LotId(self.lot),
            granted: Points(self.granted),
            remaining: Points(self.remaining),
            held: Points(self.held),
            expired: Points(self.expired),
            available_at: Instant(self.available_at),
            expires_at: Instant(self.expires_at),
            price: read_name(&self.price)?,
            cost: Money(self.cost),
            funding: match self.funding {
                None => None,
                Some(funding) => Some(Arc::new(read_json(&funding, "who funds a lot")?)),
            },
        })
    }

    /// The account that it belongs to.
    ///
    /// # Errors
    /// If the row was changed.
    pub fn account_key(&self) -> Result<AccountKey, StoreError> {
        Ok(AccountKey { member: MemberId(self.member), programme: read_name(&self.programme)? })
    }

    /// The row of a lot.
    pub fn of(key: &AccountKey, lot: &Lot) -> Self {
        Self {
            lot: lot.id.0,
            shard: lot.id.shard().0,
            member: key.member.0,
            programme: key.programme.to_string(),
            granted: lot.granted.0,
            remaining: lot.remaining.0,
            held: lot.held.0,
            expired: lot.expired.0,
            available_at: lot.available_at.0,
            expires_at: lot.expires_at.0,
            price: lot.price.to_string(),
            live: lot.is_live(),
            cost: lot.cost.0,
            funding: lot.funding.as_deref().map(write_json),
        }
    }
}

/// A hold's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = holds, treat_none_as_default_value = false)]
pub struct HoldRow {
    /// The transaction that made it.
    pub hold: i64,
    /// The shard that made it.
    pub shard: i64,
    /// Who posted it.
    pub party: String,
    /// Whose points.
    pub member: i64,
    /// Of which programme.
    pub programme: String,
    /// When it times out.
    pub valid_until: i64,
    /// The lots, as JSON.
    pub allocations: String,
    /// Whether it still reserves anything.
    pub open: bool,
    /// What its capture would make parties owe, as JSON; none: nothing.
    pub owes: Option<String>,
}

impl HoldRow {
    /// The hold.
    ///
    /// # Errors
    /// If the row was changed.
    pub fn into_hold(self) -> Result<Hold, StoreError> {
        Ok(Hold {
            id: TransactionId(self.hold),
            party: read_name(&self.party)?,
            member: MemberId(self.member),
            programme: read_name::<ProgrammeId>(&self.programme)?,
            allocations: read_json(&self.allocations, "a hold's lots")?,
            valid_until: Instant(self.valid_until),
            open: self.open,
            owes: match self.owes {
                None => BTreeMap::new(),
                Some(owes) => read_json(&owes, "what a hold would make parties owe")?,
            },
        })
    }

    /// The row of a hold.
    pub fn of(hold: &Hold) -> Self {
        Self {
            hold: hold.id.0,
            shard: hold.id.shard().0,
            party: hold.party.to_string(),
            member: hold.member.0,
            programme: hold.programme.to_string(),
            valid_until: hold.valid_until.0,
            allocations: write_json(&hold.allocations),
            open: hold.open,
            owes: Some(&hold.owes).filter(|owes| !owes.is_empty()).map(write_json),
        }
    }
}
