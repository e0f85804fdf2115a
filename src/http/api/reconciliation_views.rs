//! How reconciliations and breaks are shown: figures as decimals of their scales.

use serde_json::{Value, json};

use crate::domain::amount::{Money, Points};
use crate::domain::ids::TransactionId;
use crate::domain::reconciliation::handling::{Deed, Handling, Resolution};
use crate::domain::reconciliation::{Break, Bridge, Figures, Gap, Proposal, Totals};
use crate::domain::terms::Coalition;
use crate::http::problem::Problem;
use crate::reconcile::{Outcome, Request};
use crate::store::breaks::{BreakEvent, BreakRow, state_of};
use crate::store::reconciliations::{PartRow, RunRow};
use crate::store::rows::read_json;

/// A page of a list; `next` where there may be more.
pub(super) fn page_of(data: &[Value], next: Option<String>, limit: i64) -> Value {
    let is_full = i64::try_from(data.len()).is_ok_and(|count| count == limit);
    json!({"data": data, "page": {"next": next.filter(|_| is_full), "limit": limit}})
}

/// The decimals of a run.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    money: u32,
    points: u32,
}

impl Shown {
    /// The decimals of a run's figures.
    pub fn of(coalition: &Coalition, request: &Request) -> Self {
        Self { money: coalition.money_scale, points: request.points_scale }
    }

    fn money(self, money: Money) -> String {
        money.text(self.money)
    }

    fn points(self, points: Points) -> String {
        points.text(self.points)
    }

    fn totals(self, totals: &Totals) -> Value {
        json!({
            "lines": totals.lines,
            "gross": self.money(totals.gross),
            "net": self.money(totals.net),
            "points_gross": self.points(totals.points_gross),
            "points_net": self.points(totals.points_net),
        })
    }

    fn bridge(self, bridge: &Bridge) -> Value {
        let step = |step: &crate::domain::reconciliation::Step| json!({"class": step.class, "effect": self.totals(&step.effect)});
        json!({
            "currency": bridge.currency,
            "theirs": self.totals(&bridge.theirs),
            "steps": bridge.steps.iter().map(step).collect::<Vec<_>>(),
            "ours": self.totals(&bridge.ours),
            "residue": self.totals(&bridge.residue()),
        })
    }

    fn gap(self, gap: &Gap) -> Value {
        let detail = gap.to_string();
        match gap {
            Gap::NoControl => json!({"gap": "no_control", "detail": detail}),
            Gap::Lines { declared, found } => json!({
                "gap": "lines", "declared": declared.to_string(), "found": found.to_string(),
                "detail": detail,
            }),
            Gap::Amount { declared, found } => json!({
                "gap": "amount", "declared": self.money(*declared), "found": self.money(*found),
                "detail": detail,
            }),
            Gap::Points { declared, found } => json!({
                "gap": "points", "declared": self.points(*declared), "found": self.points(*found),
                "detail": detail,
            }),
            Gap::Range { from, until } => {
                json!({"gap": "range", "from": from, "to": until, "detail": detail})
            }
            Gap::Head { missing } => json!({"gap": "head", "missing": missing, "detail": detail}),
            Gap::Tail { missing } => json!({"gap": "tail", "missing": missing, "detail": detail}),
        }
    }

    fn figures(self, figures: &Figures) -> Value {
        json!({
            "kind": figures.kind,
            "amount": self.money(figures.amount),
            "points": self.points(figures.points),
            "at": figures.at,
            "currency": figures.currency,
        })
    }

    fn proposal(self, proposal: &Proposal) -> Value {
        match proposal {
            Proposal::PostHere { kind, amount, points } => json!({
                "entry": "post_here", "kind": kind, "amount": self.money(*amount),
                "points": self.points(*points),
            }),
            Proposal::ReverseHere { transaction } => {
                json!({"entry": "reverse_here", "transaction": transaction})
            }
            Proposal::CorrectHere { transaction, by_amount, by_points } => json!({
                "entry": "correct_here", "transaction": transaction,
                "amount": self.money(*by_amount), "points": self.points(*by_points),
            }),
            Proposal::CorrectThere { line_no, transaction } => {
                json!({"entry": "correct_there", "line": line_no, "transaction": transaction})
            }
            Proposal::RemoveThere { line_no } => {
                json!({"entry": "remove_there", "line": line_no})
            }
            Proposal::CarryOver { line_no, recorded_at } => {
                json!({"entry": "carry_over", "line": line_no, "recorded_at": recorded_at})
            }
            Proposal::Wait => json!({"entry": "wait"}),
        }
    }

