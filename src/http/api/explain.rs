//! A transaction in full: postings, lots and the arithmetic, as far as the viewer may see them.
//!
//! The operator, the auditor and the brand of the programme see all. The party that posted sees
//! the points and the money that it owes or is owed. Nobody else sees anything.

use serde_json::{Map, Value, json};

use crate::domain::amount::Points;
use crate::domain::hold::Allocation;
use crate::domain::ids::PartyId;
use crate::domain::log::leaf::leaf_data;
use crate::domain::obligation::{Share, WHOLE_SHARE};
use crate::domain::pack::FromPack;
use crate::domain::posting::{Body, Posting};
use crate::domain::receipt::Part;
use crate::domain::terms::Coalition;
use crate::domain::terms::programme::EarnRule;
use crate::domain::transaction::{DatedLot, Detail, NewLot, Transaction};
use crate::http::present::{TransactionAnswer, points_text};
use crate::store::views::StoredTransaction;

/// Who looks at a transaction.
pub struct Viewer<'a> {
    party: Option<&'a PartyId>,
    is_poster: bool,
    sees_all: bool,
}

impl<'a> Viewer<'a> {
    /// A party, or an operator where there is none.
    pub fn of(
        party: Option<&'a PartyId>,
        coalition: &Coalition,
        transaction: &Transaction,
    ) -> Self {
        let Some(viewer) = party else {
            return Self { party: None, is_poster: false, sees_all: true };
        };
        let programmes = transaction.programmes();
        let is_brand = |id| coalition.programmes.get(id).is_some_and(|one| &one.brand == viewer);
        let sees_all = !programmes.is_empty() && programmes.into_iter().all(is_brand);
        Self { party, is_poster: transaction.concerns(viewer), sees_all }
    }

    /// Whether the transaction may be seen at all.
    pub const fn may_see(&self) -> bool {
        self.is_poster || self.sees_all
    }

    fn sees(&self, posting: &Posting) -> bool {
        let is_side = |party: Option<&PartyId>| party.is_some() && party == self.party;
        match posting.body {
            Body::Points { .. } => true,
            Body::Money { .. } => {
                self.sees_all || is_side(posting.from.party()) || is_side(posting.to.party())
            }
        }
    }
}

/// The transaction in full.
pub fn full_view(stored: &StoredTransaction, coalition: &Coalition, viewer: &Viewer<'_>) -> Value {
    let transaction = &stored.transaction;
    let mut view = serde_json::to_value(TransactionAnswer::of(transaction, coalition))
        .expect("answers are plain JSON");
    let postings: Vec<Value> = transaction
        .postings
        .iter()
        .filter(|posting| viewer.sees(posting))
        .map(|posting| posting_view(posting, coalition, viewer))
        .collect();
    let lots = transaction.lots.iter().map(|lot| lot_view(lot, coalition, viewer));
    let lots: Vec<Value> = lots.collect();
    if let Value::Object(fields) = &mut view {
        fields.insert("config_version".into(), transaction.config_version.into());
        // The chain's own hash would let a party guess what the next entries say (domain/log/leaf).
        let chain = <[u8; 32]>::try_from(stored.hash.as_slice()).unwrap_or_default();
        let hash = hexadecimal(&leaf_data(&chain, &[]));
        fields.insert("hash".into(), hash.into());
        fields.insert("postings".into(), postings.into());
        fields.insert("lots".into(), lots.into());
        fields.insert("explain".into(), explain(transaction, coalition, viewer));
    }
    view
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
        text
    })
}

fn posting_view(posting: &Posting, coalition: &Coalition, viewer: &Viewer<'_>) -> Value {
    let (from, to) = (posting.from.to_string(), posting.to.to_string());
    match &posting.body {
        Body::Points { points, lot, cost, .. } => {
            let accounts = [&posting.from, &posting.to];
            let programme = accounts.into_iter().find_map(|one| one.programme());
            let points = programme.map(|programme| points_text(coalition, programme, *points));
            let mut view = json!({"from": from, "to": to, "points": points, "unit": programme});
            if let (Some(lot), Value::Object(fields)) = (lot, &mut view) {
                fields.insert("lot".into(), lot.to_string().into());
                if viewer.sees_all && cost.is_positive() {
                    fields.insert("cost".into(), cost.text(coalition.money_scale).into());
                }
            }
            view
        }
        Body::Money {
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
        } => {
            let counted = programme.as_ref().filter(|_| !obligation.counts_pieces());
            let points = counted.map_or_else(
                || points.0.to_string(),
                |programme| points_text(coalition, programme, *points),
            );
            json!({
                "from": from,
                "to": to,
                "amount": amount.text(coalition.money_scale),
                "unit": coalition.currency,
                "programme": programme,
                "obligation": obligation,
                "reverses": reverses,
                "for": points,
                "price": price.map(|price| price.to_string()),
                "percentage": percentage.map(|factor| factor.to_string()),
                "lot": lot,
                "under": **under,
                "late_for": late_for,
            })
        }
    }
}

