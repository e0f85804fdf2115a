//! The API over HTTP: the whole route table on one screen.

pub mod answers;
pub mod api;
pub mod app;
pub mod caller;
pub mod docs;
pub mod observe;
mod offer_refusals;
mod pages;
mod payment_refusals;
pub mod present;
pub mod problem;
mod refusals;
mod routes;
pub mod stream;
pub mod wire;

use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, PayloadConfig, ServiceConfig};

use api::{
    batch, book_profiles, breaks, campaigns, cards, codes, configuration, cycles, desk, disputes,
    events, exports, keys, members, notices, offers, open_items, payments, people, proposals,
    receipts, reconciliations, replays, reports, resolve, service, statements, transactions,
    wallet, webhooks,
};
use app::App;
use problem::Problem;

pub use routes::ROUTES;

/// Bytes of what a phone sends.
const PHONE_BODY_BYTES_MAX: usize = 16 * 1024;

/// Wires the routes.
pub fn configure(app: &Data<App>) -> impl FnOnce(&mut ServiceConfig) + use<> {
    let app = app.clone();
    move |config| {
        config.app_data(app).service(
            web::scope("")
                .wrap(from_fn(observe::observe))
                .configure(routes)
                .default_service(web::to(|| async { Err::<&str, _>(Problem::not_found()) })),
        );
    }
}

fn routes(config: &mut ServiceConfig) {
    use web::{get, post, put, resource};
    config
        .service(resource("/").get(service::page))
        .service(resource("/livez").get(service::livez))
        .service(resource("/readyz").get(service::readyz))
        .service(resource("/metrics").get(service::measurements))
        .service(resource("/openapi.yaml").get(service::document))
        .service(resource("/docs").get(service::page))
        .service(resource("/problems/{code}").get(service::page))
        .service(
            resource("/v1/transactions")
                .route(post().to(transactions::post))
                .route(get().to(transactions::by_reference)),
        )
        .service(resource("/v1/transactions:batch").post(batch::transactions))
        .service(resource("/v1/transactions/{id}").get(transactions::by_id))
        .service(resource("/v1/transactions/{id}/receipt").get(receipts::one))
        .service(resource("/v1/receipts").post(receipts::many))
        .service(resource("/v1/quotes").post(transactions::quote))
        .service(resource("/v1/members").post(members::create))
        .service(resource("/v1/members:batch").post(batch::members))
        .service(resource("/v1/members/{member}").get(members::look_up))
        .service(resource("/v1/members/{member}/card-tokens").post(members::link_card))
        .service(resource("/v1/members/{member}/balances").get(members::balances))
        .service(resource("/v1/members/{member}/history").get(members::history))
        .service(
            resource("/v1/parties")
                .route(post().to(configuration::add_party))
                .route(get().to(configuration::parties)),
        )
        .service(
            resource("/v1/parties/{id}/keys")
                .route(post().to(keys::add))
                .route(get().to(keys::list)),
        )
        .service(resource("/v1/parties/{id}/keys/{key}/revoke").post(keys::revoke))
        .service(resource("/v1/programmes").get(configuration::programmes))
        .service(resource("/v1/programmes/{id}").route(put().to(configuration::put_programme)))
        .service(resource("/v1/programmes/{id}/mode").post(configuration::set_mode))
        .service(resource("/v1/agreements").get(configuration::agreements))
        .service(resource("/v1/agreements/{programme}/{party}").put(configuration::put_agreement))
        .service(resource("/v1/exchanges").get(configuration::exchanges))
        .service(resource("/v1/exchanges/{from}/{to}").put(configuration::put_exchange))
        .service(resource("/v1/schedules").get(configuration::schedules))
        .service(resource("/v1/schedules/{id}").put(configuration::put_schedule))
        .service(resource("/v1/vat-rates").get(configuration::vat_rates))
        .service(resource("/v1/vat-rates/{id}").put(configuration::put_vat_rates))
        .service(resource("/v1/cycles").get(cycles::list))
        .service(resource("/v1/cycles/{cycle}").get(cycles::view))
        .service(resource("/v1/cycles/{cycle}/close").post(cycles::close))
        .service(resource("/v1/cycles/{cycle}/publish").post(statements::publish))
        .service(resource("/v1/cycles/{cycle}/acknowledge").post(statements::acknowledge_cycle))
        .service(resource("/v1/statements").get(statements::list))
        .service(resource("/v1/statements/{cycle}/{party}").get(statements::view))
        .service(resource("/v1/statements/{cycle}/{party}/proofs").get(statements::proofs))
        .service(resource("/v1/statements/{cycle}/{party}/signature").get(statements::signature))
        .service(
            resource("/v1/statements/{cycle}/{party}/acknowledge").post(statements::acknowledge),
        )
        .service(resource("/v1/log-key").get(statements::log_key))
        .configure(persons)
        .configure(money)
        .configure(books)
        .configure(of_wallets)
        .configure(offered)
        .configure(telling)
        .configure(marketing)
        .service(resource("/v1/reports/liability").get(reports::liability))
        .service(resource("/v1/exports").get(exports::view))
        .service(resource("/v1/test-clock").post(service::move_clock));
}

