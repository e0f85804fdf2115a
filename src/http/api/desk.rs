//! The help desk, by the API and by Slack. Each look-up is written down before it is answered.

use std::time::Duration;

use actix_web::web::{Bytes, Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Value, json};

use super::cycles::at_most;
use super::found;
use crate::auth::secrets::random_bytes;
use crate::auth::token::Role;
use crate::clock::unix_now;
use crate::desk::{Asked, Desk, Found, Kind, NotAsked, slack};
use crate::domain::ids::{MemberId, PartyId};
use crate::domain::member::MemberNameError;
use crate::domain::rejection::Rejection;
use crate::domain::time::Instant;
use crate::http::app::{App, read};
use crate::http::caller::Operated;
use crate::http::problem::Problem;
use crate::http::wire::name_problem;
use crate::store::desk_reads::{self, DeskRead};
use crate::store::views;

/// Bytes of a hash in the record.
const HASH_BYTES: usize = 16;

/// Slack waits three seconds for an answer.
const ANSWERED_WITHIN: Duration = Duration::from_millis(2_500);

/// Who asks, and by which way.
struct Asking {
    person: String,
    role: Role,
    via: &'static str,
}

impl Asking {
    const fn role_name(&self) -> &'static str {
        match self.role {
            Role::Operator => "operator",
            _ => "support",
        }
    }
}

/// What is asked at the desk.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    phone: Option<String>,
    email: Option<String>,
    card: Option<String>,
    receipt: Option<String>,
    party: Option<PartyId>,
}

impl Question {
    fn asked(self) -> Result<Asked, Problem> {
        let Self { phone, email, card, receipt, party } = self;
        let all = [
            (Kind::Phone, phone),
            (Kind::Email, email),
            (Kind::Card, card),
            (Kind::Receipt, receipt),
        ];
        let mut named = all.into_iter().filter_map(|(kind, text)| Some((kind, text?)));
        let unclear = || Problem::invalid("", "name one of phone, email, card, receipt");
        let (Some((kind, text)), None) = (named.next(), named.next()) else {
            return Err(unclear());
        };
        Asked::read(kind, &text, party).map_err(|error| not_asked(kind, error))
    }
}

fn not_asked(kind: Kind, error: NotAsked) -> Problem {
    let pointer = format!("/{}", kind.name());
    match error {
        NotAsked::Name(error) => name_problem(&pointer, error),
        NotAsked::Reference => Problem::invalid(&pointer, &error.to_string()),
    }
}

/// A look-up for who may: support, and operators, who see contacts as they are.
pub async fn look_up(
    call: Operated,
    app: Data<App>,
    query: Query<Question>,
) -> Result<HttpResponse, Problem> {
    let role = call.operator.role;
    if ![Role::Operator, Role::Support].contains(&role) {
        return Err(Problem::role_not_allowed());
    }
    let asked = query.into_inner().asked()?;
    let asking = Asking { person: call.operator.subject, role, via: "api" };
    let view = actix_web::web::block(move || answer(&app, &asking, &asked)).await??;
    Ok(found(&view))
}

/// Looks up, writes down who did, and gives what is shown.
fn answer(app: &App, asking: &Asking, asked: &Asked) -> Result<Value, Problem> {
    let (coalition, now) = (app.coalition(), app.now());
    let unmasked = asking.role == Role::Operator;
    let desk = Desk { coalition: &coalition, now, vault: app.engine.vault(), unmasked };
    let found = app.engine.read(|database| {
        views::at_one_moment(database, |database| desk.look_up(database, asked))
    })?;
    write_down(app, asking, asked, (found.member(), now))?;
    match found {
        Found::Member(reading) => Ok(desk.view(&reading)),
        Found::Nobody => Err(Problem::from(&Rejection::UnknownMember)),
        Found::Several => {
            let detail = "several parties used this reference; name the party too";
            Err(Problem::invalid("/party", detail))
        }
    }
}

fn write_down(
    app: &App,
    asking: &Asking,
    asked: &Asked,
    (member, now): (Option<MemberId>, Instant),
) -> Result<(), Problem> {
    let number = random_bytes().map(u64::from_be_bytes).map_err(|_| Problem::internal())?;
    app.engine.write::<_, Problem>(|database| {
        let row = DeskRead {
            read_id: i64::try_from(number >> 1).unwrap_or(i64::MAX),
            at: now.0,
            person: asking.person.clone(),
            role: asking.role_name().to_owned(),
            via: asking.via.to_owned(),
            kind: asked.kind().name().to_owned(),
            // Under the vault's key: who has the tables alone can't try phones.
            what: app.engine.vault().names().mac(&[b"desk", asked.text().as_bytes()])[..HASH_BYTES]
                .to_vec(),
            member: member.map(|member| member.0),
        };
        Ok(desk_reads::add(database, &row)?)
    })
}

/// Which look-ups are asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    member: Option<MemberId>,
    person: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

