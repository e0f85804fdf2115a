//! A member's own share of a receipt that points may pay, set by the brand.

use rust_decimal::Decimal;

use super::draft::Title;
use super::{Ask, Decision};
use crate::domain::account::AccountKey;
use crate::domain::rejection::Rejection;
use crate::domain::transaction::Detail;

/// Decides a personal rule: only the programme's brand sets one.
pub fn decide(ask: &Ask<'_>, key: AccountKey, max_share: Option<Decimal>) -> Decision {
    let programme = ask.context.programme(&key.programme)?;
    if programme.brand != ask.command.party {
        return Err(Rejection::NoAgreement.into());
    }
    let mut draft = ask.draft_lightly_on(&key)?;
    draft.account(&key).max_share = max_share;
    let member = key.member;
    let detail = Detail::PersonalRule { programme: key.programme, max_share };
    Ok(draft.finish(Title::of(ask.command, member), detail))
}