/// Members as persons.
fn persons(config: &mut ServiceConfig) {
    use web::{get, patch, resource};
    config
        .service(
            resource("/v1/members/{member}/profile")
                .route(get().to(people::view))
                .route(patch().to(people::patch)),
        )
        .service(resource("/v1/members/{member}/consents").post(people::consent))
        .service(resource("/v1/members/{member}/erase").post(people::erase))
        .service(resource("/v1/members/{member}/export").get(people::export))
        .service(resource("/v1/codes").post(codes::ask))
        .service(resource("/v1/codes/{id}/confirm").post(codes::confirm))
        .service(resource("/v1/test-codes").get(codes::shown))
        .service(resource("/v1/merge-proposals").get(proposals::list))
        .service(resource("/v1/merge-proposals/{id}/accept").post(proposals::accept))
        .service(resource("/v1/merge-proposals/{id}/reject").post(proposals::reject))
        .service(resource("/v1/merges/{id}/undo").post(proposals::undo));
}

/// Money in and out.
fn money(config: &mut ServiceConfig) {
    use web::resource;
    config
        .service(resource("/v1/cycles/{cycle}/instruct").post(payments::instruct))
        .service(resource("/v1/cycles/{cycle}/payments").get(payments::view))
        .service(resource("/v1/bank-statements").post(payments::import))
        .service(resource("/v1/clearing-accounts").get(payments::clearing_accounts))
        .service(resource("/v1/open-items").get(open_items::list))
        .service(resource("/v1/open-items/{id}/assign").post(open_items::assign))
        .service(resource("/v1/open-items/{id}/return").post(open_items::give_back))
        .service(resource("/v1/open-items/{id}/write-off").post(open_items::write_off));
}

/// Events and where they are sent, and the help desk.
fn telling(config: &mut ServiceConfig) {
    use web::{delete, get, patch, post, resource};
    config
        .service(resource("/v1/desk").get(desk::look_up))
        .service(resource("/v1/desk/reads").get(desk::reads))
        .service(resource("/slack/commands").post(desk::command))
        .service(resource("/v1/events").get(events::list))
        .service(
            resource("/v1/webhooks")
                .route(post().to(webhooks::create))
                .route(get().to(webhooks::list)),
        )
        .service(
            resource("/v1/webhooks/{id}")
                .route(get().to(webhooks::view))
                .route(patch().to(webhooks::change))
                .route(delete().to(webhooks::remove)),
        )
        .service(resource("/v1/webhooks/{id}/rotate").post(webhooks::rotate))
        .service(resource("/v1/webhooks/{id}/deliveries").get(replays::deliveries))
        .service(resource("/v1/webhooks/{id}/replay").post(replays::replay));
}

/// Campaigns and notices.
fn marketing(config: &mut ServiceConfig) {
    use web::{get, put, resource};
    config
        .service(resource("/v1/campaigns").get(campaigns::list))
        .service(
            resource("/v1/campaigns/{id}")
                .route(put().to(campaigns::put))
                .route(get().to(campaigns::view)),
        )
        .service(resource("/v1/campaigns/{id}/preview").post(campaigns::preview))
        .service(resource("/v1/campaigns/{id}/start").post(campaigns::start))
        .service(resource("/v1/campaigns/{id}/stop").post(campaigns::stop))
        .service(resource("/v1/campaigns/{id}/run").post(campaigns::run))
        .service(resource("/v1/campaigns/{id}/report").get(campaigns::report))
        .service(resource("/v1/campaigns/{id}/notices").get(notices::list))
        .service(resource("/v1/notices").post(notices::send))
        .service(resource("/v1/notices:report").post(notices::report))
        .service(resource("/v1/notice-channels/{programme}").get(notices::channels))
        .service(resource("/v1/notice-channels/{programme}/{channel}").put(notices::put_channel));
}