fn lot_view(lot: &NewLot, coalition: &Coalition, viewer: &Viewer<'_>) -> Value {
    // A lot may remember who funded it where nothing is due any more.
    let due = lot.funding.as_ref().filter(|funding| !funding.price.is_zero());
    let at_burn = due.map(|funding| {
        json!({
            "cost": viewer.sees_all.then(|| lot.cost.text(coalition.money_scale)),
            "price_per_point": funding.price.to_string(),
            "funding": shares_view(&funding.shares, viewer),
        })
    });
    json!({
        "id": lot.id,
        "programme": lot.programme,
        "granted": points_text(coalition, &lot.programme, lot.granted),
        "available_at": lot.available_at,
        "expires_at": lot.expires_at,
        "price": lot.price.to_string(),
        "at_burn": at_burn,
        "promo": lot.promo,
    })
}

/// The arithmetic: which rule, which rate, which lots, which money.
fn explain(transaction: &Transaction, coalition: &Coalition, viewer: &Viewer<'_>) -> Value {
    let parts: Vec<Value> =
        transaction.parts().iter().map(|part| part_view(part, coalition, viewer)).collect();
    let mut view = Map::new();
    if !parts.is_empty() {
        view.insert("parts".into(), parts.into());
    }
    match &transaction.detail {
        Detail::Refund { parts, .. } => {
            let kept = |part: &crate::domain::transaction::RefundPart| {
                json!({
                    "programme": part.programme,
                    "kept": part.kept.text(coalition.money_scale),
                    "absorbed": points_text(coalition, &part.programme, part.absorbed),
                    "borne_by": part.borne_by,
                    "to_packs": packs_view(&part.to_packs, |points| {
                        points_text(coalition, &part.programme, points)
                    }),
                })
            };
            view.insert("refunded".into(), parts.iter().map(kept).collect());
        }
        Detail::Delivery { dated, .. } => {
            let view_of =
                |lot: &DatedLot| DatedLot { programme: None, points: Points::ZERO, ..lot.clone() };
            let lots: Vec<DatedLot> = dated.iter().map(view_of).collect();
            view.insert("dated".into(), json!(lots));
        }
        Detail::Hold { programme, allocations, .. } => {
            view.insert(
                "taken".into(),
                taken_view(allocations, |points| points_text(coalition, programme, points)),
            );
        }
        Detail::Exchange { rate, .. } => {
            view.insert("rate".into(), rate.to_string().into());
        }
        _ => {}
    }
    if let Some(tier) = &transaction.tier_after {
        view.insert("tier_after".into(), tier.as_str().into());
    }
    Value::Object(view)
}

fn part_view(part: &Part, coalition: &Coalition, viewer: &Viewer<'_>) -> Value {
    let points = |points| points_text(coalition, &part.programme, points);
    let scales = coalition.programmes.get(&part.programme).map(|one| one.scales);
    let rule = part.rule.as_ref().map(|rule| match rule {
        EarnRule::Rate(rate) => json!({"rate": rate.to_string()}),
        EarnRule::Step { points, per } => {
            let scale = scales.map_or(0, |scales| scales.points);
            let per = crate::domain::amount::Money(*per).text(coalition.money_scale);
            json!({"step": {"points": crate::domain::amount::Points(*points).text(scale), "per": per}})
        }
    });
    let earning = part.earn_money.as_ref().map(|money| {
        json!({
            "price_of_purchase": money.of_purchase.map(|part| part.to_string()),
            "price_per_point": money.price.to_string(),
            "percentage": money.percentage.to_string(),
            "at_issue": money.at_issue.to_string(),
            "fee_per_point": money.fee.to_string(),
            "funding": shares_view(&money.funding, viewer),
        })
    });
    let burning = part.burn_money.as_ref().map(|money| {
        json!({"reimburse_per_point": money.reimburse.to_string(), "fee_per_point": money.fee.to_string()})
    });
    json!({
        "programme": part.programme,
        "day": part.day,
        "tier": part.tier,
        "rule": rule,
        "eligible": part.eligible.text(coalition.money_scale),
        "earned": points(part.earned),
        "burned": points(part.burned),
        "max_share": part.max_share.map(|share| share.to_string()),
        "taken": taken_view(&part.taken, points),
        "from_packs": packs_view(&part.from_packs, points),
        "earn_money": earning,
        "burn_money": burning,
    })
}

fn taken_view(
    taken: &[Allocation],
    text: impl Fn(crate::domain::amount::Points) -> String,
) -> Value {
    taken.iter().map(|one| json!({"lot": one.lot, "points": text(one.points)})).collect()
}

fn packs_view(packs: &[FromPack], text: impl Fn(crate::domain::amount::Points) -> String) -> Value {
    packs.iter().map(|one| json!({"pack": one.pack, "points": text(one.points)})).collect()
}

/// The shares that a viewer may see, as parts of one.
fn shares_view(shares: &[Share], viewer: &Viewer<'_>) -> Value {
    let may_see = |share: &&Share| viewer.sees_all || Some(&share.party) == viewer.party;
    let part = |one: &Share| {
        let whole = rust_decimal::Decimal::new(WHOLE_SHARE, 0);
        (rust_decimal::Decimal::new(one.weight, 0) / whole).normalize().to_string()
    };
    let shown = shares.iter().filter(may_see);
    shown.map(|one| json!({"party": one.party, "share": part(one)})).collect()
}
