//! Barcodes of five kinds as SVG and PNG, with the quiet zones that scanners need.

use std::fmt::Write as _;

use rxing::common::BitMatrix;
use rxing::{BarcodeFormat, EncodeHintValue, EncodeHints, MultiFormatWriter, Writer};

use crate::domain::terms::card::BarcodeKind;

/// Pixels of a module in a PNG.
const MODULE_PIXELS: u32 = 6;

/// Modules that bars of one row are high.
const BAR_MODULES: u32 = 40;

/// Why there is no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BarcodeError {
    /// The kind can't say this text.
    #[error("this text can't be said by a barcode of this kind")]
    Text,
    /// The picture can't be written.
    #[error("the picture can't be written")]
    Picture,
}

/// A barcode as dark and light modules, its quiet zone included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modules {
    width: u32,
    height: u32,
    dark: Vec<bool>,
}

const fn format_of(kind: BarcodeKind) -> BarcodeFormat {
    match kind {
        BarcodeKind::Ean13 => BarcodeFormat::EAN_13,
        BarcodeKind::Code128 => BarcodeFormat::CODE_128,
        BarcodeKind::Qr => BarcodeFormat::QR_CODE,
        BarcodeKind::Pdf417 => BarcodeFormat::PDF_417,
        BarcodeKind::Aztec => BarcodeFormat::AZTEC,
    }
}

/// Light modules left, right, above and below: ISO/IEC 15420 (EAN-13: 11 and 7), 15417 (Code 128:
/// 10), 18004 (QR: 4), 15438 (PDF417: 2); Aztec needs none and gets 2.
const fn quiet_zone(kind: BarcodeKind) -> (u32, u32, u32) {
    match kind {
        BarcodeKind::Ean13 => (11, 7, 4),
        BarcodeKind::Code128 => (10, 10, 4),
        BarcodeKind::Qr => (4, 4, 4),
        BarcodeKind::Pdf417 | BarcodeKind::Aztec => (2, 2, 2),
    }
}

impl Modules {
    /// The barcode of a text.
    ///
    /// # Errors
    /// If the kind can't say it.
    pub fn of(kind: BarcodeKind, text: &str) -> Result<Self, BarcodeError> {
        let correction = if kind == BarcodeKind::Pdf417 { "2" } else { "M" };
        let mut hints = EncodeHints::default().with(EncodeHintValue::Margin("0".to_owned()));
        if matches!(kind, BarcodeKind::Qr | BarcodeKind::Pdf417) {
            hints = hints.with(EncodeHintValue::ErrorCorrection(correction.to_owned()));
        }
        let matrix = MultiFormatWriter
            .encode_with_hints(text, &format_of(kind), 0, 1, &hints)
            .map_err(|_| BarcodeError::Text)?;
        Ok(Self::framed(kind, &matrix))
    }

    fn framed(kind: BarcodeKind, matrix: &BitMatrix) -> Self {
        let (left, right, aside) = quiet_zone(kind);
        let is_row = matches!(kind, BarcodeKind::Ean13 | BarcodeKind::Code128);
        let bounds = bounds_of(matrix);
        let (columns, rows) = (bounds.right - bounds.left, bounds.bottom - bounds.top);
        let rows_shown = if is_row { BAR_MODULES } else { rows };
        let (width, height) = (left + columns + right, aside + rows_shown + aside);
        let mut dark = vec![false; index(width) * index(height)];
        for row in 0..rows_shown {
            let from = bounds.top + if is_row { 0 } else { row };
            for column in 0..columns {
                let place = index(aside + row) * index(width) + index(left + column);
                dark[place] = matrix.get(bounds.left + column, from);
            }
        }
        Self { width, height, dark }
    }

    fn is_dark(&self, column: u32, row: u32) -> bool {
        self.dark[index(row) * index(self.width) + index(column)]
    }

