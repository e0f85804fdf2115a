//! Events of transactions, decided as the server decides them.

use super::*;

#[test]
fn ids_print_and_parse_and_have_no_dot() {
    for (id, text) in
        [(EventId::Journal(3, 1042, 1), "ev_3_1042_1"), (EventId::Outbox(7), "ev_o_7")]
    {
        assert_eq!(id.to_string(), text);
        assert_eq!(text.parse(), Ok(id));
        assert!(!text.contains('.'));
    }
    for text in
        ["", "ev", "ev_o", "ev_o_-1", "ev_o_07", "ev_1_2", "ev_1_2_03", "ev_1_2_3_4", "tx_1_2"]
    {
        assert!(text.parse::<EventId>().is_err(), "{text}");
    }
}

#[test]
fn types_are_words_with_dots_between() {
    for text in ["points.earned", "a", "card_2.x"] {
        assert!(is_type(text), "{text}");
    }
    for text in ["", ".", "a.", "a..b", "points earned", "ä", &"a".repeat(65)] {
        assert!(!is_type(text), "{text}");
    }
}

#[test]
fn a_body_that_is_too_long_says_only_that() {
    let event = |data| Event {
        id: EventId::Outbox(7),
        kind: "x.y".to_owned(),
        at: Instant(0),
        programme: None,
        member: None,
        data,
    };
    let short = event(serde_json::json!({"b": 1})).body();
    assert_eq!(short, r#"{"type":"x.y","timestamp":"1970-01-01T00:00:00Z","data":{"b":1}}"#);
    let long = event(serde_json::json!({"b": "x".repeat(EVENT_BYTES_MAX)})).body();
    assert!(long.len() < 200 && long.contains("ev_o_7"), "{long}");
}