    /// A break, and what became of it.
    pub fn row(self, row: &BreakRow) -> Value {
        let one: &Break = &row.found;
        let owes = row.handling.owes.map(|owes| self.money(Money(owes)));
        let mut view = json!({
            "number": one.number,
            "class": one.class,
            "state": state_of(one, &row.handling.handling),
            "line": one.line_no,
            "transaction": one.transaction,
            "ref": one.reference,
            "theirs": one.theirs.as_ref().map(|side| self.figures(side)),
            "ours": one.ours.as_ref().map(|side| self.figures(side)),
            "currency": one.currency,
            "effect": self.money(one.effect),
            "points_effect": self.points(one.points_effect),
            "age_days": one.age_days,
            "proposal": self.proposal(&one.proposal),
        });
        let handling = match &row.handling.handling {
            Handling::Open => Value::Null,
            Handling::Settled { by } => {
                let earlier = json!({
                    "reconciliation": by.run, "number": by.number,
                    "resolution": by.resolution.name(),
                });
                insert(&mut view, "settled_by", earlier);
                Value::Null
            }
            Handling::Proposed { resolution, maker } => {
                handled(*resolution, maker, (None, owes), None)
            }
            Handling::Resolved { resolution, maker, checker } => {
                handled(*resolution, maker, (checker.as_ref(), owes), row.posted)
            }
        };
        insert(&mut view, "handling", handling);
        view
    }
}

fn insert(view: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = view {
        fields.insert(name.to_owned(), value);
    }
}

fn handled(
    resolution: Resolution,
    maker: &Deed,
    (checker, owes): (Option<&Deed>, Option<String>),
    posted: Option<TransactionId>,
) -> Value {
    json!({
        "resolution": resolution.name(),
        "maker": maker,
        "checker": checker,
        "party_pays": owes,
        "adjustment": posted,
    })
}

/// What was done with a break.
pub(super) fn history_of(events: &[BreakEvent]) -> Vec<Value> {
    let event = |(at, by, action, why): &BreakEvent| json!({"at": at, "by": by, "action": action, "why": why});
    events.iter().map(event).collect()
}

/// A reconciliation.
pub(super) fn view_of(
    coalition: &Coalition,
    row: &RunRow,
    parts: &[PartRow],
    by_state: &[(String, i64)],
) -> Result<Value, Problem> {
    let request: Request = read_json(&row.request, "a reconciliation's request")?;
    let shown = Shown::of(coalition, &request);
    let part = |one: &PartRow| json!({"part": one.part, "size": one.size, "sha256": one.sha256});
    let mut view = json!({
        "id": row.id,
        "party": row.party,
        "state": row.state.name(),
        "name": request.name,
        "cycle": request.cycle,
        "from": request.range.0,
        "to": request.range.1,
        "programme": request.programme,
        "created_at": row.created_at,
        "created_by": row.author,
        "parts": parts.iter().map(part).collect::<Vec<_>>(),
        "sha256": row.sha256,
        "size": row.file_size,
        "finished_at": row.finished_at,
        "verdict": row.verdict,
    });
    let outcome = row.outcome.as_deref().map(|text| read_json(text, "what a run found"));
    let outcome: Option<Outcome> = outcome.transpose()?;
    if let (Some(outcome), Value::Object(fields)) = (outcome, &mut view) {
        let bridges: Vec<Value> = outcome.bridges.iter().map(|one| shown.bridge(one)).collect();
        let gaps: Vec<Value> = outcome.gaps.iter().map(|gap| shown.gap(gap)).collect();
        let states: serde_json::Map<String, Value> =
            by_state.iter().map(|(state, count)| (state.clone(), json!(count))).collect();
        fields.insert("lines".into(), json!(outcome.lines));
        fields.insert("counts".into(), json!(outcome.counts));
        fields.insert("gaps".into(), json!(gaps));
        fields.insert("bridges".into(), json!(bridges));
        fields.insert("left_out".into(), json!(outcome.left_out));
        fields.insert("breaks".into(), json!(states));
        fields.insert("error".into(), json!(outcome.error));
        fields.insert("errors".into(), json!(outcome.wrong_lines));
    }
    Ok(view)
}
