//! What people do with open items: money gets its payment, goes back, or stays with the clearing house.
//! Above a limit two people do it: the first proposes, the second does the same.

use rust_decimal::Decimal;

use super::progress::{LatestPart, follow, settle_if_paid};
use super::view::{ItemView, item_view};
use super::{PaymentError, scale_of};
use crate::bank::reference::rf_reference;
use crate::domain::amount::Money;
use crate::domain::settlement::CycleState;
use crate::domain::settlement::payment::{
    Ending, ItemId, ItemState, ItemStep, OpenItem, Payment, suspense,
};
use crate::domain::transaction::Detail;
use crate::engine::{Answer, Engine, House, Keyed};
use crate::store::{cycles, open_items, payments};

/// Characters of a reason.
const WHY_MAX: usize = 500;

/// What somebody wants done with an open item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Which.
    pub item: ItemId,
    /// How it is to end.
    pub ending: Ending,
    /// The reference of the payment that the money belongs to.
    pub leg: Option<String>,
    /// Why.
    pub why: String,
    /// Who.
    pub author: String,
}

/// Ends an open item, or proposes it where one person can't do it alone. The answer is written by
/// `body` and given again under the same key.
///
/// # Errors
/// If the item can't end so, or the database fails.
pub fn end(
    engine: &Engine,
    keyed: &Keyed,
    wish: &Wish,
    limit: Decimal,
    body: fn(&ItemView) -> String,
) -> Result<Answer, PaymentError> {
    let length = wish.why.trim().chars().count();
    if wish.ending != Ending::Assign && !(1..=WHY_MAX).contains(&length) {
        return Err(PaymentError::WhyMissing);
    }
    engine.on_house_once(keyed, |house| {
        let item = open_items::find(house.database, wish.item)?.ok_or(PaymentError::NotFound)?;
        let item = end_here(house, item, wish, limit)?;
        let steps = open_items::steps(house.database, item.id)?;
        Ok(body(&item_view(&item, steps, &house.coalition, house.now)))
    })
}

fn end_here(
    house: &mut House<'_>,
    mut item: OpenItem,
    wish: &Wish,
    limit: Decimal,
) -> Result<OpenItem, PaymentError> {
    if item.state != ItemState::Open {
        return Err(PaymentError::ItemState(item.state));
    }
    let is_foreign = item.currency != house.coalition.currency;
    if item.suspense.is_zero() && !is_foreign {
        return Err(PaymentError::EndsByItself);
    }
    let mut payment = match (&wish.leg, wish.ending) {
        (Some(leg), Ending::Assign) => Some(payment_for(house, &item, leg)?),
        _ => None,
    };
    let steps = open_items::steps(house.database, item.id)?;
    let proposed = steps.last().filter(|step| step.is_proposal);
    let proposed = proposed.filter(|step| (step.ending, &step.leg) == (wish.ending, &wish.leg));
    let scale = scale_of(&item.currency, &house.coalition);
    let is_large = Decimal::new(item.amount.0.abs(), scale) > limit;
    let now = house.now;
    let step = |is_proposal, amount| ItemStep {
        is_proposal,
        ending: wish.ending,
        leg: wish.leg.clone(),
        amount,
        author: wish.author.clone(),
        at: now,
        why: wish.why.clone(),
    };
    match proposed {
        Some(proposal) if is_large && proposal.author == wish.author => {
            return Err(PaymentError::SamePerson);
        }
        None if is_large => {
            let step = step(true, item.amount);
            open_items::add_step(house.database, item.id, steps.len(), &step)?;
            return Ok(item);
        }
        _ => {}
    }
    let amount = match &payment {
        Some(payment) => fitting(&item, payment)?,
        None => item.amount,
    };
    let step = step(false, amount);
    open_items::add_step(house.database, item.id, steps.len(), &step)?;
    post(house, &item, payment.as_mut(), amount)?;
    if !item.suspense.is_zero() {
        item.suspense -= amount;
        item.amount = item.suspense;
    }
    item.state = match wish.ending {
        Ending::Assign if !item.suspense.is_zero() => ItemState::Open,
        Ending::Assign => ItemState::Assigned,
        Ending::Return => ItemState::Returned,
        Ending::WriteOff => ItemState::WrittenOff,
    };
    if item.state != ItemState::Open {
        item.amount = amount;
    }
    if item.state == ItemState::Returned && !is_foreign {
        item.reference = rf_reference(&format!("BACK{}", item.id.0));
    }
    open_items::save(house.database, &item)?;
    if let Some(mut payment) = payment {
        let part = LatestPart { entry: item.entry.clone(), booked_on: item.booked_on };
        let is_payment = payment.leg.direction.signed(amount).is_positive();
        follow(house, &mut payment, Some(&part).filter(|_| is_payment))?;
        settle_if_paid(house, &payment.cycle, &wish.author)?;
    }
    Ok(item)
}

/// The payment that an item's money is to belong to.
fn payment_for(house: &mut House<'_>, item: &OpenItem, leg: &str) -> Result<Payment, PaymentError> {
    if item.suspense.is_zero() {
        return Err(PaymentError::DoesNotFit("money in another currency pays nothing here"));
    }
    let found = payments::named(house.database, &[leg].into())?.pop();
    let payment = found.ok_or(PaymentError::NotFound)?;
    if payment.leg.party == house.coalition.operator {
        return Err(PaymentError::DoesNotFit("what the clearing house pays itself needs no bank"));
    }
    let row = cycles::find(house.database, &payment.cycle)?.ok_or(PaymentError::NotFound)?;
    match row.state {
        CycleState::Instructed => Ok(payment),
        state => Err(PaymentError::CycleState(state)),
    }
}

/// How much of an item's money a payment takes: what is open of it, or what comes back; with the
/// item's sign.
fn fitting(item: &OpenItem, payment: &Payment) -> Result<Money, PaymentError> {
    let money = item.suspense.0;
    let is_payment = payment.leg.direction.signed(item.suspense).is_positive();
    let size = money.abs();
    if is_payment {
        if payment.open().is_zero() {
            return Err(PaymentError::DoesNotFit("all of this payment was paid"));
        }
        return Ok(Money(money.signum() * size.min(payment.open().0)));
    }
    if size > payment.paid.0 {
        return Err(PaymentError::DoesNotFit(
            "it goes the other way, and more than was paid can't come back",
        ));
    }
    Ok(item.suspense)
}

/// Takes money out of the suspense account, to a payment or to the clearing house.
fn post(
    house: &mut House<'_>,
    item: &OpenItem,
    payment: Option<&mut Payment>,
    amount: Money,
) -> Result<(), PaymentError> {
    if item.suspense.is_zero() {
        return Ok(());
    }
    let mut postings = vec![suspense(&house.coalition.operator, amount, true)];
    let mut leg = item.leg.clone();
    if let Some(payment) = payment {
        let pays = payment.leg.direction.signed(amount);
        postings.push(payment.posting(pays));
        payment.paid += pays;
        payment.returned |= pays < Money::ZERO;
        leg = Some(payment.reference.clone());
    }
    let detail = Detail::Payment {
        leg,
        entry: Some(item.entry.clone()),
        booked_on: item.booked_on,
        item: Some(item.id),
    };
    house.post(postings, detail)?;
    Ok(())
}
