//! The rules, pure: points, money, time, lots, programmes, agreements, and `decide`.
//!
//! Nothing here does I/O, reads a clock or makes a random number; nothing here knows the web, the
//! database or a thread. What is decided depends on the arguments alone, so the same code serves a
//! single request, a bulk file, a job and the audit.
//!
//! Reading order: `exact`, `ids`, `amount`, `time`; then `terms` (what was agreed), `lot`, `hold`,
//! `pack`, `account`, `metric`; then `posting`, `transaction`, `kind`, `command`, `rejection`; then `ledger` (the
//! working set of one batch) and `decide`; `settlement` is what becomes of the money, `entry` and
//! `log` prove what was recorded, `event` tells of it; `card` is what members show at a till.
//! `reconciliation` stands apart: it compares, and decides nothing of
//! the ledger.

pub mod account;
pub mod adjustment;
pub mod amount;
pub mod campaign;
pub mod card;
pub mod command;
pub mod decide;
pub mod effect;
pub mod entry;
pub mod event;
pub mod exact;
pub mod exposure;
pub mod hold;
pub mod ids;
pub mod kind;
pub mod ledger;
pub mod liability;
pub mod log;
pub mod lot;
pub mod member;
pub mod metric;
mod named;
pub mod obligation;
pub mod offer;
pub mod pack;
pub mod person;
pub mod posting;
pub mod receipt;
pub mod reconciliation;
pub mod rejection;
pub mod settlement;
pub mod terms;
pub mod till;
pub mod time;
pub mod transaction;
