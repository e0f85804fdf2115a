//! Icons and logos: a disc of the text's colour on the background's, drawn in pixels.

use crate::domain::terms::card::Colour;
use crate::passes::PassError;

/// Points of an icon's side.
const ICON: u32 = 29;

/// Points of a logo: wide and high.
const LOGO: (u32, u32) = (50, 50);

/// The pictures of a pass, each in the three sizes that phones ask for.
///
/// # Errors
/// If a picture can't be written.
pub fn pictures(background: Colour, text: Colour) -> Result<Vec<(String, Vec<u8>)>, PassError> {
    let mut all = Vec::with_capacity(6);
    for (name, (wide, high)) in [("icon", (ICON, ICON)), ("logo", LOGO)] {
        for scale in 1..=3 {
            let mark = if scale == 1 { String::new() } else { format!("@{scale}x") };
            let bytes = disc((wide * scale, high * scale), background, text)?;
            all.push((format!("{name}{mark}.png"), bytes));
        }
    }
    Ok(all)
}

fn disc((wide, high): (u32, u32), around: Colour, within: Colour) -> Result<Vec<u8>, PassError> {
    let mut pixels = Vec::new();
    let radius = i64::from(wide.min(high)) * 2 / 3;
    for row in 0..high {
        for column in 0..wide {
            // Twice the distance from the middle, so that it is a whole number.
            let x = i64::from(column) * 2 + 1 - i64::from(wide);
            let y = i64::from(row) * 2 + 1 - i64::from(high);
            let is_within = x * x + y * y <= radius * radius;
            pixels.extend(if is_within { within.0 } else { around.0 });
        }
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, wide, high);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(|_| PassError::Picture)?;
    writer.write_image_data(&pixels).map_err(|_| PassError::Picture)?;
    writer.finish().map_err(|_| PassError::Picture)?;
    Ok(bytes)
}
