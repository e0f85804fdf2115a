//! Personal prices for a list of items.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::account::AccountKey;
use crate::domain::command::Line;
use crate::domain::decide::{Context, Item, ItemDiscount, PricedItem, decide_prices};
use crate::domain::ids::{ProgrammeId, ShardId, TransactionId};
use crate::domain::ledger::NamedBy;
use crate::domain::rejection::Rejection;
use crate::domain::terms::Programme;
use crate::domain::terms::rate::Rate;
use crate::http::api::found;
use crate::http::api::transactions::balance_of;
use crate::http::app::{App, read};
use crate::http::caller::{Signed, must_have_key};
use crate::http::problem::Problem;
use crate::http::wire::{Reader, member_name, no_card_number, read_fields, read_object};
use crate::store::{members, views};

/// The most items of a list.
const ITEMS_MAX: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DiscountBody {
    percent: Rate,
    #[serde(default)]
    stackable: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemBody {
    sku: String,
    price: String,
    brand: Option<String>,
    category: Option<String>,
    floor: Option<String>,
    discount: Option<DiscountBody>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PricesBody {
    programme: ProgrammeId,
    member: String,
    items: Vec<ItemBody>,
}

fn item_of(reader: Reader<'_>, place: usize, body: ItemBody) -> Result<Item, Problem> {
    let at = |name: &str| format!("/items/{place}/{name}");
    let ItemBody { sku, price, brand, category, floor, discount } = body;
    if sku.is_empty() || sku.len() > 128 {
        return Err(Problem::invalid(&at("sku"), "use 1 to 128 bytes"));
    }
    no_card_number(&at("sku"), &sku)?;
    let discount = discount.map(|own| {
        let percent = own.percent.at_most(100, &at("discount/percent"))?;
        Ok::<_, Problem>(ItemDiscount { percent, is_stackable: own.stackable })
    });
    let floor = floor.map(|text| reader.money(&at("floor"), &text)).transpose()?;
    let amount = reader.money(&at("price"), &price)?;
    let line = Line { id: sku.clone(), amount, brand, category, sku: Some(sku), mcc: None };
    Ok(Item { line, floor, discount: discount.transpose()? })
}

fn item_view((item, priced): (&Item, &PricedItem), programme: &Programme) -> Value {
    let money = |amount: crate::domain::amount::Money| amount.text(programme.scales.money);
    let dropped = priced.dropped.iter().map(|(of, why)| json!({"discount": of, "why": why}));
    json!({
        "sku": item.line.sku,
        "recommended": money(priced.recommended),
        "discount": money(priced.discount),
        "price": money(priced.price),
        "with_points": money(priced.with_points),
        "points": priced.points.text(programme.scales.points),
        "share": priced.share.map(|share| share.to_string()),
        "cap": priced.cap.name(),
        "dropped": dropped.collect::<Vec<_>>(),
    })
}

/// Prices a list of items for a member. Nothing is stored.
pub async fn prices(call: Signed, app: Data<App>) -> Result<HttpResponse, Problem> {
    must_have_key(call.idempotency_key.as_ref())?;
    let PricesBody { programme, member, items } = read_fields(&read_object(&call.body)?)?;
    let (now, coalition) = (app.now(), app.coalition());
    let reader = Reader { coalition: &coalition, now };
    let terms = reader.programme("/programme", &programme)?;
    if !(1..=ITEMS_MAX).contains(&items.len()) {
        return Err(Problem::invalid("/items", "give 1 to 500 items"));
    }
    let items = items.into_iter().enumerate().map(|(place, item)| item_of(reader, place, item));
    let items: Vec<Item> = items.collect::<Result<_, _>>()?;
    let named = NamedBy::new(&call.party, &member_name("/member", &member)?);
    let vault = Arc::clone(app.engine.vault());
    let ledger = read(&app, move |database| {
        views::at_one_moment(database, |database| {
            let found = members::resolve(database, vault.names(), std::slice::from_ref(&named))?;
            let member = found.get(&named).copied();
            member.map(|member| Ok((member, views::accounts_of(database, member)?))).transpose()
        })
    });
    let (member, ledger) = ledger.await?.ok_or_else(|| Problem::from(&Rejection::UnknownMember))?;
    let key = AccountKey { member, programme: programme.clone() };
    let (account, balance) = balance_of(&ledger, &key, now);
    let id = TransactionId::new(ShardId(0), 0);
    let context = Context { coalition: std::sync::Arc::clone(&coalition), now, id };
    let of = (&call.party, &programme);
    let priced = decide_prices(&context, of, &items, (&account, &balance));
    let (priced, tier) = priced.map_err(|rejection| Problem::from(&rejection))?;
    let data = items.iter().zip(&priced).map(|both| item_view(both, terms));
    Ok(found(&json!({
        "programme": programme,
        "member": member,
        "tier": tier,
        "available": balance.available.text(terms.scales.points),
        "items": data.collect::<Vec<_>>(),
    })))
}
