//! Services: what a party does for another for a price, such as issuing cards.

use std::sync::Arc;

use super::draft::{Draft, Title};
use super::{Ask, Decision};
use crate::domain::amount::{Money, Points};
use crate::domain::command::{Action, ServiceKind};
use crate::domain::exact::Ratio;
use crate::domain::ids::MemberId;
use crate::domain::posting::{LedgerAccount, ObligationKind, Owed, Posting, Under};
use crate::domain::rejection::Rejection;
use crate::domain::transaction::Detail;

/// Decides a service: who agreed to pay owes the party that did it.
pub fn decide(ask: &Ask<'_>) -> Decision {
    let Action::Service { programme, service, count, .. } = &ask.command.action else {
        unreachable!("only services are sent here");
    };
    let agreement = ask.agreement(programme)?;
    let agreed = agreement.services.get(service).ok_or(Rejection::NoAgreement)?;
    let programme = ask.context.programme(programme)?;
    ask.must_be_recent(agreement, programme)?;
    let price = Ratio::whole(*count).times(agreed.price);
    let amount = Money(price.rescaled(0, programme.scales.money).half_even());
    let mut draft = Draft::new(ask.ledger, ask.context);
    if amount.is_positive() {
        let owed = Owed {
            amount,
            programme: Some(programme.id.clone()),
            obligation: match service {
                ServiceKind::CardIssued => ObligationKind::CardFee,
                ServiceKind::Message => ObligationKind::MessageFee,
            },
            reverses: false,
            points: Points(*count),
            price: Some(agreed.price),
            under: Arc::new(Under {
                agreement: Some(agreement.party.clone()),
                version: agreement.version,
                schedule: agreement.schedule.clone(),
                promo: None,
            }),
        };
        let payer = LedgerAccount::Party(agreed.paid_by.clone());
        let server = LedgerAccount::Party(agreement.party.clone());
        let postings = vec![Posting::money(payer, server, owed)];
        draft.must_keep_lines(&postings)?;
        draft.post_all(postings);
    }
    let detail = Detail::Service {
        programme: programme.id.clone(),
        service: *service,
        count: *count,
        price: agreed.price,
        paid_by: agreed.paid_by.clone(),
        amount,
    };
    Ok(draft.finish(Title::of(ask.command, MemberId::NOBODY), detail))
}
