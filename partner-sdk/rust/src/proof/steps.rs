//! Which step of the summary a line belongs to.

use super::row::Line;

/// The step of a line, by what is owed for.
pub fn step_of(line: &Line<'_>) -> &'static str {
    match (line.obligation.as_str(), line.reverses) {
        ("carry_over", true) => "carried_in",
        ("carry_over", false) => "carried_over",
        ("dispute_reserve", _) => "disputes",
        ("vat", _) => "vat",
        ("adjustment", _) => "earlier_windows",
        _ if line.is_late => "earlier_windows",
        ("funding", _) if line.promo.is_some() => "promo_shares",
        ("funding" | "volume_discount", false) => "issues",
        ("funding" | "volume_discount", true) => "cancellations",
        ("reimbursement" | "lot_funding", false) => "burns",
        ("reimbursement" | "lot_funding", true) => "burn_reversals",
        ("exchange", _) => "exchange",
        ("pack", _) => "packs",
        ("breakage", _) => "breakage",
        _ => "fees",
    }
}
