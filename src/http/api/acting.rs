//! Who acts in reconciliations and disputes: finance for the clearing house, or a party for itself.

use serde_json::Value;

use super::configuration::operator_owner;
use crate::domain::ids::PartyId;
use crate::engine::Keyed;
use crate::http::caller::{Either, must_have_key};
use crate::http::problem::Problem;
use crate::http::wire::fingerprint;
use crate::store::names::key_hash;

/// Somebody who acts.
#[derive(Clone, Debug)]
pub(super) struct Acting {
    /// The party; none: the clearing house.
    pub party: Option<PartyId>,
    /// The person by the name under which they signed in, or the key that signed.
    pub person: String,
    /// Under whose name keys are remembered.
    pub owner: String,
}

impl Acting {
    /// Who calls, if they may write: finance and operators, and parties for themselves.
    pub fn writing(call: &Either) -> Result<Self, Problem> {
        if let Either::Operator(operated) = call {
            operated.must_settle()?;
        }
        Ok(Self::anybody(call))
    }

    /// Who calls, if they may make offers of a brand: the brand, marketing and operators.
    pub fn marketing(call: &Either, brand: &PartyId) -> Result<Self, Problem> {
        match call {
            Either::Operator(operated) => operated.must_market()?,
            Either::Party(signed) if signed.party == *brand => {}
            Either::Party(_) => return Err(Problem::not_found()),
        }
        Ok(Self::anybody(call))
    }

    /// Who calls, whatever they may.
    pub fn anybody(call: &Either) -> Self {
        match call {
            Either::Operator(operated) => Self {
                party: None,
                person: operated.operator.subject.clone(),
                owner: operator_owner(operated),
            },
            Either::Party(signed) => Self {
                party: Some(signed.party.clone()),
                person: signed.signed_by.to_string(),
                owner: signed.party.to_string(),
            },
        }
    }

    /// Who calls, if they may write campaigns: marketing and operators, and parties for themselves.
    pub fn campaigning(call: &Either) -> Result<Self, Problem> {
        if let Either::Operator(operated) = call {
            operated.must_market()?;
        }
        Ok(Self::anybody(call))
    }

    /// The party that is meant: one's own, or the one that the clearing house names.
    pub fn party_meant(&self, named: Option<&PartyId>) -> Result<PartyId, Problem> {
        match (&self.party, named) {
            (Some(own), None) => Ok(own.clone()),
            (Some(own), Some(named)) if own == named => Ok(own.clone()),
            (Some(_), Some(_)) => Err(Problem::not_found()),
            (None, Some(named)) => Ok(named.clone()),
            (None, None) => Err(Problem::invalid("/party", "name the party")),
        }
    }

    /// A request that is done once for its key.
    pub fn keyed(&self, call: &Either, what: &str, value: &Value) -> Result<Keyed, Problem> {
        let key = key_hash(&self.owner, must_have_key(key_of(call))?);
        Ok(Keyed { key, fingerprint: fingerprint(what, value) })
    }
}

/// What was sent.
pub(super) fn body_of(call: &Either) -> &[u8] {
    match call {
        Either::Operator(operated) => &operated.body,
        Either::Party(signed) => &signed.body,
    }
}

const fn key_of(call: &Either) -> Option<&String> {
    match call {
        Either::Operator(operated) => operated.idempotency_key.as_ref(),
        Either::Party(signed) => signed.idempotency_key.as_ref(),
    }
}

/// Refuses what belongs to another party, as if it were not there.
pub(super) fn must_be_own(call: &Either, owner: &PartyId) -> Result<(), Problem> {
    match call.party() {
        Some(party) if party != owner => Err(Problem::not_found()),
        _ => Ok(()),
    }
}

/// A decimal that may be below zero.
pub(super) fn signed_decimal(
    pointer: &str,
    text: &str,
    (scale, most): (u32, i64),
) -> Result<i64, Problem> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let units = crate::domain::amount::parse_decimal(digits, scale, most)
        .map_err(|error| Problem::invalid(pointer, &error.to_string()))?;
    Ok(sign * units)
}
