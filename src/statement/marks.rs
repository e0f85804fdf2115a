//! What a statement's lines say beside the entries: in which layout, and which of them are disputed.
//!
//! A statement that was published says the same for ever, so both are read from what was published:
//! the header names the layout, the section of disputes the lines that disputes are about.

use std::collections::BTreeMap;

use serde_json::Value;

/// The layout of statements that are published now. Of the first one the header says nothing; its
/// lines have no more than amounts, VAT and entries, and exchanges of both directions are one type.
pub const LAYOUT: u64 = 2;

/// The marks of a statement's lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    layout: u64,
    /// The dispute that is about an entry, by the entry's id.
    disputes: BTreeMap<String, String>,
}

impl Marks {
    /// The marks that the header and the disputes of a statement give.
    pub fn of(header: &Value, disputes: &Value) -> Self {
        let mut by_entry = BTreeMap::new();
        for dispute in disputes.as_array().into_iter().flatten() {
            let (Some(id), Some(lines)) = (dispute["id"].as_str(), dispute["lines"].as_array())
            else {
                continue;
            };
            for line in lines.iter().filter_map(Value::as_str) {
                // Of several disputes the first one is named.
                by_entry.entry(line.to_owned()).or_insert_with(|| id.to_owned());
            }
        }
        Self { layout: header["layout"].as_u64().unwrap_or(1), disputes: by_entry }
    }

    /// Whether lines say more than amounts, VAT and entries.
    pub const fn says_all(&self) -> bool {
        self.layout >= LAYOUT
    }

    /// The dispute that is about an entry; none: nobody disputed it when the statement was
    /// published.
    pub fn dispute_of(&self, entry: &str) -> Option<&str> {
        self.disputes.get(entry).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_published_says_which_lines_were_disputed() {
        let disputes = json!([
            {"of": "dispute", "id": "dsp_1", "lines": ["tx_0_1/1"]},
            {"of": "dispute", "id": "dsp_2", "lines": ["tx_0_1/1", "tx_0_2/1"]},
            {"of": "dispute", "id": "dsp_3"},
            {"of": "money", "kind": "dispute_reserve"},
        ]);
        let marks = Marks::of(&json!({"layout": 2}), &disputes);
        assert!(marks.says_all());
        let of = |entry| marks.dispute_of(entry);
        assert_eq!((of("tx_0_1/1"), of("tx_0_2/1")), (Some("dsp_1"), Some("dsp_2")));
        assert_eq!(of("tx_0_3/1"), None);
        assert!(!Marks::of(&json!({"version": 1}), &json!([])).says_all());
    }
}
