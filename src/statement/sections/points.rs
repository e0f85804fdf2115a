//! The points that moved, and what members have in the end.

use serde_json::{Value, json};

use super::Basis;
use crate::domain::amount::Points;
use crate::domain::ids::ProgrammeId;
use crate::statement::counts::AtEnd;
use crate::statement::movement::Movement;

impl Basis<'_> {
    /// What the party's transactions moved; of a brand's programmes also all that moved, with what
    /// members have in the end.
    pub(super) fn points_movement(&self) -> Value {
        let rows =
            self.counts.movements.by_party.iter().filter(|((_, party), _)| party == self.party);
        let mut all: Vec<Value> = rows
            .map(|((programme, _), movement)| self.movement(programme, "posted by you", movement))
            .collect();
        let branded = self.coalition.programmes.values().filter(|one| one.brand == *self.party);
        for programme in branded {
            let whole = self.counts.movements.of_programme(&programme.id);
            let opening = self.circulation.get(&programme.id).copied().unwrap_or_default();
            let mut row = self.movement(&programme.id, "all", &whole);
            if let Value::Object(fields) = &mut row {
                fields.insert("opening".into(), self.points(Some(&programme.id), opening));
                let closing = opening + whole.change();
                fields.insert("closing".into(), self.points(Some(&programme.id), closing));
                let end = self.at_end.get(&programme.id).copied().unwrap_or_default();
                fields.insert("activated".into(), self.points(Some(&programme.id), end.activated));
                fields.insert("split".into(), self.split(&programme.id, end));
            }
            all.push(row);
        }
        Value::Array(all)
    }

    fn movement(&self, programme: &ProgrammeId, of: &str, movement: &Movement) -> Value {
        let text = |points: Points| self.points(Some(programme), points);
        json!({
            "programme": programme,
            "of": of,
            "issued": text(movement.issued),
            "promo": text(movement.promo),
            "compensation": text(movement.compensation),
            "exchanged_in": text(movement.exchanged_in),
            "cancelled": text(movement.cancelled),
            "burned": text(movement.burned),
            "restored": text(movement.restored),
            "expired": text(movement.expired),
            "exchanged_out": text(movement.exchanged_out),
            "change": text(movement.change()),
        })
    }

    fn split(&self, programme: &ProgrammeId, end: AtEnd) -> Value {
        let text = |points: Points| self.points(Some(programme), points);
        json!({
            "pending": text(end.pending),
            "active": text(end.active),
            "held": text(end.held),
            "debt": text(end.debt),
        })
    }
}
