//! What a member's tiers open besides points.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::account::{Account, AccountKey};
use crate::domain::ids::ProgrammeId;
use crate::domain::terms::Programme;
use crate::domain::time::Instant;
use crate::http::api::found;
use crate::http::api::members::{named_by, of_member};
use crate::http::app::App;
use crate::http::caller::Either;
use crate::http::problem::Problem;
use crate::store::views;

/// Which programmes are asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfProgramme {
    programme: Option<ProgrammeId>,
}

/// The perks of a member that are valid today, of the programmes that the caller may see.
pub async fn of_member_now(
    call: Either,
    app: Data<App>,
    member: Path<String>,
    query: Query<OfProgramme>,
) -> Result<HttpResponse, Problem> {
    let (now, coalition) = (app.now(), app.coalition());
    let named = named_by(&call, &coalition, &member)?;
    let (member, ledger) = of_member(&app, named, views::accounts_of).await?;
    let asked = query.into_inner().programme;
    let sees =
        |programme: &ProgrammeId| call.party().is_none_or(|party| coalition.sees(party, programme));
    if asked.as_ref().is_some_and(|programme| !sees(programme)) {
        return Err(Problem::not_found());
    }
    let mut programmes =
        coalition.programmes.values().filter(|one| sees(&one.id)).collect::<Vec<_>>();
    programmes.retain(|one| asked.as_ref().is_none_or(|asked| *asked == one.id));
    let perks = programmes.into_iter().flat_map(|one| {
        let account = ledger.account(&AccountKey { member, programme: one.id.clone() });
        perks_of(&account, one, now)
    });
    let perks: Vec<Value> = perks.collect();
    Ok(found(&json!({"member": member, "as_of": now, "perks": perks})))
}

/// The perks of one programme that are valid now: those of the level that the member has reached.
pub fn perks_of(account: &Account, programme: &Programme, now: Instant) -> Vec<Value> {
    let today = programme.zone.day_of(now);
    let level = programme.tiers.as_ref().and_then(|tiers| tiers.level_of(&account.metric, today));
    let Some(level) = level else { return Vec::new() };
    let valid = level.perks.iter().filter(|perk| perk.is_valid_on(today));
    valid
        .map(|perk| {
            json!({
                "programme": programme.id,
                "tier": level.id,
                "code": perk.code,
                "valid_from": perk.valid_from,
                "valid_through": perk.valid_through,
            })
        })
        .collect()
}
