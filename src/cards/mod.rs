//! Cards as they are shown: their faces, and their barcodes.

pub mod barcode;
pub mod face;

use crate::domain::card::CardNumber;
use crate::domain::terms::card::{BarcodeKind, CardTerms};

/// How a number is shown: as its programme now says, where the number can be shown so.
pub fn kind_of(number: &CardNumber, terms: Option<&CardTerms>) -> BarcodeKind {
    match terms.map_or(BarcodeKind::Qr, |terms| terms.barcode) {
        _ if number.is_ean() => BarcodeKind::Ean13,
        BarcodeKind::Ean13 => BarcodeKind::Code128,
        kind => kind,
    }
}

/// Whether a card shows a rotating code in place of its number.
pub fn rotates(number: &CardNumber, terms: Option<&CardTerms>) -> bool {
    terms.is_some_and(|terms| terms.rotating) && kind_of(number, terms) == BarcodeKind::Qr
}
