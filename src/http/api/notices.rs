//! Notices: asked for one by one, listed, reported back; and what channels allow.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use serde::Deserialize;
use serde_json::{Value, json};

use super::acting::{Acting, body_of};
use super::campaigns::{must_be_brand, visible};
use super::reconciliation_views::page_of;
use super::{answered, found};
use crate::campaigns::notices::{notice_id, parse_id};
use crate::campaigns::single::{self, Wish};
use crate::campaigns::{channels_of, responses};
use crate::domain::campaign::notice::{NoticeKind, Response};
use crate::domain::campaign::{Channel, ChannelDocument};
use crate::domain::ids::{MemberId, PartyId, ProgrammeId};
use crate::domain::time::Instant;
use crate::http::app::{App, read};
use crate::http::caller::Either;
use crate::http::present::json_text;
use crate::http::problem::Problem;
use crate::http::wire::{member_name, no_card_number, read_fields, read_object};
use crate::store::campaigns as stored;
use crate::store::notices::{self, NoticeRow};
use crate::store::rows::write_json;

/// Bytes of a notice's text.
const TEXT_BYTES_MAX: usize = 2_000;

/// Reports of one call.
const REPORTS_MAX: usize = 10_000;

/// A notice as it is shown.
fn notice_view(row: &NoticeRow) -> Value {
    let at = |at: Option<i64>| at.map(Instant);
    json!({
        "id": notice_id(row),
        "member": MemberId(row.member),
        "channel": row.channel,
        "party": row.party,
        "kind": row.kind,
        "state": row.state,
        "reason": row.reason,
        "next_allowed_at": at(row.next_at),
        "planned_at": Instant(row.planned_at),
        "due_at": Instant(row.due_at),
        "told_at": at(row.told_at),
        "sent_at": at(row.sent_at),
        "delivered_at": at(row.delivered_at),
        "opened_at": at(row.opened_at),
        "clicked_at": at(row.clicked_at),
    })
}

/// Which page is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    cursor: Option<String>,
    limit: Option<i64>,
}

