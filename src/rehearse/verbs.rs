//! What the operations of people, cards, campaigns and codes take. Those of the ledger take what the
//! API's transactions take.

use super::scenario::Step;

/// An operation with fields of its own.
struct Verb {
    name: &'static str,
    takes: &'static [&'static str],
    needs: &'static [&'static str],
}

const VERBS: &[Verb] = &[
    Verb {
        name: "enrol",
        takes: &[
            "source",
            "phone",
            "email",
            "external_ids",
            "card_tokens",
            "verified",
            "code",
            "profile",
            "consents",
        ],
        needs: &["id"],
    },
    Verb { name: "confirm_code", takes: &["purpose", "digits"], needs: &["phone"] },
    Verb {
        name: "consent",
        takes: &["channel", "given"],
        needs: &["member", "purpose", "version"],
    },
    Verb { name: "issue_card", takes: &["member", "person"], needs: &["id", "programme"] },
    Verb { name: "card", takes: &[], needs: &["card"] },
    Verb { name: "intro_seen", takes: &[], needs: &["card", "campaign"] },
    Verb { name: "resolve", takes: &["amount", "lines", "programme"], needs: &["card"] },
    Verb {
        name: "campaign",
        takes: &[
            "party",
            "title",
            "grant",
            "budget",
            "control",
            "channels",
            "caps",
            "card",
            "start",
            "stop",
            "window_days",
        ],
        needs: &["id", "programme", "audience"],
    },
    Verb { name: "campaign_run", takes: &[], needs: &["campaign"] },
    Verb { name: "campaign_report", takes: &[], needs: &["campaign"] },
    Verb { name: "notices", takes: &["member"], needs: &["campaign"] },
    Verb {
        name: "notice",
        takes: &["kind", "at"],
        needs: &["programme", "member", "channel", "party", "text"],
    },
    Verb { name: "notice_report", takes: &[], needs: &["campaign", "member", "what"] },
    Verb {
        name: "notice_channel",
        takes: &["per_month", "transactional_per_month", "quiet", "price"],
        needs: &["programme", "channel"],
    },
    Verb {
        name: "promo_codes",
        takes: &[
            "code",
            "pool",
            "per_party",
            "parties",
            "paid",
            "points_valid",
            "limits",
            "valid_from",
            "valid_through",
        ],
        needs: &["id", "campaign", "programmes", "points"],
    },
    Verb { name: "redeem_code", takes: &["member", "card", "programme"], needs: &["code"] },
];

fn find(name: &str) -> Option<&'static Verb> {
    VERBS.iter().find(|verb| verb.name == name)
}

/// Whether the operation is one of these: all fields of its outcome are there, if only as null.
pub fn is_known(name: &str) -> bool {
    find(name).is_some()
}

/// Whether what the clock does to campaigns and notices matters to a scenario with this operation.
pub fn is_marketing(name: &str) -> bool {
    name.starts_with("campaign") || name.starts_with("notice")
}

/// Looks whether a step takes what its operation takes.
///
/// # Errors
/// If a field is unknown, with its line and column, or one is missing.
pub fn check(step: &Step) -> Result<(), String> {
    let Some(verb) = find(&step.r#do) else { return Ok(()) };
    let known: Vec<&str> = verb.needs.iter().chain(verb.takes).copied().collect();
    for place in step.with.places() {
        if !known.contains(&place.field.as_str()) {
            return Err(format!(
                "line {} column {}: unknown field `{}` of `{}`, expected one of {}",
                place.line,
                place.column,
                place.field,
                verb.name,
                known.join(", ")
            ));
        }
    }
    let Some(field) = verb.needs.iter().find(|field| !step.with.contains_key(**field)) else {
        return Ok(());
    };
    let first = step.with.places().first();
    let place =
        first.map_or_else(String::new, |one| format!("line {} column {}: ", one.line, one.column));
    Err(format!("{place}`{}` needs the field `{field}`", verb.name))
}
