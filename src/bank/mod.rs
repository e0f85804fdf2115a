//! Files for banks and from banks: payment orders out, bank statements in, and who has paid.
//!
//! Pure functions over values. Nobody here opens a file, knows a database or asks the clock; bytes
//! from a bank are read as hostile, since a statement comes by mail and by upload.
//!
//! Reading order: `check_digits`, `reference`, `account`, `order`; what an order is written as
//! (`pain`, `list`, `client_bank`); then `xml` and `camt`; then `matching`.

pub mod account;
pub mod camt;
pub mod check_digits;
pub mod client_bank;
pub mod list;
pub mod matching;
pub mod order;
pub mod pain;
pub mod reference;
pub mod xml;

#[cfg(test)]
mod samples;