/// The notices of a campaign.
pub async fn list(
    call: Either,
    app: Data<App>,
    id: Path<String>,
    query: Query<Page>,
) -> Result<HttpResponse, Problem> {
    let Page { cursor, limit } = query.into_inner();
    let limit = limit.unwrap_or(50).clamp(1, app.limits.page_max);
    let after = match cursor {
        None => (0, -1),
        Some(cursor) => {
            let place = parse_id(&cursor).filter(|(campaign, ..)| campaign == id.as_str());
            let wrong = || Problem::invalid("/cursor", "this is no cursor of this list");
            place.map(|(_, step, member)| (step, member.0)).ok_or_else(wrong)?
        }
    };
    let (coalition, asked) = (app.coalition(), id.into_inner());
    let rows = actix_web::web::block(move || {
        let mut database = app.engine.open(crate::store::Use::Read)?;
        visible(&mut database, (&call, &coalition), &asked)?;
        Ok::<_, Problem>(notices::list(&mut database, &asked, after, limit)?)
    });
    let rows = rows.await??;
    let data: Vec<Value> = rows.iter().map(notice_view).collect();
    Ok(found(&page_of(&data, rows.last().map(notice_id), limit)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoticeBody {
    programme: ProgrammeId,
    member: String,
    channel: Channel,
    party: PartyId,
    #[serde(default = "promotional")]
    kind: NoticeKind,
    text: String,
    at: Option<Instant>,
}

const fn promotional() -> NoticeKind {
    NoticeKind::Promotional
}

/// Asks for one notice, under the caps of its channel.
pub async fn send(call: Either, app: Data<App>) -> Result<HttpResponse, Problem> {
    let acting = Acting::campaigning(&call)?;
    let value = read_object(body_of(&call))?;
    let keyed = acting.keyed(&call, "notice", &value)?;
    let body: NoticeBody = read_fields(&value)?;
    let (coalition, now) = (app.coalition(), app.now());
    must_be_brand(&call, &coalition, &body.programme)?;
    let programme = coalition.programmes.get(&body.programme);
    let programme = programme
        .cloned()
        .ok_or_else(|| Problem::invalid("/programme", "there is no such programme"))?;
    if !coalition.parties.contains_key(&body.party) {
        return Err(Problem::invalid("/party", "there is no such party"));
    }
    if !(1..=TEXT_BYTES_MAX).contains(&body.text.len()) {
        return Err(Problem::invalid("/text", "write 1 to 2000 bytes"));
    }
    no_card_number("/text", &body.text)?;
    let wish = Wish {
        member: member_name("/member", &body.member)?,
        named_by: acting.party.clone().unwrap_or_else(|| coalition.operator.clone()),
        of_programme: acting.party.is_some(),
        channel: body.channel,
        party: body.party,
        kind: body.kind,
        text: body.text,
        at: body.at.unwrap_or(now).max(now),
        key: keyed.key,
    };
    let sent = actix_web::web::block(move || {
        app.engine.write_once::<Problem>(&keyed, now, |database| {
            let planned = single::plan(
                database,
                app.engine.vault().names(),
                (&coalition, &programme),
                &wish,
                now,
            )?;
            let unknown = || Problem::from(&crate::domain::rejection::Rejection::UnknownMember);
            match planned.ok_or_else(unknown)? {
                Ok(row) => Ok((201, json_text(&notice_view(&row)))),
                Err((why, next_at)) => Err(Problem::unreachable(why, next_at)),
            }
        })
    });
    Ok(answered(&sent.await??))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportsBody {
    reports: Vec<ReportBody>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportBody {
    notice: Option<String>,
    campaign: Option<String>,
    member: Option<String>,
    what: Response,
    at: Option<Instant>,
}

/// What became of notices, and what those did who take part in a campaign.
pub async fn report(call: Either, app: Data<App>) -> Result<HttpResponse, Problem> {
    let acting = Acting::campaigning(&call)?;
    let value = read_object(body_of(&call))?;
    let keyed = acting.keyed(&call, "notices:report", &value)?;
    let ReportsBody { reports } = read_fields(&value)?;
    if REPORTS_MAX < reports.len() {
        return Err(Problem::batch_too_large(REPORTS_MAX));
    }
    let (coalition, now) = (app.coalition(), app.now());
    let mut read = Vec::with_capacity(reports.len());
    for (place, one) in reports.into_iter().enumerate() {
        let pointer = format!("/reports/{place}");
        let at = one.at.unwrap_or(now).min(now);
        let about = match (one.notice, one.campaign, one.member) {
            (Some(notice), None, None) => responses::About::Notice(notice),
            (None, Some(campaign), Some(member)) => {
                let member = member_name(&format!("{pointer}/member"), &member)?;
                responses::About::Member(campaign, member)
            }
            _ => {
                let detail = "name either a notice, or a campaign and a member";
                return Err(Problem::invalid(&pointer, detail));
            }
        };
        read.push(responses::Reported { about, what: one.what, at });
    }
    let party = acting.party.clone();
    let kept = actix_web::web::block(move || {
        app.engine.write_once::<Problem>(&keyed, now, |database| {
            let kept = responses::keep(
                database,
                app.engine.vault().names(),
                &coalition,
                party.as_ref(),
                &read,
            )?;
            let refused: Vec<Value> = kept
                .unknown
                .iter()
                .map(|place| json!({"place": place, "code": "not_found"}))
                .collect();
            let body = json!({"accepted": kept.accepted, "refused": refused});
            Ok((200, json_text(&body)))
        })
    });
    Ok(answered(&kept.await??))
}

/// What a channel of a programme allows.
pub async fn put_channel(
    call: Either,
    app: Data<App>,
    names: Path<(ProgrammeId, String)>,
) -> Result<HttpResponse, Problem> {
    let acting = Acting::campaigning(&call)?;
    let (programme, channel) = names.into_inner();
    let channel = Channel::named(&channel).ok_or_else(Problem::not_found)?;
    let (coalition, now) = (app.coalition(), app.now());
    must_be_brand(&call, &coalition, &programme)?;
    if !coalition.programmes.contains_key(&programme) {
        return Err(Problem::not_found());
    }
    let document: ChannelDocument = read_fields(&read_object(body_of(&call))?)?;
    document.check(coalition.money_scale)?;
    let text = write_json(&document);
    let view = json!({"programme": programme, "channel": channel, "rules": document});
    let written = actix_web::web::block(move || {
        app.engine.write::<_, Problem>(|database| {
            let by = (acting.person.as_str(), now);
            Ok(stored::put_channel(database, (&programme, channel), &text, by)?)
        })
    });
    written.await??;
    Ok(found(&view))
}

/// What the channels of a programme allow.
pub async fn channels(
    call: Either,
    app: Data<App>,
    programme: Path<ProgrammeId>,
) -> Result<HttpResponse, Problem> {
    let coalition = app.coalition();
    must_be_brand(&call, &coalition, &programme)?;
    let known = coalition.programmes.get(&programme).cloned().ok_or_else(Problem::not_found)?;
    let rules = read(&app, move |database| channels_of(database, &known)).await?;
    let data: Vec<Value> = Channel::ALL
        .iter()
        .map(|channel| {
            let rules = rules.get(channel).copied().unwrap_or_else(|| channel.usual());
            let time = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
            json!({
                "channel": channel,
                "per_month": rules.per_month,
                "transactional_per_month": rules.transactional_per_month,
                "quiet": rules.quiet.map(|quiet| json!({
                    "from": time(quiet.from), "until": time(quiet.until)
                })),
                "price": rules.price.text(coalition.money_scale),
            })
        })
        .collect();
    Ok(found(&json!({"data": data})))
}
