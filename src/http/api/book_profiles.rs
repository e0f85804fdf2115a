//! How a party writes its own lists: said once, and kept with its history.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use serde_json::{Value, json};

use super::acting::{Acting, body_of, must_be_own};
use super::found;
use crate::books::Profile;
use crate::domain::ids::PartyId;
use crate::domain::obligation::Scales;
use crate::http::app::{App, read};
use crate::http::caller::Either;
use crate::http::problem::Problem;
use crate::http::wire::{read_fields, read_object};
use crate::reconcile::points_scale;
use crate::store::book_profiles::{self, ProfileRow};
use crate::store::rows::{read_json, write_json};

/// How many versions are shown.
const VERSIONS: i64 = 50;

fn view_of(party: &PartyId, rows: &[ProfileRow]) -> Result<Value, Problem> {
    let latest = rows.first().ok_or_else(Problem::not_found)?;
    let profile: Profile = read_json(&latest.profile, "a profile")?;
    let version =
        |row: &ProfileRow| json!({"version": row.version, "at": row.recorded_at, "by": row.author});
    Ok(json!({
        "party": party,
        "version": latest.version,
        "profile": profile,
        "versions": rows.iter().map(version).collect::<Vec<_>>(),
    }))
}

/// Puts how a party writes its lists. The same again makes no new version.
pub async fn put(
    call: Either,
    app: Data<App>,
    party: Path<PartyId>,
) -> Result<HttpResponse, Problem> {
    let party = party.into_inner();
    let acting = Acting::writing(&call)?;
    must_be_own(&call, &party)?;
    let coalition = app.coalition();
    if !coalition.parties.contains_key(&party) {
        return Err(Problem::not_found());
    }
    let profile: Profile = read_fields(&read_object(body_of(&call))?)?;
    let scales = Scales { points: points_scale(&coalition, None), money: coalition.money_scale };
    profile.check(scales).map_err(|error| Problem::invalid(error.pointer, error.detail))?;
    let now = app.now();
    let put = actix_web::web::block(move || {
        app.engine.write(|database| {
            let rows = book_profiles::latest(database, &party, VERSIONS)?;
            let text = write_json(&profile);
            if rows.first().is_some_and(|row| row.profile == text) {
                return view_of(&party, &rows);
            }
            let version = rows.first().map_or(0, |row| row.version) + 1;
            let author = acting.person.clone();
            let row = ProfileRow { version, recorded_at: now, author, profile: text };
            book_profiles::add(database, &party, &row)?;
            view_of(&party, &[vec![row], rows].concat())
        })
    });
    Ok(found(&put.await??))
}

/// Shows how a party writes its lists.
pub async fn view(
    call: Either,
    app: Data<App>,
    party: Path<PartyId>,
) -> Result<HttpResponse, Problem> {
    let party = party.into_inner();
    must_be_own(&call, &party)?;
    let asked = party.clone();
    let rows =
        read(&app, move |database| book_profiles::latest(database, &asked, VERSIONS)).await?;
    Ok(found(&view_of(&party, &rows)?))
}
