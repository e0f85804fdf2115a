//! What a campaign may give out: points and money, in all, in a day, and for each who funds it.
//!
//! A grant is taken whole or not at all; the first that does not fit ends the run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::amount::{MONEY_MAX, POINTS_MAX, parse_decimal};
use crate::domain::amount::{Money, Points};
use crate::domain::exact::split;
use crate::domain::ids::PartyId;
use crate::domain::obligation::{EarnMoney, Scales, value_of};
use crate::domain::terms::Invalid;

/// Most parties with a budget of their own.
const FUNDERS_MAX: usize = 20;

/// Limits as written.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct BudgetDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    points: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    money: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    points_per_day: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    money_per_day: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    funders: BTreeMap<PartyId, String>,
}

/// Of what there is so much.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Points, in all.
    Points,
    /// Money, in all.
    Money,
    /// Points of one day.
    PointsOfDay,
    /// Money of one day.
    MoneyOfDay,
    /// Money of one party, in all.
    Funder(PartyId),
}

impl Scope {
    /// The name in the API and in the database.
    pub fn name(&self) -> String {
        match self {
            Self::Points => "points".to_owned(),
            Self::Money => "money".to_owned(),
            Self::PointsOfDay => "points_per_day".to_owned(),
            Self::MoneyOfDay => "money_per_day".to_owned(),
            Self::Funder(party) => format!("funder/{party}"),
        }
    }

    /// Whether it begins anew each day.
    pub const fn is_of_day(&self) -> bool {
        matches!(self, Self::PointsOfDay | Self::MoneyOfDay)
    }

    /// Whether it counts points, not money.
    pub const fn counts_points(&self) -> bool {
        matches!(self, Self::Points | Self::PointsOfDay)
    }
}

/// Limits, checked: at most so much of each scope, in smallest units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Budget(pub BTreeMap<Scope, i64>);

/// What one grant takes of a budget.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Points.
    pub points: Points,
    /// Their value at the funding price.
    pub money: Money,
    /// Who pays how much of it.
    pub funders: Vec<(PartyId, Money)>,
}

impl Cost {
    /// What points cost who funds them: all of their value, whenever it is owed.
    pub fn of(points: Points, money: Option<&EarnMoney>, scales: Scales) -> Self {
        let Some(money) = money else { return Self { points, ..Self::default() } };
        let value = value_of(points, money.full_price(), scales);
        let weights: Vec<i64> = money.funding.iter().map(|share| share.weight).collect();
        let parts = split(value.0, &weights).into_iter().map(Money);
        let funders = money.funding.iter().map(|share| share.party.clone()).zip(parts).collect();
        Self { points, money: value, funders }
    }

    /// So much of a scope.
    pub fn in_scope(&self, scope: &Scope) -> i64 {
        match scope {
            Scope::Points | Scope::PointsOfDay => self.points.0,
            Scope::Money | Scope::MoneyOfDay => self.money.0,
            Scope::Funder(party) => {
                let own = self.funders.iter().filter(|(one, _)| one == party);
                own.map(|(_, money)| money.0).sum()
            }
        }
    }
}

/// What was taken of each scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used(pub BTreeMap<Scope, i64>);

impl Budget {
    /// Takes what a grant costs; the scope that has too little left, if one has, and then nothing
    /// is taken.
    ///
    /// # Errors
    /// The first scope that does not suffice.
    pub fn take(&self, used: &mut Used, cost: &Cost) -> Result<(), Scope> {
        let short = self.0.iter().find(|(scope, most)| {
            let taken = used.0.get(*scope).copied().unwrap_or(0);
            **most < taken + cost.in_scope(scope)
        });
        if let Some((scope, _)) = short {
            return Err(scope.clone());
        }
        for scope in self.0.keys() {
            *used.0.entry(scope.clone()).or_default() += cost.in_scope(scope);
        }
        Ok(())
    }

    /// Gives back what a grant that was refused had taken.
    pub fn give_back(&self, used: &mut Used, cost: &Cost) {
        for scope in self.0.keys() {
            *used.0.entry(scope.clone()).or_default() -= cost.in_scope(scope);
        }
    }
}

impl BudgetDocument {
    /// Checks the limits.
    ///
    /// # Errors
    /// If one is no figure of its scale.
    pub fn check(&self, scales: Scales) -> Result<Budget, Invalid> {
        let mut limits = BTreeMap::new();
        let mut put = |scope: Scope, text: Option<&String>, pointer: &str| {
            let Some(text) = text else { return Ok(()) };
            let (scale, most) = if scope.counts_points() {
                (scales.points, POINTS_MAX)
            } else {
                (scales.money, MONEY_MAX)
            };
            let limit = parse_decimal(text, scale, most)
                .map_err(|error| Invalid::at(format!("/budget/{pointer}"), error.to_string()))?;
            limits.insert(scope, limit);
            Ok::<(), Invalid>(())
        };
        put(Scope::Points, self.points.as_ref(), "points")?;
        put(Scope::Money, self.money.as_ref(), "money")?;
        put(Scope::PointsOfDay, self.points_per_day.as_ref(), "points_per_day")?;
        put(Scope::MoneyOfDay, self.money_per_day.as_ref(), "money_per_day")?;
        if FUNDERS_MAX < self.funders.len() {
            return Err(Invalid::at("/budget/funders", "name at most 20 parties"));
        }
        for (party, text) in &self.funders {
            put(Scope::Funder(party.clone()), Some(text), &format!("funders/{party}"))?;
        }
        Ok(Budget(limits))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn party(name: &str) -> PartyId {
        name.parse().expect("a party")
    }

    proptest! {
        #[test]
        fn a_budget_is_never_passed_and_what_comes_back_can_be_taken_again(
            limit in 0_i64..10_000,
            grants in prop::collection::vec((1_i64..900, any::<bool>()), 0..60),
        ) {
            let scopes = [Scope::Points, Scope::Money, Scope::Funder(party("brand"))];
            let budget = Budget(scopes.into_iter().map(|scope| (scope, limit)).collect());
            let mut used = Used::default();
            for (points, is_refused) in grants {
                let cost = Cost {
                    points: Points(points),
                    money: Money(points * 2),
                    funders: vec![(party("brand"), Money(points)), (party("bank"), Money(points))],
                };
                let before = used.clone();
                match budget.take(&mut used, &cost) {
                    Ok(()) if is_refused => {
                        budget.give_back(&mut used, &cost);
                        let stood = |scope| before.0.get(scope).copied().unwrap_or(0);
                        let is_as_before = used.0.iter().all(|(scope, now)| stood(scope) == *now);
                        prop_assert!(is_as_before);
                    }
                    Ok(()) => {}
                    Err(scope) => {
                        let taken = before.0.get(&scope).copied().unwrap_or(0);
                        prop_assert!(limit < taken + cost.in_scope(&scope));
                        prop_assert_eq!(&used, &before);
                    }
                }
                prop_assert!(used.0.values().all(|taken| (0..=limit).contains(taken)));
            }
        }
    }
}
