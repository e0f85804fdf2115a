//! Writing HTML into a string.

use std::fmt;
use std::fmt::Write;

/// Text with what HTML gives a meaning to replaced.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(one),
        }
    }
    out
}

/// Adds a piece to what was written.
///
/// # Panics
/// Never: a string takes everything.
pub fn add(out: &mut String, piece: fmt::Arguments<'_>) {
    out.write_fmt(piece).expect("a string takes everything");
}
