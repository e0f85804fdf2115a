//! What a service centre may give for a confirmed defect, and what must wait for a second person.

use serde::{Deserialize, Serialize};

use crate::domain::amount::{POINTS_MAX, Points, parse_decimal};
use crate::domain::obligation::Scales;
use crate::domain::terms::Invalid;
use crate::domain::terms::rate::Rate;

/// The limits of an agreement, as written; what is left out is not limited.
#[expect(clippy::struct_field_names, reason = "these are the names in the document")]
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct CompensationDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    per_case: Option<Rate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_day: Option<Rate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_month: Option<Rate>,
}

impl CompensationDocument {
    /// Checks the limits with the scales of the programme.
    ///
    /// # Errors
    /// If one is no number of points.
    pub fn check(self, scales: Scales) -> Result<CompensationTerms, Invalid> {
        let points = |rate: Option<Rate>, name: &str| {
            let read = rate.map(|rate| {
                parse_decimal(&rate.0.to_string(), scales.points, POINTS_MAX).map(Points).map_err(
                    |error| Invalid::at(format!("/compensation/{name}"), error.to_string()),
                )
            });
            read.transpose()
        };
        Ok(CompensationTerms {
            per_case: points(self.per_case, "per_case")?,
            per_day: points(self.per_day, "per_day")?,
            per_month: points(self.per_month, "per_month")?,
        })
    }
}

/// The limits of an agreement, checked. Above one of them a second person must approve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompensationTerms {
    /// For one case.
    pub per_case: Option<Points>,
    /// For all cases of a local day.
    pub per_day: Option<Points>,
    /// For all cases of a calendar month.
    pub per_month: Option<Points>,
}

/// A limit that would be passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// Of one case.
    PerCase,
    /// Of the day.
    PerDay,
    /// Of the month.
    PerMonth,
}

impl Passed {
    /// The name in the API and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PerCase => "per_case",
            Self::PerDay => "per_day",
            Self::PerMonth => "per_month",
        }
    }
}

impl CompensationTerms {
    /// The first limit that a compensation would pass, given what the day and the month saw.
    pub fn passed(&self, points: Points, day: Points, month: Points) -> Option<Passed> {
        let above = |limit: Option<Points>, sum: Points| limit.is_some_and(|limit| limit < sum);
        if above(self.per_case, points) {
            Some(Passed::PerCase)
        } else if above(self.per_day, day + points) {
            Some(Passed::PerDay)
        } else if above(self.per_month, month + points) {
            Some(Passed::PerMonth)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_uses_a_limit_up_passes_it_and_not_what_reaches_it() {
        let terms = CompensationTerms {
            per_case: Some(Points(500)),
            per_day: Some(Points(800)),
            per_month: Some(Points(1_000)),
        };
        let passed = |points, day, month| terms.passed(Points(points), Points(day), Points(month));
        assert_eq!(passed(500, 300, 500), None);
        assert_eq!(passed(501, 0, 0), Some(Passed::PerCase));
        assert_eq!(passed(500, 301, 301), Some(Passed::PerDay));
        assert_eq!(passed(500, 0, 501), Some(Passed::PerMonth));
        let none = CompensationTerms::default();
        assert_eq!(none.passed(Points(i64::MAX / 2), Points(1), Points(1)), None);
    }
}
