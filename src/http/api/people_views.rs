//! People as the API shows them.

use serde_json::{Map, Value, json};

use super::members::balance_view;
use crate::domain::ledger::Ledger;
use crate::domain::member::MemberName;
use crate::domain::person::Known;
use crate::domain::terms::Coalition;
use crate::domain::time::Instant;
use crate::people::view::{KnownName, Person, Sight};
use crate::store::consents::{self, ConsentRow};
use crate::store::ties::CardOf;

fn known_view(known: &Known) -> Value {
    json!({"value": known.value, "party": known.party, "source": known.source, "at": known.at})
}

fn fields_view(person: &Person, sight: &Sight) -> Value {
    let seen = person.profile.0.iter().filter(|(_, known)| sight.shows(known.party.as_str()));
    Value::Object(seen.map(|(field, known)| (field.name().into(), known_view(known))).collect())
}

fn contact_view(one: &KnownName) -> Value {
    let (form, value) = match &one.name {
        MemberName::Phone(phone) => ("phone", phone.clone()),
        MemberName::Email(email) => ("email", email.clone()),
        other => (other.form(), other.to_string()),
    };
    json!({"form": form, "value": value, "party": one.given_by, "verified_at": one.verified_at})
}

fn consent_view(row: &ConsentRow) -> Value {
    json!({"purpose": row.purpose, "channel": row.channel, "given": row.given,
        "version": row.version, "party": row.party, "at": Instant(row.at)})
}

/// A profile, as far as it is seen.
pub fn profile_view(person: &Person, sight: &Sight) -> Value {
    let seen = |giver: Option<&String>| giver.is_some_and(|giver| sight.shows(giver));
    let contacts = person.contacts().into_iter().filter(|one| seen(one.given_by.as_ref()));
    let current = consents::current(&person.consents);
    let agreed = current.into_iter().filter(|row| sight.shows(&row.party)).map(consent_view);
    json!({
        "member": person.member,
        "stage": person.stage,
        "source": person.source,
        "party": person.party.as_ref().filter(|party| sight.shows(party)),
        "created_at": person.created_at,
        "profile": fields_view(person, sight),
        "contacts": contacts.map(contact_view).collect::<Vec<_>>(),
        "consents": agreed.collect::<Vec<_>>(),
    })
}

/// All that is kept of a person, but for cards and transactions.
pub fn export_view(
    person: &Person,
    ledger: &Ledger,
    (coalition, now): (&Coalition, Instant),
) -> Map<String, Value> {
    let names = person.names.iter().map(|one| {
        json!({"name": one.name, "party": one.party, "given_by": one.given_by,
            "verified_at": one.verified_at})
    });
    let balances = person
        .programmes
        .iter()
        .map(|programme| balance_view(ledger, person.member, programme, (coalition, now)));
    let mut view = Map::new();
    let mut put = |name: &str, value: Value| view.insert(name.into(), value);
    put("member", json!(person.member));
    put("as_of", json!(now));
    put("stage", json!(person.stage));
    put("source", json!(person.source));
    put("party", json!(person.party));
    put("created_at", json!(person.created_at));
    put("profile", fields_view(person, &Sight::All));
    put("names", names.collect());
    put("consents", person.consents.iter().map(consent_view).collect());
    put("balances", balances.collect());
    view
}

/// The cards of a person.
pub fn cards_view(cards: &[CardOf]) -> Value {
    let view = |card: &CardOf| {
        json!({"programme": card.programme, "wallet": card.wallet, "number": card.number,
            "state": card.state, "issued_at": Instant(card.issued_at)})
    };
    cards.iter().map(view).collect()
}
