//! Handlers: extract, ask, present.

#![expect(
    clippy::missing_errors_doc,
    reason = "every handler errs with a problem document; openapi/ names the codes of each"
)]

mod acting;
pub mod batch;
pub mod book_profiles;
pub mod breaks;
mod campaign_views;
pub mod campaigns;
pub mod cards;
mod catalogue;
pub mod codes;
pub mod configuration;
pub mod cycles;
pub mod desk;
mod dispute_views;
pub mod disputes;
pub mod events;
pub mod explain;
pub mod exports;
pub mod keys;
pub mod members;
pub mod notices;
pub mod offers;
pub mod open_items;
mod opening;
pub mod payments;
pub mod people;
mod people_views;
pub mod proposals;
pub mod receipts;
mod reconciliation_views;
pub mod reconciliations;
pub mod replays;
pub mod reports;
pub mod resolve;
pub mod service;
pub mod statements;
pub mod transactions;
pub mod wallet;
pub mod webhooks;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use serde::Serialize;

use super::present::json_text;
use super::problem::problem_json;
use crate::engine::Answer;

/// Presents an answer of the engine; a repeated one says so.
pub fn answered(answer: &Answer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if status.is_success() {
        response.content_type(ContentType::json());
    } else {
        response.insert_header(problem_json());
    }
    if answer.replayed {
        response.insert_header(("Idempotent-Replayed", "true"));
    }
    response.body(answer.body.to_string())
}

/// Presents a figure or a list.
pub fn found<T: Serialize>(value: &T) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(json_text(value))
}
