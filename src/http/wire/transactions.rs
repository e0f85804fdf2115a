//! Transactions and quotes as they come over the wire.

use serde::Deserialize;
use serde_json::Value;

use super::bodies::{
    CaptureBody, CardPaymentBody, DeliveryBody, ExchangeBody, GrantBody, HoldBody, LineBody,
    MergeBody, PackBody, PersonalRuleBody, PurchaseBody, QuoteBody, RefundBody, ServiceBody,
    VoidBody,
};
use super::{Reader, member_name, name_problem, no_card_number, read_fields};
use crate::domain::command::{Action, Burn, Command, Line, Receipt, RefundOf};
use crate::domain::ids::PartyId;
use crate::domain::member::{MemberName, token};
use crate::domain::terms::funding::FundingDocument;
use crate::domain::terms::programme_document::DurationDocument;
use crate::domain::terms::rate::Rate;
use crate::domain::till::Till;
use crate::http::problem::Problem;

/// The most services of one transaction.
const SERVICES_MAX: i64 = 1_000_000;

/// The most lines of a receipt.
const LINES_MAX: usize = 500;

/// Reads a transaction into a command of a party. `may_lead` allows instants ahead of the clock,
/// for a test clock that follows them.
///
/// # Errors
/// If it is of no kind, or a field can't be read.
pub fn command_of(
    reader: Reader<'_>,
    party: &PartyId,
    value: &Value,
    may_lead: bool,
) -> Result<Command, Problem> {
    let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
    let (action, at) = match kind {
        "purchase" => purchase(reader, &read_fields(value)?)?,
        "card_payment" => card_payment(reader, &read_fields(value)?)?,
        "delivery" => {
            let body: DeliveryBody = read_fields(value)?;
            (Action::Delivery { of: body.of }, body.at)
        }
        "refund" => refund(reader, read_fields(value)?)?,
        "grant" => (grant(reader, &read_fields(value)?)?, None),
        "hold" => (hold(reader, &read_fields(value)?)?, None),
        "capture" => {
            let body: CaptureBody = read_fields(value)?;
            (Action::Capture { of: body.of, points: body.points }, None)
        }
        "void" => (Action::Void { of: read_fields::<VoidBody>(value)?.of }, None),
        "exchange" => (exchange(reader, read_fields(value)?)?, None),
        "merge" => {
            let body: MergeBody = read_fields(value)?;
            let keep = member_name("/keep", &body.keep)?;
            (Action::Merge { keep, drop: member_name("/drop", &body.drop)? }, None)
        }
        "personal_rule" => (personal_rule(reader, &read_fields(value)?)?, None),
        "pack" => (pack(reader, &read_fields(value)?)?, None),
        "service" => service(reader, read_fields(value)?)?,
        _ => {
            let detail = "write one of purchase, card_payment, delivery, refund, grant, hold, \
                          capture, void, exchange, merge, personal_rule, pack, service";
            return Err(Problem::invalid("/kind", detail));
        }
    };
    if let Some(reference) = action.reference() {
        no_card_number("/ref", reference.as_str())?;
    }
    let pointer = if matches!(action, Action::Purchase { .. }) { "/hold" } else { "/of" };
    for (_, original) in action.originals() {
        no_card_number(pointer, original.as_str())?;
    }
    let at = reader.at(at.as_ref(), may_lead)?;
    Ok(Command { party: party.clone(), action, at, till: till_of(value)? })
}

/// What the till said of a receipt; only the kinds that a till knows of take it.
fn till_of(value: &Value) -> Result<Option<Box<Till>>, Problem> {
    #[derive(Deserialize)]
    struct Said {
        till: Option<Till>,
    }
    let Said { till } = read_fields(value)?;
    for (name, text) in till.iter().flat_map(Till::fields) {
        if let Some(text) = text {
            no_card_number(&format!("/till/{name}"), text.as_str())?;
        }
    }
    Ok(till.filter(|till| !till.is_empty()).map(Box::new))
}

type Read = Result<(Action, Option<String>), Problem>;

