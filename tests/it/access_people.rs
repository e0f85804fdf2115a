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

/// What is given beside receipts.
pub fn rows_of_offers() -> Vec<Row> {
    let mut all = vec![
        row("POST /v1/promo-codes", "", EMPTY, "-yy--y"),
        row("GET /v1/promo-codes", "", "", "-yyyyy"),
        row("POST /v1/promo-codes/redeem", "", EMPTY, "-yy---"),
        row("POST /v1/compensations", "", EMPTY, "----yy"),
        row("GET /v1/compensations", "", "", "-yyyyy"),
        row("PUT /v1/baskets/{id}", "/v1/baskets/B-9", EMPTY, "-yy---"),
        row("GET /v1/baskets/{id}", "/v1/baskets/B-9?party={p}", "", "------"),
        row("POST /v1/baskets/{id}/activity", "/v1/baskets/B-9/activity", EMPTY, "-yy--y"),
        row("PUT /v1/basket-rules/{programme}", "/v1/basket-rules/{c}", EMPTY, "-----y"),
        row("GET /v1/basket-rules/{programme}", "/v1/basket-rules/{c}", "", "---yyy"),
        row("GET /v1/call-list", "", "", "-yyyyy"),
        row("POST /v1/prices", "", EMPTY, "-yy---"),
        row("GET /v1/members/{member}/perks", "", "", "-y-yyy"),
    ];
    let nowhere = [
        ("GET /v1/promo-codes/{id}", "/v1/promo-codes/pc_9"),
        ("GET /v1/promo-codes/{id}/codes", "/v1/promo-codes/pc_9/codes"),
        ("GET /v1/promo-codes/{id}/report", "/v1/promo-codes/pc_9/report"),
        ("POST /v1/promo-codes/{id}/stop", "/v1/promo-codes/pc_9/stop"),
        ("GET /v1/compensations/{id}", "/v1/compensations/cmp_9"),
        ("POST /v1/compensations/{id}/approve", "/v1/compensations/cmp_9/approve"),
        ("POST /v1/compensations/{id}/reject", "/v1/compensations/cmp_9/reject"),
        ("POST /v1/compensations/{id}/reverse", "/v1/compensations/cmp_9/reverse"),
    ];
    all.extend(nowhere.map(|(route, target)| {
        row(route, target, EMPTY, if route.starts_with("GET") { "------" } else { "******" })
    }));
    all
}

/// What is told.
pub fn rows_of_events() -> Vec<Row> {
    let (own, nowhere) = ("/v1/webhooks/{wh}", "/v1/webhooks/wh_0000000000000009");
    let target = |what: &'static str| match what {
        "rotate" => "/v1/webhooks/{wh}/rotate",
        "deliveries" => "/v1/webhooks/{wh}/deliveries",
        _ => "/v1/webhooks/{wh}/replay",
    };
    vec![
        row("GET /v1/desk", "/v1/desk?receipt=R-{p}&party={p}", "", "-----y"),
        row("GET /v1/desk/reads", "", "", "---y-y"),
        row("POST /slack/commands", "", EMPTY, "------"),
        row("GET /v1/events", "", "", "-yyyyy"),
        row("POST /v1/webhooks", "", EMPTY, "-yy--y"),
        row("GET /v1/webhooks", "/v1/webhooks?party={p}", "", "-y-yyy"),
        row("GET /v1/webhooks/{id}", own, "", "-y-yyy"),
        row("PATCH /v1/webhooks/{id}", own, EMPTY, "-y---y"),
        row("DELETE /v1/webhooks/{id}", nowhere, "", "******"),
        row("POST /v1/webhooks/{id}/rotate", target("rotate"), EMPTY, "-y---y"),
        row("GET /v1/webhooks/{id}/deliveries", target("deliveries"), "", "-y-yyy"),
        row("POST /v1/webhooks/{id}/replay", target("replay"), EMPTY, "-y---y"),
    ]
}

/// Campaigns and notices: for the brand, which is neither of the two parties.
pub fn rows_of_campaigns() -> Vec<Row> {
    let (campaign, notice) = (
        r#"{"programme":"{c}","audience":"everyone"}"#,
        r#"{"programme":"{c}","member":"{member}","channel":"sms","party":"{p}","text":"Hello"}"#,
    );
    let channels = "/v1/notice-channels/{c}";
    let mut all = vec![
        row("PUT /v1/campaigns/{id}", "/v1/campaigns/of-{c}", campaign, "-----y"),
        row("GET /v1/campaigns", "", "", "-yyyyy"),
        row("POST /v1/notices", "", notice, "-----y"),
        row("POST /v1/notices:report", "", r#"{"reports":[]}"#, "-yy--y"),
        row("GET /v1/notice-channels/{programme}", channels, "", "---yyy"),
        row(
            "PUT /v1/notice-channels/{programme}/{channel}",
            "/v1/notice-channels/{c}/push",
            EMPTY,
            "-----y",
        ),
    ];
    let nowhere = [
        ("GET /v1/campaigns/{id}", "/v1/campaigns/no-campaign"),
        ("POST /v1/campaigns/{id}/preview", "/v1/campaigns/no-campaign/preview"),
        ("POST /v1/campaigns/{id}/start", "/v1/campaigns/no-campaign/start"),
        ("POST /v1/campaigns/{id}/stop", "/v1/campaigns/no-campaign/stop"),
        ("POST /v1/campaigns/{id}/run", "/v1/campaigns/no-campaign/run"),
        ("GET /v1/campaigns/{id}/report", "/v1/campaigns/no-campaign/report"),
        ("GET /v1/campaigns/{id}/notices", "/v1/campaigns/no-campaign/notices"),
    ];
    all.extend(nowhere.map(|(route, target)| {
        row(route, target, EMPTY, if route.starts_with("GET") { "------" } else { "******" })
    }));
    all
}
