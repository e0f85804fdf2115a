//! Points that the party bought in advance, pack by pack, and the money of it.

use serde_json::{Value, json};

use super::Basis;
use crate::domain::posting::ObligationKind;
use crate::domain::time::Instant;
use crate::statement::counts::PackFigures;

impl Basis<'_> {
    /// The party's packs that this cycle's schedule settles, then what was paid for packs.
    pub(super) fn packs(&self) -> Value {
        let own = self.packs.iter().filter(|one| one.pack.party == *self.party);
        let settled_here = own.filter(|one| {
            let agreement = self.coalition.agreement(&one.pack.programme, &one.pack.party);
            agreement.is_none_or(|agreement| agreement.schedule == self.cycle.schedule)
        });
        let packs = settled_here.map(|one| self.pack(one));
        packs.chain(self.money_rows(ObligationKind::Pack)).collect()
    }

    fn pack(&self, one: &PackFigures) -> Value {
        let text = |points| self.points(Some(&one.pack.programme), points);
        json!({
            "of": "pack",
            "pack": one.pack.id,
            "programme": one.pack.programme,
            "bought": text(one.pack.bought),
            "bought_at": one.bought_at,
            "price": one.pack.price.to_string(),
            "starts_at": one.pack.starts_at,
            "ends_at": Some(one.pack.ends_at).filter(|end| Instant::comes(*end)),
            "opening": text(one.opening),
            "used": text(one.of_cycle.used),
            "returned": text(one.of_cycle.returned),
            "expired": text(one.expired),
            "closing": text(one.closing),
        })
    }
}
