//! Offers: promo codes, compensation, abandoned baskets, personal prices. What is written of them, and
//! what follows from it; nothing here reads or writes.

pub mod basket;
pub mod code;
pub mod compensation;
pub mod gift;
pub mod promo;
