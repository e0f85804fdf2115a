//! Forgets a member: the keys, the profile, the names, the consents, the cards. What was posted
//! stands.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, each_backend, of_index};
use super::members::with_merged;
use super::schema::{
    baskets, cards, codes, consents, member_names, members, merge_proposals, moved_names, notices,
    pass_devices, personal_names, persons,
};
use super::ties::programmes_of;
use crate::domain::ids::{MemberId, ProgrammeId};
use crate::domain::time::Instant;

/// Forgets a member and all profiles that were merged into it. Gives back the programmes in which
/// it has accounts.
///
/// # Errors
/// If the database fails.
pub fn erase(
    connection: &mut Database,
    member: MemberId,
    at: Instant,
) -> Result<Vec<ProgrammeId>, StoreError> {
    let all = with_merged(connection, member)?;
    overwrite(connection, true)?;
    each_backend!(connection, |one| {
        let phones: Vec<Vec<u8>> = personal_names::table
            .select(personal_names::name_hash)
            .filter(personal_names::person.eq_any(&all))
            .load(one)?;
        diesel::delete(codes::table.filter(codes::phone.eq_any(&phones))).execute(one)?;
        diesel::delete(personal_names::table.filter(personal_names::person.eq_any(&all)))
            .execute(one)?;
        diesel::delete(member_names::table.filter(member_names::member.eq_any(&all)))
            .execute(one)?;
        diesel::delete(moved_names::table.filter(moved_names::gone.eq_any(&all))).execute(one)?;
        diesel::delete(consents::table.filter(consents::member.eq_any(&all))).execute(one)?;
        let nothing: Option<Vec<u8>> = None;
        let nowhere: Option<String> = None;
        diesel::update(persons::table.filter(persons::member.eq_any(&all)))
            .set((
                persons::sealed_key.eq(&nothing),
                persons::sealed.eq(&nothing),
                persons::city.eq(&nowhere),
                persons::stage.eq("erased"),
                persons::changed_at.eq(at.0),
                persons::erased_at.eq(at.0),
            ))
            .execute(one)?;
        diesel::update(members::table.filter(members::member.eq_any(&all)))
            .set(members::erased_at.eq(at.0))
            .execute(one)?;
        diesel::update(cards::table.filter(cards::member.eq_any(&all)))
            .set((
                cards::state.eq("closed"),
                cards::changed_at.eq(at.0),
                cards::version.eq(cards::version + 1),
            ))
            .execute(one)?;
        let hers = cards::table.select(cards::card).filter(cards::member.eq_any(&all));
        let hers: Vec<i64> = hers.load(one)?;
        diesel::delete(pass_devices::table.filter(pass_devices::card.eq_any(&hers)))
            .execute(one)?;
        let texts = notices::table.filter(notices::text.is_not_null());
        diesel::update(texts.filter(notices::member.eq_any(&all)))
            .set(notices::text.eq(&nowhere))
            .execute(one)?;
        let going = ["open", "told", "told_twice"];
        let going = baskets::table
            .filter(of_index("state IN ('open', 'told', 'giving', 'told_twice')"))
            .filter(baskets::state.eq_any(going));
        diesel::update(going.filter(baskets::member.eq_any(&all)))
            .set(baskets::state.eq("ended"))
            .execute(one)?;
        let to_call = baskets::table.filter(of_index("state = 'call'"));
        diesel::update(to_call.filter(baskets::member.eq_any(&all)))
            .set(baskets::state.eq("ended"))
            .execute(one)?;
        let open = merge_proposals::table
            .filter(merge_proposals::state.eq("open"))
            .filter(merge_proposals::keep.eq_any(&all).or(merge_proposals::gone.eq_any(&all)));
        diesel::update(open)
            .set((merge_proposals::state.eq("void"), merge_proposals::decided_at.eq(at.0)))
            .execute(one)?;
        Ok::<(), diesel::result::Error>(())
    })?;
    overwrite(connection, false)?;
    programmes_of(connection, member)
}

/// Lets SQLite overwrite what is deleted instead of leaving it in free pages.
fn overwrite(connection: &mut Database, on: bool) -> Result<(), StoreError> {
    if let Database::Sqlite(one) = connection {
        let word = if on { "ON" } else { "OFF" };
        one.batch_execute(&format!("PRAGMA secure_delete = {word}"))?;
    }
    Ok(())
}