/// Partners' own books beside the ledger, and disputes.
fn books(config: &mut ServiceConfig) {
    use web::{get, post, put, resource};
    config
        .service(
            resource("/v1/parties/{id}/book-profile")
                .route(put().to(book_profiles::put))
                .route(get().to(book_profiles::view)),
        )
        .service(
            resource("/v1/reconciliations")
                .route(post().to(reconciliations::create))
                .route(get().to(reconciliations::list)),
        )
        .service(resource("/v1/reconciliations/{id}").get(reconciliations::view))
        .service(
            resource("/v1/reconciliations/{id}/parts/{part}")
                .route(put().to(reconciliations::put_part)),
        )
        .service(resource("/v1/reconciliations/{id}/run").post(reconciliations::run))
        .service(resource("/v1/reconciliations/{id}/breaks").get(breaks::list))
        .service(resource("/v1/reconciliations/{id}/breaks/{number}").get(breaks::view))
        .service(resource("/v1/reconciliations/{id}/breaks/{number}/{step}").post(breaks::step))
        .service(
            resource("/v1/disputes")
                .route(post().to(disputes::open))
                .route(get().to(disputes::list)),
        )
        .service(resource("/v1/disputes/{id}").get(disputes::view))
        .service(resource("/v1/disputes/{id}/{step}").post(disputes::step));
}

/// Cards, for wallets and tills.
fn of_wallets(config: &mut ServiceConfig) {
    use web::{delete, post, resource};
    config
        .service(resource("/v1/catalogue").get(cards::catalogue))
        .service(resource("/v1/cards").post(cards::issue))
        .service(resource("/v1/cards/resolve").post(resolve::resolve))
        .service(resource("/v1/cards/{number}").get(cards::view))
        .service(resource("/v1/cards/{number}/rotating").get(cards::rotating))
        .service(resource("/v1/cards/{number}/barcode").get(cards::barcode))
        .service(resource("/v1/cards/{number}/pass").get(wallet::package))
        .service(resource("/v1/cards/{number}/google-pass").post(wallet::google_pass))
        .service(resource("/v1/cards/{number}/{step}").post(cards::step))
        .service(
            web::scope("/wallet/v1")
                .app_data(PayloadConfig::new(PHONE_BODY_BYTES_MAX))
                .service(
                    resource("/devices/{device}/registrations/{type}/{serial}")
                        .route(post().to(wallet::register))
                        .route(delete().to(wallet::unregister)),
                )
                .service(resource("/devices/{device}/registrations/{type}").get(wallet::changed))
                .service(resource("/passes/{type}/{serial}").get(wallet::latest))
                .service(resource("/log").post(wallet::log)),
        );
}

/// Offers.
fn offered(config: &mut ServiceConfig) {
    use offers::{baskets, compensations, perks, prices, promo_codes};
    use web::{get, post, put, resource};
    config
        .service(
            resource("/v1/promo-codes")
                .route(post().to(promo_codes::create))
                .route(get().to(promo_codes::list)),
        )
        .service(resource("/v1/promo-codes/redeem").post(promo_codes::redeem))
        .service(resource("/v1/promo-codes/{id}").get(promo_codes::view))
        .service(resource("/v1/promo-codes/{id}/codes").get(promo_codes::codes))
        .service(resource("/v1/promo-codes/{id}/report").get(promo_codes::report))
        .service(resource("/v1/promo-codes/{id}/stop").post(promo_codes::stop))
        .service(
            resource("/v1/compensations")
                .route(post().to(compensations::ask))
                .route(get().to(compensations::list)),
        )
        .service(resource("/v1/compensations/{id}").get(compensations::view))
        .service(resource("/v1/compensations/{id}/{step}").post(compensations::step))
        .service(
            resource("/v1/baskets/{id}")
                .route(put().to(baskets::put))
                .route(get().to(baskets::view)),
        )
        .service(resource("/v1/baskets/{id}/activity").post(baskets::activity))
        .service(
            resource("/v1/basket-rules/{programme}")
                .route(put().to(baskets::put_rules))
                .route(get().to(baskets::rules)),
        )
        .service(resource("/v1/call-list").get(baskets::call_list))
        .service(resource("/v1/prices").post(prices::prices))
        .service(resource("/v1/members/{member}/perks").get(perks::of_member_now));
}