    /// As a vector picture: one path, a rectangle for each run of dark modules.
    pub fn svg(&self) -> String {
        let (width, height) = (self.width, self.height);
        let mut path = String::new();
        for row in 0..height {
            let mut column = 0;
            while column < width {
                let begin = column;
                while column < width && self.is_dark(column, row) {
                    column += 1;
                }
                if begin < column {
                    let run = column - begin;
                    write!(path, "M{begin} {row}h{run}v1h-{run}z")
                        .expect("writing to a string does not fail");
                }
                column += 1;
            }
        }
        let (wide, high) = (width * MODULE_PIXELS, height * MODULE_PIXELS);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide}\" height=\"{high}\" \
             viewBox=\"0 0 {width} {height}\" shape-rendering=\"crispEdges\">\
             <path fill=\"#fff\" d=\"M0 0h{width}v{height}h-{width}z\"/>\
             <path fill=\"#000\" d=\"{path}\"/></svg>\n"
        )
    }

    /// As a picture of pixels, grey of 8 bits.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn png(&self) -> Result<Vec<u8>, BarcodeError> {
        let (wide, high) = (self.width * MODULE_PIXELS, self.height * MODULE_PIXELS);
        let mut pixels = Vec::with_capacity(index(wide) * index(high));
        for row in 0..high {
            let dark = |column: u32| self.is_dark(column / MODULE_PIXELS, row / MODULE_PIXELS);
            pixels.extend((0..wide).map(|column| if dark(column) { 0 } else { 255 }));
        }
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, wide, high);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().map_err(|_| BarcodeError::Picture)?;
        writer.write_image_data(&pixels).map_err(|_| BarcodeError::Picture)?;
        writer.finish().map_err(|_| BarcodeError::Picture)?;
        Ok(bytes)
    }
}

struct Bounds {
    left: u32,
    right: u32,
    top: u32,
    bottom: u32,
}

/// What is dark of a matrix: writers leave margins of their own kinds.
fn bounds_of(matrix: &BitMatrix) -> Bounds {
    let (width, height) = (matrix.getWidth(), matrix.getHeight());
    let mut bounds = Bounds { left: width, right: 0, top: height, bottom: 0 };
    for row in 0..height {
        for column in (0..width).filter(|&column| matrix.get(column, row)) {
            bounds.left = bounds.left.min(column);
            bounds.right = bounds.right.max(column + 1);
            bounds.top = bounds.top.min(row);
            bounds.bottom = bounds.bottom.max(row + 1);
        }
    }
    bounds
}

fn index(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paints a vector picture again: the modules that its path fills.
    fn painted(svg: &str, modules: &Modules) -> Vec<bool> {
        let mut dark = vec![false; modules.dark.len()];
        let path = svg.rsplit("d=\"").next().and_then(|rest| rest.split('"').next());
        for run in path.expect("a path").split('z').filter(|run| !run.is_empty()) {
            let rest = run.strip_prefix('M').expect("a run");
            let (column, rest) = rest.split_once(' ').expect("a place");
            let (row, rest) = rest.split_once('h').expect("a row");
            let (length, _) = rest.split_once('v').expect("a length");
            let number = |text: &str| text.parse::<usize>().expect("a number");
            let begin = number(row) * index(modules.width) + number(column);
            dark[begin..begin + number(length)].fill(true);
        }
        dark
    }

    #[test]
    fn every_kind_has_its_quiet_zone_and_both_pictures_agree() {
        for kind in BarcodeKind::ALL {
            let text =
                if kind == BarcodeKind::Ean13 { "2000000000015" } else { "9643000000000004" };
            let modules = Modules::of(kind, text).expect("it can be said");
            let (left, right, aside) = quiet_zone(kind);
            for row in 0..modules.height {
                let dark = (0..modules.width).filter(|&column| modules.is_dark(column, row));
                for column in dark {
                    assert!((left..modules.width - right).contains(&column), "{kind:?}");
                    assert!((aside..modules.height - aside).contains(&row), "{kind:?}");
                }
            }
            assert_eq!(painted(&modules.svg(), &modules), modules.dark, "{kind:?}");
            let png = modules.png().expect("it can be written");
            assert_eq!(&png[1..4], b"PNG");
        }
        assert_eq!(Modules::of(BarcodeKind::Ean13, "9643000000000004"), Err(BarcodeError::Text));
    }

    #[test]
    fn an_ean_is_95_modules_and_a_number_in_code_128_is_packed_in_pairs() {
        let ean = Modules::of(BarcodeKind::Ean13, "2000000000015").expect("it can be said");
        assert_eq!(ean.width, 11 + 95 + 7);
        // A start, eight pairs and a check of 11 modules each, and a stop of 13.
        let packed = Modules::of(BarcodeKind::Code128, "9643000000000018").expect("it can be said");
        assert_eq!(packed.width, 10 + 11 * 10 + 13 + 10);
    }
}
