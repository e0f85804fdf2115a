//! What the engine answers with.

use serde::Serialize;

use super::present::{TransactionAnswer, json_text};
use super::problem::Problem;
use crate::cards::face::Barcode;
use crate::domain::card::Card;
use crate::domain::command::{Command, Kind};
use crate::domain::ids::{MemberId, PartyId, Reference, TransactionId};
use crate::domain::member::MemberName;
use crate::domain::rejection::Rejection;
use crate::domain::terms::Coalition;
use crate::domain::time::Instant;
use crate::domain::transaction::Transaction;
use crate::engine::{Enrolled, Present};

/// Writes the answers of the engine.
#[derive(Debug)]
pub struct Answers;

impl Present for Answers {
    fn transaction(&self, transaction: &Transaction, coalition: &Coalition) -> String {
        json_text(&TransactionAnswer::of(transaction, coalition))
    }

    fn unchanged(&self, command: &Command, original: TransactionId) -> String {
        #[derive(Serialize)]
        struct Unchanged<'a> {
            kind: Kind,
            party: &'a PartyId,
            of: Option<&'a Reference>,
            original: TransactionId,
            changed: bool,
        }
        let of = command.action.originals().into_iter().next().map(|(_, of)| of);
        let (kind, party) = (command.action.kind(), &command.party);
        json_text(&Unchanged { kind, party, of, original, changed: false })
    }

    fn member(&self, member: MemberId) -> String {
        json_text(&serde_json::json!({"member": member}))
    }

    fn enrolled(&self, enrolled: &Enrolled) -> (u16, String) {
        let Enrolled { member, is_new, stage, proposed } = *enrolled;
        let mut body = serde_json::json!({"member": member, "attached": !is_new, "stage": stage});
        if let Some(count) = proposed {
            body["proposed"] = count.into();
        }
        (if is_new { 201 } else { 200 }, json_text(&body))
    }

    fn erased(&self, member: MemberId, at: Instant) -> String {
        json_text(&serde_json::json!({"member": member, "erased_at": at}))
    }

    fn named(&self, member: MemberId, name: &MemberName) -> String {
        let token = match name {
            MemberName::Card(token) => token.clone(),
            other => other.to_string(),
        };
        json_text(&serde_json::json!({"member": member, "card_token": token}))
    }

    fn card(&self, card: &Card, member: MemberId, coalition: &Coalition) -> String {
        let programme = coalition.programmes.get(&card.programme);
        let terms = programme.and_then(|one| one.card.as_ref());
        json_text(&serde_json::json!({
            "number": card.number.as_str(),
            "programme": card.programme,
            "member": member,
            "wallet": card.wallet,
            "product": card.product,
            "state": card.state,
            "issued_at": card.issued_at,
            "changed_at": card.changed_at,
            "replaced_by": card.replaced_by.map(|key| key.to_string()),
            "barcode": Barcode::of(card, terms),
        }))
    }

    fn rejection(&self, rejection: &Rejection) -> (u16, String) {
        let problem = Problem::from(rejection);
        (problem.status(), problem.document().to_string())
    }
}
