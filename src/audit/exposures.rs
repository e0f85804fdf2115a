//! What limited parties owe, against positions, payments and open holds.

use std::collections::{BTreeMap, BTreeSet};

use super::replay::{Finding, differs};
use crate::domain::amount::Money;
use crate::domain::ids::PartyId;
use crate::domain::settlement::CycleId;
use crate::store::{Database, audit, cycles, exposures};

/// Compares the rows of parties that are limited, each in its open cycles. Rows of others, and of
/// cycles that are over, limit nothing: what stands in them is what did when they last counted.
pub(super) fn compare(
    database: &mut Database,
    limited: &BTreeMap<PartyId, BTreeSet<CycleId>>,
) -> Result<(), Finding> {
    for row in audit::exposures(database)? {
        let Some(open) = limited.get(&row.party) else { continue };
        let expected = match &row.cycle {
            None => {
                let net = exposures::unsettled(database, &row.party)?;
                (net, exposures::held(database, &row.party)?)
            }
            Some(cycle) if open.contains(cycle) => {
                let positions = cycles::positions_of(database, cycle)?;
                (positions.iter().map(|one| one.change_of(&row.party)).sum(), Money::ZERO)
            }
            Some(_) => continue,
        };
        let found = (row.net, row.held);
        if expected != found {
            return Err(differs(format!(
                "exposure of {}: positions, payments and holds give {expected:?}, its row {found:?}",
                row.party
            )));
        }
    }
    Ok(())
}
