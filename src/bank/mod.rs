//! Files for banks and from banks: payment orders out, bank statements in, and who has paid.
//!
//! Pure functions over values. Nobody here opens a file, knows a database or asks the clock; bytes
//! from a bank are read as hostile, since a statement comes by mail and by upload.
//!
//! Reading order: `check_digits`, `reference`, `account`, `order`; what an order is written as
//! (`pain`, `list`, `client_bank`).

pub mod account;
pub mod check_digits;
pub mod client_bank;
pub mod list;
pub mod order;
pub mod pain;
pub mod reference;

#[cfg(test)]
mod samples;
