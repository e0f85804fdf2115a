//! How transactions and refusals are answered. These bytes are stored with the idempotency key.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::adjustment::{Cause, Corrected};
use crate::domain::amount::Points;
use crate::domain::command::{Kind, ServiceKind};
use crate::domain::ids::{LevelId, MemberId, PartyId, ProgrammeId, Reference, TransactionId};
use crate::domain::settlement::CycleId;
use crate::domain::settlement::payment::ItemId;
use crate::domain::terms::Coalition;
use crate::domain::till::Till;
use crate::domain::time::{Day, Instant};
use crate::domain::transaction::{Detail, RefundPart, Transaction};

/// A transaction as its poster sees it.
#[derive(Debug, Serialize)]
pub struct TransactionAnswer<'a> {
    id: TransactionId,
    kind: Kind,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a Reference>,
    party: &'a PartyId,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<MemberId>,
    recorded_at: Instant,
    settlement_day: Day,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    till: Option<&'a Till>,
    #[serde(flatten)]
    outcome: Outcome<'a>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Outcome<'a> {
    Purchase {
        programme: &'a ProgrammeId,
        earned: String,
        burned: String,
        to_pay: String,
        tier: Option<&'a LevelId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        released: Option<String>,
    },
    CardPayment {
        programmes: BTreeMap<&'a ProgrammeId, CardOutcome<'a>>,
    },
    Delivery {
        of: &'a Reference,
        changed: bool,
    },
    Refund {
        #[serde(skip_serializing_if = "Option::is_none")]
        of: Option<TransactionId>,
        #[serde(flatten)]
        outcome: Refunded<'a>,
    },
    Grant {
        programme: &'a ProgrammeId,
        granted: String,
    },
    Hold {
        programme: &'a ProgrammeId,
        held: String,
        valid_until: Instant,
    },
    Capture {
        programme: &'a ProgrammeId,
        of: TransactionId,
        burned: String,
        released: String,
    },
    Void {
        programme: &'a ProgrammeId,
        of: TransactionId,
        released: String,
    },
    Exchange {
        from: &'a ProgrammeId,
        to: &'a ProgrammeId,
        taken: String,
        given: String,
    },
    Merge {
        keep: MemberId,
        drop: MemberId,
    },
    Unmerge {
        of: TransactionId,
        keep: MemberId,
        restored: MemberId,
    },
    PersonalRule {
        programme: &'a ProgrammeId,
        max_share: Option<String>,
    },
    Expiry {
        programme: &'a ProgrammeId,
        expired: String,
        holds: &'a [TransactionId],
    },
    Pack {
        programme: &'a ProgrammeId,
        points: String,
        price_per_point: String,
        amount: String,
        valid_from: Instant,
        valid_until: Instant,
    },
    Service {
        programme: &'a ProgrammeId,
        service: ServiceKind,
        count: i64,
        paid_by: &'a PartyId,
        amount: String,
    },
    Closing {
        cycle: &'a CycleId,
    },
    Payment {
        #[serde(skip_serializing_if = "Option::is_none")]
        leg: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        entry: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        booked_on: Option<Day>,
        #[serde(skip_serializing_if = "Option::is_none")]
        item: Option<ItemId>,
    },
    Adjustment {
        concerns: &'a PartyId,
        #[serde(skip_serializing_if = "Option::is_none")]
        programme: Option<&'a ProgrammeId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        of: Option<TransactionId>,
        cause: Cause,
        #[serde(skip_serializing_if = "Option::is_none")]
        corrects: Option<CorrectedLine<'a>>,
    },
}

/// The line of a partner's list that an adjustment corrects.
#[derive(Debug, Serialize)]
struct CorrectedLine<'a> {
    #[serde(rename = "ref")]
    reference: &'a str,
    kind: Kind,
    by_amount: String,
    at: Instant,
}

