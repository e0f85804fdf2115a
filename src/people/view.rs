//! What is known of a person, opened.

use std::collections::{BTreeMap, BTreeSet};

use crate::auth::vault::{PersonKey, Place, Vault};
use crate::domain::ids::{MemberId, PartyId, ProgrammeId};
use crate::domain::member::MemberName;
use crate::domain::person::{Field, Profile, Source, Stage};
use crate::domain::terms::Coalition;
use crate::domain::time::Instant;
use crate::store::consents::{self, ConsentRow};
use crate::store::persons::{self, PersonRow};
use crate::store::rows::read_json;
use crate::store::{Database, StoreError, members, ties};

/// The most consents that are read.
const CONSENTS_MAX: i64 = 1_000;

/// A name, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownName {
    /// The name.
    pub name: MemberName,
    /// Whose external id it is.
    pub party: Option<String>,
    /// Who gave a personal name.
    pub given_by: Option<String>,
    /// When it was shown to be theirs.
    pub verified_at: Option<Instant>,
}

/// A person as the clearing house sees them.
#[derive(Clone, Debug)]
pub struct Person {
    /// The member.
    pub member: MemberId,
    /// How far they are one.
    pub stage: Stage,
    /// Where they enrolled first.
    pub source: Source,
    /// Who enrolled them first; none: from before there were profiles.
    pub party: Option<String>,
    /// When.
    pub created_at: Option<Instant>,
    /// The profile.
    pub profile: Profile,
    /// The names.
    pub names: Vec<KnownName>,
    /// What they agreed to and took back, newest first.
    pub consents: Vec<ConsentRow>,
    /// The programmes in which they have an account.
    pub programmes: Vec<ProgrammeId>,
    /// Wallets that hold a card of theirs.
    pub wallets: BTreeSet<String>,
}

/// How much of a person a caller sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Everything.
    All,
    /// What this party gave.
    Given(PartyId),
}

impl Sight {
    /// Whether what a party gave is seen.
    pub fn shows(&self, giver: &str) -> bool {
        match self {
            Self::All => true,
            Self::Given(party) => party.as_str() == giver,
        }
    }
}

impl Person {
    /// What a party sees: a brand all of its own programmes' members, others what they gave; none:
    /// the party has nothing to do with the person.
    pub fn sight_of(&self, party: &PartyId, coalition: &Coalition) -> Option<Sight> {
        let is_brand = self.programmes.iter().any(|id| {
            coalition.programmes.get(id).is_some_and(|programme| programme.brand == *party)
        });
        if is_brand {
            return Some(Sight::All);
        }
        let own = |name: Option<&String>| name.is_some_and(|name| name == party.as_str());
        let gave = own(self.party.as_ref())
            || self.profile.0.values().any(|known| known.party == *party)
            || self.names.iter().any(|one| own(one.party.as_ref()) || own(one.given_by.as_ref()))
            || self.consents.iter().any(|row| row.party == party.as_str())
            || self.wallets.contains(party.as_str());
        gave.then(|| Sight::Given(party.clone()))
    }

    /// Whether a brand may decide for the person alone: all their accounts are in its programmes.
    pub fn is_only_of(&self, brand: &PartyId, coalition: &Coalition) -> bool {
        let of_brand = |id| coalition.programmes.get(id).is_some_and(|one| one.brand == *brand);
        !self.programmes.is_empty() && self.programmes.iter().all(of_brand)
    }

    /// What a field says.
    pub fn value(&self, field: Field) -> Option<&str> {
        self.profile.value(field)
    }

    /// The phones and e-mail addresses, those that were shown to be theirs first.
    pub fn contacts(&self) -> Vec<&KnownName> {
        let mut contacts: Vec<&KnownName> =
            self.names.iter().filter(|one| one.name.is_personal()).collect();
        contacts.sort_by_key(|one| (one.verified_at.is_none(), &one.name));
        contacts
    }
}

/// A person, with all profiles that were merged into theirs.
///
/// # Errors
/// If the database fails, or what is sealed can't be opened.
pub fn person(
    connection: &mut Database,
    vault: &Vault,
    member: MemberId,
) -> Result<Person, StoreError> {
    let all = members::with_merged(connection, member)?;
    let rows = persons::load(connection, &all)?;
    let keys = open_keys(vault, &rows)?;
    let mut profile = Profile::default();
    // The member's own first, then those that went, the youngest last.
    let own_first = rows.iter().filter(|(one, _)| **one == member);
    for (one, row) in own_first.chain(rows.iter().filter(|(one, _)| **one != member)) {
        if let (Some(key), Some(sealed)) = (keys.get(one), &row.sealed) {
            let text = key.open(*one, Place::Profile, sealed)?;
            profile.complete_from(read_json::<Profile>(&text, "a profile")?);
        }
    }
    let names = opened_names(connection, &keys, member)?;
    let consents = consents::of(connection, &[member.0], CONSENTS_MAX)?;
    let own = rows.get(&member);
    Ok(Person {
        member,
        stage: own.and_then(|row| Stage::named(&row.stage)).unwrap_or(Stage::Member),
        source: own.and_then(|row| Source::named(&row.source)).unwrap_or(Source::Other),
        party: own.map(|row| row.party.clone()),
        created_at: own.map(|row| Instant(row.created_at)),
        profile,
        names,
        consents,
        programmes: ties::programmes_of(connection, member)?,
        wallets: ties::wallets_of(connection, member)?,
    })
}

/// The names of a member, opened.
///
/// # Errors
/// If the database fails, or what is sealed can't be opened.
pub fn names(
    connection: &mut Database,
    vault: &Vault,
    member: MemberId,
) -> Result<Vec<KnownName>, StoreError> {
    let all = members::with_merged(connection, member)?;
    let rows = persons::load(connection, &all)?;
    let keys = open_keys(vault, &rows)?;
    opened_names(connection, &keys, member)
}

type Keys = BTreeMap<MemberId, PersonKey>;

fn open_keys(vault: &Vault, rows: &BTreeMap<MemberId, PersonRow>) -> Result<Keys, StoreError> {
    let sealed = rows.iter().filter_map(|(&one, row)| Some((one, row.sealed_key.as_ref()?)));
    sealed.map(|(one, sealed)| Ok((one, vault.open_key(one, sealed)?))).collect()
}

fn opened_names(
    connection: &mut Database,
    keys: &Keys,
    member: MemberId,
) -> Result<Vec<KnownName>, StoreError> {
    let damaged = || StoreError::Damaged(format!("a name of {member}"));
    let mut names = Vec::new();
    for stored in persons::names_of(connection, member)? {
        let (text, given_by, verified_at) = match stored.personal {
            Some(row) => {
                let person = MemberId(row.person);
                let key = keys.get(&person).ok_or_else(damaged)?;
                let text = key.open(person, Place::Name, &row.sealed)?;
                (text, Some(row.party), row.verified_at.map(Instant))
            }
            None => (stored.name, None, None),
        };
        let name = MemberName::parse(&text).map_err(|_| damaged())?;
        names.push(KnownName { name, party: stored.party, given_by, verified_at });
    }
    names.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(names)
}
