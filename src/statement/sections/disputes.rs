//! Disputes as they stand at publication, and what was set aside and released in the cycle.

use serde_json::{Value, json};

use super::Basis;
use crate::domain::posting::ObligationKind;
use crate::store::disputes::DisputeRow;

impl Basis<'_> {
    /// The party's disputes about cycles of this schedule; the operator's statement has those of
    /// all. Then what was set aside and released.
    pub(super) fn disputes(&self) -> Value {
        let is_operator = *self.party == self.coalition.operator;
        let own = self.disputes.iter().filter(|one| {
            let is_side = is_operator || one.case.party == *self.party;
            is_side && one.case.cycle.schedule == self.cycle.schedule
        });
        let disputes = own.map(|one| self.dispute(one));
        disputes.chain(self.money_rows(ObligationKind::DisputeReserve)).collect()
    }

    fn dispute(&self, one: &DisputeRow) -> Value {
        let dispute = &one.case.dispute;
        let mut row = json!({
            "of": "dispute",
            "id": one.id,
            "party": one.case.party,
            "cycle": one.case.cycle,
            "kind": dispute.kind,
            "opened_at": dispute.opened_at,
            "amount": self.money(dispute.amount),
            "reserved": self.money(dispute.reserved()),
            "state": dispute.state.name(),
            "due": dispute.due,
        });
        // The lines of a dispute that is over are as good as any others.
        if !dispute.state.is_final() && !one.case.lines.is_empty() {
            row["lines"] = json!(one.case.lines);
        }
        row
    }
}
