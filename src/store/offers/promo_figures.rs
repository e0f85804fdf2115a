//! What became of a batch of promo codes: codes used, points, and what was bought afterwards.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::prelude::*;

use super::promo_codes::Batch;
use super::promo_uses::{CodeUse, granted};
use crate::domain::amount::{Money, Points};
use crate::domain::ids::{LotId, MemberId};
use crate::domain::receipt::Part;
use crate::domain::time::Instant;
use crate::domain::transaction::{Detail, Transaction};
use crate::store::connection::{Database, each_backend};
use crate::store::rows::read_json;
use crate::store::schema::{lots, promo_codes, transactions};
use crate::store::{StoreError, members};

/// Uses that are looked at in one read.
const USES_AT_ONCE: i64 = 500;

/// Uses of which it is looked what was bought afterwards.
pub const USES_MAX: i64 = 5_000;

/// Transactions of the members of one read that are looked at.
const TRANSACTIONS_MAX: i64 = 20_000;

/// An article that was bought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Product {
    /// On how many lines.
    pub lines: i64,
    /// For how much.
    pub amount: Money,
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Codes that were used at least once.
    pub codes_used: i64,
    /// Uses that were looked at; at most [`USES_MAX`].
    pub uses: i64,
    /// Members that used a code.
    pub members: BTreeSet<MemberId>,
    /// Points given.
    pub granted: Points,
    /// Of these, points that can still be spent, those that a hold reserves included.
    pub left: Points,
    /// Of these, points that were lost by expiry.
    pub expired: Points,
    /// Receipts of these members in the programme from their use on.
    pub orders: i64,
    /// What they come to.
    pub ordered: Money,
    /// Members with such a receipt.
    pub buyers: BTreeSet<MemberId>,
    /// What was bought, by article.
    pub products: BTreeMap<String, Product>,
}

/// What became of a batch; of its first uses, if it has many.
///
/// # Errors
/// If the database fails, or what is stored can't be read.
pub fn of_batch(connection: &mut Database, batch: &Batch) -> Result<Figures, StoreError> {
    let mut figures = Figures {
        codes_used: promo_codes::table
            .filter(promo_codes::batch.eq(batch.number))
            .filter(promo_codes::used.gt(0))
            .count()
            .get_result(connection)?,
        ..Figures::default()
    };
    let mut after = 0;
    while figures.uses < USES_MAX {
        let uses = granted(connection, batch.number, after, USES_AT_ONCE)?;
        let Some(last) = uses.last() else { break };
        after = last.number;
        figures.uses += i64::try_from(uses.len()).unwrap_or(i64::MAX);
        figures.granted += uses.iter().map(|one| one.points).sum();
        add_lots(connection, &uses, &mut figures)?;
        add_orders(connection, &uses, &mut figures)?;
    }
    Ok(figures)
}

fn add_lots(
    connection: &mut Database,
    uses: &[CodeUse],
    figures: &mut Figures,
) -> Result<(), StoreError> {
    let ids: Vec<i64> =
        uses.iter().filter_map(|one| one.posted).map(|posted| LotId::of(posted, 0).0).collect();
    let rows: Vec<(i64, i64, i64)> = each_backend!(connection, |one| {
        lots::table
            .select((lots::remaining, lots::held, lots::expired))
            .filter(lots::lot.eq_any(&ids))
            .load(one)
    })?;
    for (remaining, held, expired) in rows {
        figures.left += Points(remaining + held);
        figures.expired += Points(expired);
    }
    Ok(())
}

fn add_orders(
    connection: &mut Database,
    uses: &[CodeUse],
    figures: &mut Figures,
) -> Result<(), StoreError> {
    let named: Vec<i64> = uses.iter().map(|one| one.member.0).collect();
    let current = members::current(connection, &named)?;
    let mut since: HashMap<i64, &CodeUse> = HashMap::new();
    for one in uses {
        let now = current.get(&one.member).copied().unwrap_or(one.member);
        // A member that used several codes is counted once, from the first use on.
        if !figures.members.insert(now) {
            continue;
        }
        for member in [one.member, now] {
            since.entry(member.0).or_insert(one);
        }
    }
    let ids: Vec<i64> = since.keys().copied().collect();
    let first = since.values().map(|one| one.used_at).min().unwrap_or(Instant(i64::MAX));
    let rows: Vec<String> = each_backend!(connection, |one| {
        transactions::table
            .select(transactions::content)
            .filter(transactions::member.eq_any(&ids))
            .filter(transactions::recorded_at.ge(first.0))
            .limit(TRANSACTIONS_MAX)
            .load(one)
    })?;
    for content in rows {
        let transaction: Transaction = read_json(&content, "a transaction")?;
        let Some(one) = since.get(&transaction.member.0) else { continue };
        let Detail::Purchase { part, .. } = &transaction.detail else { continue };
        if one.used_at <= transaction.recorded_at && part.programme == one.programme {
            figures.buyers.insert(current.get(&one.member).copied().unwrap_or(one.member));
            figures.add_order(part);
        }
    }
    Ok(())
}

impl Figures {
    fn add_order(&mut self, part: &Part) {
        self.orders += 1;
        self.ordered += part.amount();
        for line in &part.lines {
            let Some(sku) = &line.sku else { continue };
            let product = self.products.entry(sku.clone()).or_default();
            product.lines += 1;
            product.amount += line.amount;
        }
    }
}
