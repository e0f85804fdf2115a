//! What is lost of a brand's points, and what is left of each month's.

use serde_json::{Value, json};

use super::Basis;
use crate::domain::amount::{Money, Points};
use crate::domain::ids::ProgrammeId;
use crate::domain::posting::ObligationKind;
use crate::domain::time::Day;
use crate::statement::counts::Cohort;

impl Basis<'_> {
    /// Of each of the brand's programmes what the cycle lost, then the points by the month in
    /// which they were made.
    pub(super) fn breakage(&self) -> Value {
        let programmes = self.coalition.programmes.values();
        let own = programmes.filter(|one| one.brand == *self.party);
        own.flat_map(|one| std::iter::once(self.lost(&one.id)).chain(self.cohorts(&one.id)))
            .collect()
    }

    fn lost(&self, id: &ProgrammeId) -> Value {
        let given: Money = self
            .positions
            .iter()
            .filter(|one| one.kind == ObligationKind::Breakage)
            .filter(|one| one.programme.as_ref() == Some(id))
            .map(|one| Money(if one.reverses { -one.amount.0 } else { one.amount.0 }))
            .sum();
        let expired = self.counts.movements.of_programme(id).expired;
        json!({
            "of": "all",
            "programme": id,
            "expired": self.points(Some(id), expired),
            "given_to_others": self.money(given),
        })
    }

    fn cohorts(&self, id: &ProgrammeId) -> impl Iterator<Item = Value> {
        let all = self.counts.sums.cohorts.iter().filter(move |((of, _), _)| of == id);
        all.map(|((programme, month), cohort)| {
            let before = self.cohorts_before.get(&(programme.clone(), *month));
            self.cohort((programme, *month), cohort, before.copied().unwrap_or_default())
        })
    }

    fn cohort(
        &self,
        (programme, month): (&ProgrammeId, Day),
        cohort: &Cohort,
        before: Cohort,
    ) -> Value {
        let text = |points: Points| self.points(Some(programme), points);
        json!({
            "of": "cohort",
            "programme": programme,
            "month": month.to_string().split_at("YYYY-MM".len()).0,
            "issued": text(cohort.issued),
            "remaining": text(cohort.remaining),
            "expired": text(cohort.expired),
            "used": text(cohort.issued - cohort.remaining - cohort.expired),
            "change": text(cohort.remaining - before.remaining),
        })
    }
}
