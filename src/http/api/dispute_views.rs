//! How disputes are shown.

use serde_json::{Value, json};

use crate::domain::reconciliation::dispute::case::Participant;
use crate::domain::reconciliation::dispute::{DisputeSide, DisputeState};
use crate::domain::terms::Coalition;
use crate::domain::time::Instant;
use crate::store::disputes::{self, DisputeEvent, DisputeRow};
use crate::store::rows::read_json;
use crate::store::{Database, StoreError};

/// A dispute as it stands.
pub(super) fn view_of(coalition: &Coalition, row: &DisputeRow, now: Instant) -> Value {
    let case = &row.case;
    let dispute = &case.dispute;
    let scale = coalition.money_scale;
    let name_of = |side: DisputeSide| {
        let both = [Participant::Party, Participant::ClearingHouse];
        let found = both.into_iter().find(|who| case.side_of(*who) == side);
        found.map(Participant::name)
    };
    let proposed = match &dispute.state {
        DisputeState::Proposed { amount, claimant, respondent } => {
            let approvals =
                [(claimant, DisputeSide::Claimant), (respondent, DisputeSide::Respondent)];
            let approved: Vec<Value> = approvals
                .into_iter()
                .filter_map(|(by, side)| Some(json!({"side": name_of(side), "by": by.as_ref()?})))
                .collect();
            json!({"amount": amount.text(scale), "approvals": approved})
        }
        DisputeState::Approved { amount } => {
            json!({"amount": amount.text(scale), "approvals": []})
        }
        _ => Value::Null,
    };
    let rejected = match &dispute.state {
        DisputeState::Rejected { by, why } => json!({"side": name_of(*by), "why": why}),
        _ => Value::Null,
    };
    let booking = match &dispute.state {
        DisputeState::Booked { transaction } => Some(*transaction),
        _ => None,
    };
    json!({
        "id": row.id,
        "party": case.party,
        "opened_by": case.opened_by,
        "cycle": case.cycle,
        "statement": case.statement,
        "programme": case.programme,
        "kind": dispute.kind,
        "lines": case.lines,
        "own_lines": case.own_lines,
        "amount": dispute.amount.text(scale),
        "currency": coalition.currency,
        "why": case.why,
        "state": dispute.state.name(),
        "opened_at": dispute.opened_at,
        "acknowledge_by": dispute.acknowledge_by,
        "due": dispute.due,
        "unanswered": dispute.is_unanswered(now),
        "reserved": dispute.reserved().text(scale),
        "proposed": proposed,
        "rejected": rejected,
        "entries": {"reserve": case.reserve, "booking": booking, "release": case.release},
    })
}

/// A dispute with all that was done in it.
pub(super) fn full_view(
    database: &mut Database,
    coalition: &Coalition,
    row: &DisputeRow,
    now: Instant,
) -> Result<Value, StoreError> {
    let history: Vec<Value> = disputes::events(database, row.id)?
        .iter()
        .map(event_view)
        .collect::<Result<_, StoreError>>()?;
    let mut view = view_of(coalition, row, now);
    if let Value::Object(fields) = &mut view {
        fields.insert("history".into(), history.into());
    }
    Ok(view)
}

fn event_view(event: &DisputeEvent) -> Result<Value, StoreError> {
    let said: Value = read_json(&event.content, "what was said in a dispute")?;
    Ok(json!({
        "at": event.at,
        "side": event.side,
        "by": event.author,
        "action": event.action,
        "said": said,
    }))
}
