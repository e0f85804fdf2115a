//! Creates the members that a file names, before its first line is posted.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::PostError;
use super::canonical::{canonical_text, hex_digest};
use super::lines::Line;
use super::progress::Progress;
use super::stream::{Bulk, post_in_batches};
use super::summary::Enrolment;
use crate::refusal::RefusalCode;

/// Creates each of the members; one that the server knows already is fine.
pub fn enroll(
    bulk: &Bulk<'_>,
    members: &BTreeSet<String>,
    progress: &mut Progress,
) -> Result<Enrolment, PostError> {
    let lines: Vec<Line> = members.iter().filter_map(|member| enrolment_line(member)).collect();
    progress.begin("members", u64::try_from(lines.len()).unwrap_or(u64::MAX));
    let mut enrolment = Enrolment::default();
    post_in_batches(bulk, "/v1/members:batch", lines.into_iter().map(Ok), |_, result| {
        progress.advance();
        let code = result.problem.map(|problem| problem.code);
        if code.is_none() && !result.replayed {
            enrolment.created += 1;
        } else if matches!(code, None | Some(RefusalCode::IdentifierTaken)) {
            enrolment.known += 1;
        } else if let Some(code) = code {
            *enrolment.refused.entry(code.to_string()).or_default() += 1;
        }
        Ok(())
    })?;
    progress.end();
    Ok(enrolment)
}

/// The line that creates a member by the name the file has for it; a member's id creates nothing.
fn enrolment_line(member: &str) -> Option<Line> {
    let (prefix, name) = member.split_once(':')?;
    let idempotency_key = hex_digest(&["enroll", member]);
    let mut fields = match prefix {
        "external" => json!({ "external_ids": [name] }),
        "card" => json!({ "card_tokens": [name] }),
        "phone" | "email" => json!({ prefix: name }),
        _ => return None,
    };
    fields["idempotency_key"] = Value::from(idempotency_key.as_str());
    Some(Line {
        number: 0,
        reference: None,
        members: Vec::new(),
        text: canonical_text(&fields),
        idempotency_key,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_created_by_the_name_the_file_has_for_it() {
        let text = |member| enrolment_line(member).map(|line| line.text);
        let external = text("external:17850").expect("an external id can be created");
        assert!(external.starts_with(r#"{"external_ids":["17850"],"idempotency_key":""#));
        assert!(text("phone:+79160000001").is_some_and(|text| text.contains(r#""phone":"+7916"#)));
        assert_eq!(text("m_17"), None);
    }
}
