//! Who may: the routes of members, and of what they are offered and told.

use crate::access_rows::{EMPTY, Row, row};

/// What is personal, and what shows that a name is somebody's.
pub fn rows_of_people() -> Vec<Row> {
    let patch = r#"{"profile":{"city":"Omsk"}}"#;
    let consent = r#"{"purpose":"marketing","version":"1"}"#;
    let code = r#"{"phone":"+79160000001","purpose":"burn"}"#;
    vec![
        row("GET /v1/members/{member}/profile", "", "", "-y---y"),
        row("PATCH /v1/members/{member}/profile", "", patch, "-y---y"),
        row("POST /v1/members/{member}/consents", "", consent, "-y---y"),
        // A party that is no brand of the member's programmes may not: what it names is another's.
        row("POST /v1/members/{member}/erase", "/v1/members/m_0_9999/erase", EMPTY, "-----*"),
        row("GET /v1/members/{member}/export", "", "", "-----y"),
        row("POST /v1/codes", "", code, "-yy--y"),
        row("POST /v1/codes/{id}/confirm", "/v1/codes/code_9/confirm", EMPTY, "******"),
        row("GET /v1/test-codes", "", "", "-----y"),
        row("GET /v1/merge-proposals", "", "", "---yyy"),
        row(
            "POST /v1/merge-proposals/{id}/accept",
            "/v1/merge-proposals/mp_9/accept",
            EMPTY,
            "-----*",
        ),
        row(
            "POST /v1/merge-proposals/{id}/reject",
            "/v1/merge-proposals/mp_9/reject",
            EMPTY,
            "-----*",
        ),
        row("POST /v1/merges/{id}/undo", "/v1/merges/tx_0_9999/undo", EMPTY, "-----*"),
    ]
}
