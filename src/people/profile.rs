//! Changes of profiles by hand.

use std::collections::BTreeMap;

use super::view::Sight;
use crate::auth::vault::{PersonKey, Place, Vault};
use crate::domain::ids::{MemberId, PartyId};
use crate::domain::person::{Field, Known, Profile, Source, Stage};
use crate::domain::time::Instant;
use crate::store::persons::{self, PersonRow};
use crate::store::rows::{read_json, write_json};
use crate::store::{Database, StoreError, members};

/// Who changes what of a profile.
#[derive(Clone, Debug)]
pub struct Changing {
    /// Who.
    pub party: PartyId,
    /// Where it was learnt.
    pub source: Source,
    /// When.
    pub at: Instant,
    /// What the caller sees, and so may change.
    pub sight: Sight,
    /// The fields; none: it is taken out.
    pub fields: BTreeMap<Field, Option<String>>,
}

/// Why a profile was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The member was erased meanwhile.
    #[error("there is no such member")]
    Erased,
    /// A field that another party gave.
    #[error("another party gave this field; ask the operator or the programme's brand")]
    OfAnother(Field),
}

/// Changes a profile, and those that were merged into it. Gives back the fields that changed.
///
/// # Errors
/// If a field is another party's, or the database fails.
pub fn change(
    connection: &mut Database,
    vault: &Vault,
    member: MemberId,
    changing: &Changing,
) -> Result<Vec<Field>, ProfileError> {
    let all = members::with_merged(connection, member)?;
    let giver = (changing.source, &changing.party);
    let new = PersonRow::new(member, giver, Stage::Member, changing.at);
    // Whoever waited for an erasure finds the member erased.
    if persons::lock_or_make(connection, &new)?.erased_at.is_some() {
        return Err(ProfileError::Erased);
    }
    let mut rows = persons::lock(connection, &all)?;
    let mut changed: Vec<Field> = Vec::new();
    for (&one, row) in &mut rows {
        let key = key_of(vault, one, row)?;
        let mut profile = match &row.sealed {
            Some(sealed) => {
                let text = key.open(one, Place::Profile, sealed).map_err(StoreError::from)?;
                read_json(&text, "a profile")?
            }
            None => Profile::default(),
        };
        let before = profile.clone();
        for (&field, value) in &changing.fields {
            let known = profile.0.get(&field);
            if known.is_some_and(|known| !changing.sight.shows(known.party.as_str())) {
                return Err(ProfileError::OfAnother(field));
            }
            match value {
                Some(value) if one == member => {
                    if known.is_none_or(|known| known.value != *value) {
                        let (party, source) = (changing.party.clone(), changing.source);
                        let known = Known { value: value.clone(), party, source, at: changing.at };
                        profile.0.insert(field, known);
                        changed.push(field);
                    }
                }
                Some(_) => {}
                None => changed.extend(profile.0.remove(&field).map(|_| field)),
            }
        }
        if profile != before {
            let sealed = key.seal(one, Place::Profile, &write_json(&profile));
            row.sealed = Some(sealed.map_err(StoreError::from)?);
            row.city = profile.value(Field::City).map(str::to_owned);
            row.changed_at = changing.at.0;
        }
    }
    let rows: Vec<&PersonRow> = rows.values().collect();
    persons::save(connection, &rows)?;
    changed.sort();
    changed.dedup();
    Ok(changed)
}

fn key_of(vault: &Vault, member: MemberId, row: &mut PersonRow) -> Result<PersonKey, StoreError> {
    if let Some(sealed) = &row.sealed_key {
        return Ok(vault.open_key(member, sealed)?);
    }
    let key = PersonKey::new()?;
    row.sealed_key = Some(vault.seal_key(member, &key)?);
    Ok(key)
}
