//! What is kept of offers: promo codes, compensation, baskets.

pub mod baskets;
pub mod compensations;
pub mod promo_codes;
pub mod promo_figures;
pub mod promo_uses;

use diesel::prelude::*;

use super::StoreError;
use super::connection::Database;
use super::schema::offer_numbers;

/// What is numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbered {
    /// Batches of promo codes.
    Promo,
    /// Compensations.
    Compensation,
}

/// The next number, in the open transaction. Others that ask for one wait until it commits.
fn next_number(connection: &mut Database, of: Numbered) -> Result<i64, StoreError> {
    let name = match of {
        Numbered::Promo => "promo",
        Numbered::Compensation => "compensation",
    };
    diesel::update(offer_numbers::table.find(name))
        .set(offer_numbers::next_number.eq(offer_numbers::next_number + 1))
        .execute(connection)?;
    let next: i64 =
        offer_numbers::table.find(name).select(offer_numbers::next_number).first(connection)?;
    Ok(next - 1)
}