fn purchase(reader: Reader<'_>, body: &PurchaseBody) -> Read {
    reader.currency(body.currency.as_ref())?;
    let programme = reader.programme("/programme", &body.programme)?;
    let burn =
        match body.burn.as_deref() {
            None | Some("") => Burn::Unsaid,
            Some("max") => Burn::Max,
            Some(text) => Burn::Exactly(programme.parse_points(text).map_err(|error| {
                Problem::invalid("/burn", &format!("{error}, or write \"max\""))
            })?),
        };
    let receipt = Receipt {
        programme: body.programme.clone(),
        member: member_name("/member", &body.member)?,
        lines: lines_of(reader, body.amount.as_deref(), body.lines.as_deref())?,
    };
    let (reference, hold) = (body.r#ref.clone(), body.hold.clone());
    Ok((Action::Purchase { reference, receipt, burn, hold }, body.at.clone()))
}

fn lines_of(
    reader: Reader<'_>,
    amount: Option<&str>,
    lines: Option<&[LineBody]>,
) -> Result<Vec<Line>, Problem> {
    match (amount, lines) {
        (Some(amount), None) => {
            let amount = reader.money("/amount", amount)?;
            Ok(vec![Line { id: "1".to_owned(), amount, ..Line::default() }])
        }
        (None, Some(lines)) if (1..=LINES_MAX).contains(&lines.len()) => {
            let mut read: Vec<Line> = Vec::with_capacity(lines.len());
            for (place, line) in lines.iter().enumerate() {
                if read.iter().any(|other| other.id == line.id) || line.id.is_empty() {
                    let detail = "each line has an id of its own within the receipt";
                    return Err(Problem::invalid(&format!("/lines/{place}/id"), detail));
                }
                read.push(line_of(reader, place, line)?);
            }
            let whole: i64 = read.iter().map(|line| line.amount.0).sum();
            if whole > crate::domain::amount::MONEY_MAX {
                return Err(Problem::invalid(
                    "/lines",
                    "the receipt is above the largest that is accepted",
                ));
            }
            Ok(read)
        }
        _ => Err(Problem::invalid("/amount", "give either an amount or 1 to 500 lines")),
    }
}

fn line_of(reader: Reader<'_>, place: usize, line: &LineBody) -> Result<Line, Problem> {
    let amount = reader.money(&format!("/lines/{place}/amount"), &line.amount)?;
    for text in [Some(&line.id), line.sku.as_ref()].into_iter().flatten() {
        no_card_number(&format!("/lines/{place}"), text)?;
    }
    Ok(Line {
        id: line.id.clone(),
        amount,
        brand: line.brand.clone(),
        category: line.category.clone(),
        sku: line.sku.clone(),
        mcc: line.mcc.clone(),
    })
}

fn card_payment(reader: Reader<'_>, body: &CardPaymentBody) -> Read {
    reader.currency(body.currency.as_ref())?;
    let amount = reader.money("/amount", &body.amount)?;
    let card = token(&body.card_token).map_err(|error| name_problem("/card_token", error))?;
    let line = Line { id: "1".to_owned(), amount, mcc: body.mcc.clone(), ..Line::default() };
    let reference = body.r#ref.clone();
    Ok((Action::CardPayment { reference, card: MemberName::Card(card), line }, body.at.clone()))
}

fn refund(reader: Reader<'_>, body: RefundBody) -> Read {
    reader.currency(body.currency.as_ref())?;
    let reference = body.r#ref;
    let amount = body.amount.as_deref().map(|text| reader.money("/amount", text)).transpose()?;
    let action = match (body.of, body.programme, body.member) {
        (Some(of), None, None) => {
            let what = match (amount, body.lines) {
                (Some(amount), None) => RefundOf::Amount(amount),
                (None, Some(lines)) if (1..=LINES_MAX).contains(&lines.len()) => {
                    RefundOf::Lines(lines)
                }
                _ => {
                    let detail = "give either an amount or the ids of 1 to 500 lines";
                    return Err(Problem::invalid("/amount", detail));
                }
            };
            Action::Refund { reference, of, what }
        }
        (None, Some(programme), Some(member)) if body.lines.is_none() => {
            reader.programme("/programme", &programme)?;
            let member = member_name("/member", &member)?;
            let amount = amount.ok_or_else(|| Problem::invalid("/amount", "give the amount"))?;
            Action::UnlinkedRefund { reference, programme, member, amount }
        }
        _ => {
            let detail = "name the receipt by `of`; only a refund whose receipt was lost names \
                          `programme`, `member` and `amount` instead";
            return Err(Problem::invalid("/of", detail));
        }
    };
    Ok((action, body.at))
}

fn grant(reader: Reader<'_>, body: &GrantBody) -> Result<Action, Problem> {
    let programme = reader.programme("/programme", &body.programme)?;
    let money = match (&body.funding, body.price_per_point) {
        (Some(funding), Some(price)) => {
            let (percentage, settle) = (body.percentage, body.settle);
            let written = FundingDocument { funding, price, percentage, settle, fee: None };
            Some(Box::new(written.check("")?))
        }
        (None, None) if body.percentage.is_none() && body.settle.is_none() => None,
        _ => {
            let detail = "give `funding` and `price_per_point` where the grant says how it is paid";
            return Err(Problem::invalid("/funding", detail));
        }
    };
    Ok(Action::Grant {
        reference: body.r#ref.clone(),
        programme: body.programme.clone(),
        member: member_name("/member", &body.member)?,
        points: reader.points("/points", programme, &body.points)?,
        available_at: body.available_at,
        valid_through: body.valid_through,
        money,
        promo: body.promo.clone(),
    })
}

fn hold(reader: Reader<'_>, body: &HoldBody) -> Result<Action, Problem> {
    let programme = reader.programme("/programme", &body.programme)?;
    let micros = |duration: DurationDocument| {
        let detail = "give {\"days\": n}, {\"hours\": n} or {\"minutes\": n}, at most ten years";
        duration.micros().ok_or_else(|| Problem::invalid("/valid_for", detail))
    };
    Ok(Action::Hold {
        reference: body.r#ref.clone(),
        programme: body.programme.clone(),
        member: member_name("/member", &body.member)?,
        points: reader.points("/points", programme, &body.points)?,
        valid_for: body.valid_for.map(micros).transpose()?,
    })
}

fn exchange(reader: Reader<'_>, body: ExchangeBody) -> Result<Action, Problem> {
    let from = reader.programme("/from", &body.from)?;
    reader.programme("/to", &body.to)?;
    Ok(Action::Exchange {
        reference: body.r#ref,
        points: reader.points("/points", from, &body.points)?,
        from: body.from,
        to: body.to,
        member: member_name("/member", &body.member)?,
    })
}

fn personal_rule(reader: Reader<'_>, body: &PersonalRuleBody) -> Result<Action, Problem> {
    reader.programme("/programme", &body.programme)?;
    let share = |rate: Rate| rate.at_most(1, "/max_share");
    Ok(Action::PersonalRule {
        reference: body.r#ref.clone(),
        programme: body.programme.clone(),
        member: member_name("/member", &body.member)?,
        max_share: body.max_share.map(share).transpose()?,
    })
}

fn pack(reader: Reader<'_>, body: &PackBody) -> Result<Action, Problem> {
    let programme = reader.programme("/programme", &body.programme)?;
    Ok(Action::Pack {
        reference: body.r#ref.clone(),
        programme: body.programme.clone(),
        points: reader.points("/points", programme, &body.points)?,
        valid_from: body.valid_from,
        valid_through: body.valid_through,
    })
}

fn service(reader: Reader<'_>, body: ServiceBody) -> Read {
    reader.programme("/programme", &body.programme)?;
    let count = body.count.unwrap_or(1);
    if !(1..=SERVICES_MAX).contains(&count) {
        return Err(Problem::invalid("/count", "give a whole number from 1 to 1000000"));
    }
    let ServiceBody { r#ref: reference, programme, service, at, .. } = body;
    Ok((Action::Service { reference, programme, service, count }, at))
}

/// Reads a quote.
///
/// # Errors
/// If a field can't be read.
pub fn receipt_of(reader: Reader<'_>, value: &Value) -> Result<Receipt, Problem> {
    let body: QuoteBody = read_fields(value)?;
    reader.currency(body.currency.as_ref())?;
    reader.programme("/programme", &body.programme)?;
    Ok(Receipt {
        member: member_name("/member", &body.member)?,
        lines: lines_of(reader, body.amount.as_deref(), body.lines.as_deref())?,
        programme: body.programme,
    })
}