impl<'a> CorrectedLine<'a> {
    fn of(line: &'a Corrected, coalition: &Coalition) -> Self {
        Self {
            reference: &line.reference,
            kind: line.kind,
            by_amount: line.by_amount.text(coalition.money_scale),
            at: line.at,
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum CardOutcome<'a> {
    Earned { earned: String, tier: Option<&'a LevelId> },
    Refused { refused: &'a str },
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Refunded<'a> {
    One {
        programme: &'a ProgrammeId,
        #[serde(flatten)]
        figures: RefundFigures,
    },
    Several {
        programmes: BTreeMap<&'a ProgrammeId, RefundFigures>,
    },
}

#[derive(Debug, Serialize)]
struct RefundFigures {
    restored: String,
    clawed_back: String,
    debt_added: String,
}

/// Writes points with the scale of their programme.
pub fn points_text(coalition: &Coalition, programme: &ProgrammeId, points: Points) -> String {
    points.text(coalition.programmes.get(programme).map_or(0, |one| one.scales.points))
}

impl<'a> TransactionAnswer<'a> {
    /// The answer to a transaction.
    pub fn of(transaction: &'a Transaction, coalition: &Coalition) -> Self {
        Self {
            id: transaction.id,
            kind: transaction.kind,
            reference: transaction.reference.as_ref(),
            party: &transaction.party,
            member: Some(transaction.member).filter(|member| member.is_somebody()),
            recorded_at: transaction.recorded_at,
            settlement_day: transaction.settlement_day,
            at: transaction.at,
            till: transaction.till.as_deref(),
            outcome: Outcome::of(transaction, coalition),
        }
    }
}

impl<'a> Outcome<'a> {
    fn of(transaction: &'a Transaction, coalition: &Coalition) -> Self {
        let text = |programme: &ProgrammeId, points| points_text(coalition, programme, points);
        match &transaction.detail {
            Detail::Purchase { part, hold, released } => Self::Purchase {
                programme: &part.programme,
                earned: text(&part.programme, part.earned),
                burned: text(&part.programme, part.burned),
                to_pay: part.to_pay.text(coalition.money_scale),
                tier: part.tier.as_ref(),
                released: hold.map(|_| text(&part.programme, *released)),
            },
            Detail::CardPayment { parts, refused } => {
                let earned = parts.iter().map(|part| {
                    let earned = text(&part.programme, part.earned);
                    (&part.programme, CardOutcome::Earned { earned, tier: part.tier.as_ref() })
                });
                let refused =
                    refused.iter().map(|(one, code)| (one, CardOutcome::Refused { refused: code }));
                Self::CardPayment { programmes: earned.chain(refused).collect() }
            }
            Detail::Delivery { of, .. } => Self::Delivery { of, changed: true },
            Detail::Refund { of, parts } => {
                Self::Refund { of: *of, outcome: Refunded::of(parts, coalition) }
            }
            Detail::Grant { programme, granted } => {
                Self::Grant { programme, granted: text(programme, *granted) }
            }
            Detail::Hold { programme, held, valid_until, .. } => {
                let held = text(programme, *held);
                Self::Hold { programme, held, valid_until: *valid_until }
            }
            Detail::Capture { programme, of, burned, released } => {
                let (burned, released) = (text(programme, *burned), text(programme, *released));
                Self::Capture { programme, of: *of, burned, released }
            }
            Detail::Void { programme, of, released } => {
                Self::Void { programme, of: *of, released: text(programme, *released) }
            }
            Detail::Exchange { from, to, taken, given, .. } => {
                Self::Exchange { from, to, taken: text(from, *taken), given: text(to, *given) }
            }
            Detail::Merge { drop, .. } => Self::Merge { keep: transaction.member, drop: *drop },
            Detail::Unmerge { of, restored } => {
                Self::Unmerge { of: *of, keep: transaction.member, restored: *restored }
            }
            Detail::PersonalRule { programme, max_share } => {
                let max_share = max_share.map(|share| share.to_string());
                Self::PersonalRule { programme, max_share }
            }
            Detail::Pack { .. } | Detail::Service { .. } => Self::of_house(transaction, coalition),
            Detail::Closing { cycle } => Self::Closing { cycle },
            Detail::Payment { leg, entry, booked_on, item } => Self::Payment {
                leg: leg.as_deref(),
                entry: entry.as_deref(),
                booked_on: *booked_on,
                item: *item,
            },
            Detail::Adjustment { party, programme, of, cause, corrected } => Self::Adjustment {
                concerns: party,
                programme: programme.as_ref(),
                of: *of,
                cause: *cause,
                corrects: corrected.as_ref().map(|line| CorrectedLine::of(line, coalition)),
            },
            Detail::Expiry { programme, holds, expired } => {
                Self::Expiry { programme, expired: text(programme, *expired), holds }
            }
        }
    }
}

impl<'a> Outcome<'a> {
    /// What concerns no member.
    fn of_house(transaction: &'a Transaction, coalition: &Coalition) -> Self {
        match &transaction.detail {
            Detail::Pack { programme, bought, price, amount, starts_at, ends_at } => Self::Pack {
                programme,
                points: points_text(coalition, programme, *bought),
                price_per_point: price.to_string(),
                amount: amount.text(coalition.money_scale),
                valid_from: *starts_at,
                valid_until: *ends_at,
            },
            Detail::Service { programme, service, count, paid_by, amount, .. } => Self::Service {
                programme,
                service: *service,
                count: *count,
                paid_by,
                amount: amount.text(coalition.money_scale),
            },
            _ => unreachable!("only what concerns no member is sent here"),
        }
    }
}

impl<'a> Refunded<'a> {
    fn of(parts: &'a [RefundPart], coalition: &Coalition) -> Self {
        let figures = |part: &RefundPart| RefundFigures {
            restored: points_text(coalition, &part.programme, part.restored),
            clawed_back: points_text(coalition, &part.programme, part.clawed_back),
            debt_added: points_text(coalition, &part.programme, part.debt_added),
        };
        match parts {
            [part] => Self::One { programme: &part.programme, figures: figures(part) },
            parts => Self::Several {
                programmes: parts.iter().map(|part| (&part.programme, figures(part))).collect(),
            },
        }
    }
}

/// Writes an answer as JSON.
pub fn json_text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("answers are plain JSON")
}
