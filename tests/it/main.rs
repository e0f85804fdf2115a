//! The server over HTTP, on SQLite and on PostgreSQL, as partners and operators see it.
//!
//! Every test talks with the Rust SDK, every answer is checked against the API's document, and
//! every ledger is audited at the end.

mod access;
mod access_people;
mod access_rows;
mod bank;
mod caller;
mod cards;
mod cards_apple;
mod cards_barcode;
mod cards_face;
mod cards_google;
mod cards_issue;
mod cards_resolve;
mod cards_world;
mod commands;
mod configuration;
mod contract;
mod cycles;
mod disputes;
mod exports;
mod exports_breaks;
mod exports_cycles;
mod exports_flat;
mod exports_scenarios;
mod idempotency;
mod kinds;
mod liability;
mod lists;
mod members;
mod migrations;
mod month;
mod open_items;
mod packs;
mod payments;
mod people;
mod people_codes;
mod people_erasure;
mod proofs;
mod reconciliation;
mod reconciliation_again;
mod requests;
mod retail;
mod routes;
mod scenarios;
mod schedules;
mod sdk;
mod sections;
mod settle_at_burn;
mod signatures;
mod statements;
mod support;
mod tidy;
mod vectors;
mod visibility;