/// Who looked whom up, the latest first: for auditors and operators.
pub async fn reads(
    call: Operated,
    app: Data<App>,
    query: Query<Which>,
) -> Result<HttpResponse, Problem> {
    if ![Role::Operator, Role::Auditor].contains(&call.operator.role) {
        return Err(Problem::role_not_allowed());
    }
    let Which { member, person, cursor, limit } = query.into_inner();
    let limit = at_most(&app, limit)?.unwrap_or_else(|| app.limits.page_max.min(50));
    let before = match cursor.as_deref().map(|cursor| cursor.split_once('-')) {
        None => Some((i64::MAX, i64::MAX)),
        Some(parts) => parts.and_then(|(at, id)| Some((at.parse().ok()?, id.parse().ok()?))),
    };
    let unknown = || Problem::invalid("/cursor", "use the cursor of the page before");
    let before = before.ok_or_else(unknown)?;
    let rows = read(&app, move |database| {
        let which = (member.map(|member| member.0), person.as_deref());
        desk_reads::list(database, which, before, limit)
    })
    .await?;
    let is_full = i64::try_from(rows.len()).is_ok_and(|count| count == limit);
    let next = rows.last().filter(|_| is_full).map(|row| format!("{}-{}", row.at, row.read_id));
    let view = |row: &DeskRead| {
        json!({
            "at": Instant(row.at),
            "person": row.person,
            "role": row.role,
            "via": row.via,
            "by": row.kind,
            "what": hex::encode(&row.what),
            "member": row.member.map(MemberId),
        })
    };
    let data: Vec<Value> = rows.iter().map(view).collect();
    Ok(found(&json!({"data": data, "page": {"next": next, "limit": limit}})))
}

/// What Slack sends with a command, as far as it is looked at.
#[derive(Deserialize)]
struct Command {
    #[serde(default)]
    user_id: String,
    #[serde(default)]
    text: String,
}

/// A slash command: `/points +7916…`. The signature is checked over the bytes as they came; what is
/// answered, only the person who asked can see.
pub async fn command(
    request: HttpRequest,
    app: Data<App>,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let signed = header("x-slack-request-timestamp").zip(header("x-slack-signature"));
    let secret = app.slack.secret.as_deref();
    let (Some((timestamp, signature)), Some(secret)) = (signed, secret) else {
        return Err(Problem::signature_missing());
    };
    let now = unix_now();
    if !slack::is_signed(secret, (timestamp, signature), &body, now) {
        return Err(Problem::signature_invalid());
    }
    if !app.nonces.is_new("slack", signature, now) {
        return Err(crate::auth::signature::SignatureError::NonceReused.into());
    }
    let text = std::str::from_utf8(&body).map_err(|_| Problem::invalid("", "write a form"))?;
    let command = Query::<Command>::from_query(text);
    let Command { user_id, text } =
        command.map_err(|_| Problem::invalid("", "write a form"))?.into_inner();
    let says = match app.slack.people.get(&user_id).cloned() {
        None => vec!["You are not known at this desk; ask the operator to add you.".to_owned()],
        Some(person) => {
            let asking = actix_web::web::block(move || said(&app, person, &text));
            match actix_web::rt::time::timeout(ANSWERED_WITHIN, asking).await {
                Ok(says) => says?,
                Err(_) => vec!["That took too long; try again.".to_owned()],
            }
        }
    };
    Ok(found(&json!({"response_type": "ephemeral", "text": slack::answer(&says)})))
}

/// What is answered to somebody of support.
fn said(app: &App, person: String, text: &str) -> Vec<String> {
    let asking = Asking { person, role: Role::Support, via: "slack" };
    let asked = match Asked::typed(text) {
        Ok(asked) => asked,
        Err(NotAsked::Name(MemberNameError::CardNumber)) => {
            return vec![
                "This is the number of a bank card. Don't write such numbers here.".into(),
            ];
        }
        Err(error) => {
            let how = "Write a phone (+7916…), a mail address, a card's number or an order.";
            return vec![format!("I can't look that up: {error}. {how}")];
        }
    };
    match answer(app, &asking, &asked) {
        Ok(view) => {
            let contact = [&view["contact"]["phone"], &view["contact"]["email"]];
            let contact: Vec<&str> = contact.into_iter().filter_map(Value::as_str).collect();
            let head =
                format!("{} {}", view["member"].as_str().unwrap_or_default(), contact.join(" "));
            let says = view["says"].as_array().into_iter().flatten();
            let says = says.filter_map(Value::as_str).map(str::to_owned);
            std::iter::once(head.trim().to_owned()).chain(says).collect()
        }
        Err(problem) if problem.code() == "unknown_member" => {
            vec!["Nobody is known by this.".to_owned()]
        }
        Err(problem) if problem.status() == 400 => {
            vec![
                "Several parties have an order of this name; ask at /v1/desk with the party."
                    .into(),
            ]
        }
        Err(problem) => vec![format!("That did not work ({}); try again.", problem.code())],
    }
}
