//! A receipt as it was decided, and what is kept of it after refunds.
//!
//! A refund scales what it meets: refunding an amount keeps the same fraction of every line that
//! is still there; refunding lines takes them away with their own part of the points discount. So
//! the state of a receipt is the set of lines gone and the money kept of the others, and every
//! figure that a refund needs follows from it exactly.

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use super::amount::{Money, Points};
use super::exact::Ratio;
use super::hold::Allocation;
use super::ids::{LevelId, LotId, ProgrammeId};
use super::obligation::{BurnMoney, EarnMoney, Scales};
use super::pack::{FromPack, covered};
use super::terms::programme::EarnRule;
use super::time::Day;

/// A line of a receipt as it was decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartLine {
    /// Its name within the receipt.
    pub id: String,
    /// Its price.
    pub amount: Money,
    /// The part of it that points paid.
    #[serde(default, skip_serializing_if = "Money::is_zero")]
    pub paid: Money,
    /// Whether it earns.
    pub earns: bool,
    /// Whether it is open to burning.
    pub burns: bool,
    /// The article.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// Its category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Its brand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
}

/// What one receipt did in one programme.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The programme.
    pub programme: ProgrammeId,
    /// The receipt's local day in the programme's zone.
    pub day: Day,
    /// The tier that counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<LevelId>,
    /// The rule that counted; none: nothing is earned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<EarnRule>,
    /// The amount that earns, less what points paid of it.
    pub eligible: Money,
    /// Points earned.
    pub earned: Points,
    /// The lot that they made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<LotId>,
    /// Points burned.
    #[serde(default, skip_serializing_if = "Points::is_zero")]
    pub burned: Points,
    /// The lots that they came from, in burning order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken: Vec<Allocation>,
    /// The share of the receipt that points could pay, where points were burned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_share: Option<Decimal>,
    /// What is left to pay in money.
    pub to_pay: Money,
    /// The packs that the earned points were taken from, in the order of their use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from_packs: Vec<FromPack>,
    /// What earning costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earn_money: Option<EarnMoney>,
    /// What burning brings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burn_money: Option<BurnMoney>,
    /// The lines.
    pub lines: Vec<PartLine>,
}

/// What is kept of one part of a receipt, and what its refunds did so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartState {
    /// The money kept of the lines that are still there.
    pub kept: Money,
    /// Places of the lines that are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<usize>,
    /// Points clawed back so far, what was missing included.
    pub clawed_back: Points,
    /// Of these, the points that stayed lost and whose earning is paid for as before.
    #[serde(default, skip_serializing_if = "Points::is_zero")]
    pub absorbed: Points,
    /// Of these, the points that stayed lost and are borne by somebody.
    #[serde(default, skip_serializing_if = "Borne::is_nothing")]
    pub borne: Borne,
    /// Points restored so far.
    pub restored: Points,
}

/// Points that were to come back and were missing, by who bears them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Borne {
    /// By those who funded them: their funding stands.
    #[serde(default, skip_serializing_if = "Points::is_zero")]
    pub funder: Points,
    /// By the party of the receipt: it owes the pool what was funded.
    #[serde(default, skip_serializing_if = "Points::is_zero")]
    pub shop: Points,
}

impl Borne {
    /// Whether nobody bears anything, but for the pool.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// The state of a receipt: one for each of its parts, and whether it was delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptState {
    /// In the order of the receipt's parts.
    pub parts: Vec<PartState>,
    /// Whether its delivery was reported.
    #[serde(default)]
    pub delivered: bool,
}

impl ReceiptState {
    /// The state of a receipt of which nothing came back.
    pub fn whole(parts: &[Part]) -> Self {
        let state = |part: &Part| PartState {
            kept: part.amount(),
            gone: Vec::new(),
            clawed_back: Points::ZERO,
            absorbed: Points::ZERO,
            borne: Borne::default(),
            restored: Points::ZERO,
        };
        Self { parts: parts.iter().map(state).collect(), delivered: false }
    }
}

/// What a refund asks for is more than what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExceedsOriginal;

impl PartState {
    /// This state after an amount was refunded, the same fraction of every line.
    ///
    /// # Errors
    /// If less is left, or nothing is asked for.
    pub fn less_amount(&self, amount: Money) -> Result<Self, ExceedsOriginal> {
        if !amount.is_positive() || self.kept < amount {
            return Err(ExceedsOriginal);
        }
        Ok(Self { kept: self.kept - amount, ..self.clone() })
    }

    /// This state after whole lines were refunded, with what is left of each.
    ///
    /// # Errors
    /// If a line is not there, is gone, or stands in the list twice.
    pub fn less_lines(&self, part: &Part, ids: &[String]) -> Result<Self, ExceedsOriginal> {
        let mut next = self.clone();
        for id in ids {
            let place = part.lines.iter().position(|line| &line.id == id).ok_or(ExceedsOriginal)?;
            if next.gone.contains(&place) || next.kept.is_zero() {
                return Err(ExceedsOriginal);
            }
            let there = next.there(part);
            let taken = Ratio::share_of(part.lines[place].amount.0, next.kept.0, there.0);
            next.gone.push(place);
            // The last line takes all that is left, so that nothing is lost to rounding.
            let rest =
                if next.there(part).is_zero() { next.kept } else { Money(taken.half_even()) };
            next.kept -= rest;
        }
        if ids.is_empty() { Err(ExceedsOriginal) } else { Ok(next) }
    }

    /// The original price of the lines that are still there.
    fn there(&self, part: &Part) -> Money {
        self.sum(part, |line| line.amount)
    }

    fn sum(&self, part: &Part, figure: impl Fn(&PartLine) -> Money) -> Money {
        let lines = part.lines.iter().enumerate();
        lines.filter(|(place, _)| !self.gone.contains(place)).map(|(_, line)| figure(line)).sum()
    }

    /// The eligible amount that is kept, exactly.
    pub fn eligible(&self, part: &Part) -> Ratio {
        let original =
            self.sum(part, |line| if line.earns { line.amount - line.paid } else { Money::ZERO });
        Ratio::share_of(original.0, self.kept.0, self.there(part).0)
    }

    /// The points that the kept part earns at the original rate.
    pub fn earned(&self, part: &Part, scales: Scales) -> Points {
        let points = part.rule.as_ref().map(|rule| rule.points_for(self.eligible(part), scales));
        points.unwrap_or_default().min(part.earned)
    }

    /// The points that stay burned on the kept part:
    /// ceil(burned × kept amount ÷ original amount), over the lines open to burning.
    pub fn burned(&self, part: &Part) -> Points {
        let open = |line: &PartLine| if line.burns { line.amount } else { Money::ZERO };
        let original: Money = part.lines.iter().map(open).sum();
        if original.is_zero() || self.kept.is_zero() {
            return Points::ZERO;
        }
        let kept = Ratio::share_of(self.sum(part, open).0, self.kept.0, self.there(part).0);
        let burned = Ratio {
            over: kept.over * i128::from(part.burned.0),
            under: kept.under * i128::from(original.0),
        };
        Points(burned.ceil())
    }

    /// The points that count as earned: those kept, and those that stayed lost as they were paid.
    pub fn counted(&self, part: &Part) -> Points {
        part.earned - self.clawed_back + self.absorbed
    }

    /// The points whose funding stands: those that count as earned, and those that the funders bear.
    pub fn funded(&self, part: &Part) -> Points {
        self.counted(part) + self.borne.funder
    }

    /// What is owed for the earning that stands: for the points that no pack covers, or for the
    /// eligible amount that is kept and the part of it whose points are missing.
    pub fn due(&self, part: &Part, money: &EarnMoney, scales: Scales) -> Money {
        let kept = money.due_on(self.billed(part), self.eligible(part), scales);
        if money.of_purchase.is_none() {
            return kept;
        }
        let whole = money.due_on(part.earned, Ratio::whole(part.eligible.0), scales);
        (kept + part.due_for(self.absorbed + self.borne.funder, money, scales)).min(whole)
    }

    /// Of these, the points that no pack covers.
    pub fn billed(&self, part: &Part) -> Points {
        (self.funded(part) - covered(&part.from_packs)).max(Points::ZERO)
    }
}

impl Part {
    /// The price of the receipt.
    pub fn amount(&self) -> Money {
        self.lines.iter().map(|line| line.amount).sum()
    }

    /// What was owed at issue for so many of its points.
    pub fn due_for(&self, points: Points, money: &EarnMoney, scales: Scales) -> Money {
        let eligible = Ratio::share_of(self.eligible.0, points.0, self.earned.0);
        money.due_on(points, eligible, scales)
    }

    /// What a whole point of it cost where the amount was priced, with six digits: what its loss is
    /// reckoned by. None: the point itself has a price.
    pub fn price_of(&self, money: &EarnMoney, scales: Scales) -> Option<Decimal> {
        money.of_purchase?;
        let due = self.due_for(self.earned, money, scales);
        let (due, points) =
            (Decimal::new(due.0, scales.money), Decimal::new(self.earned.0, scales.points));
        let price = due.checked_div(points)?;
        Some(price.round_dp_with_strategy(6, RoundingStrategy::MidpointNearestEven).normalize())
    }

    /// The lots that a refund of this receipt may touch by name.
    pub fn lots(&self) -> impl Iterator<Item = LotId> {
        self.lot.into_iter().chain(self.taken.iter().map(|one| one.lot))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SCALES: Scales = Scales { points: 0, money: 2 };

    fn part(amounts: &[i64], paid: &[i64], burned: i64) -> Part {
        let line = |place: usize| PartLine {
            id: place.to_string(),
            amount: Money(amounts[place]),
            paid: Money(paid[place]),
            earns: true,
            burns: true,
            ..PartLine::default()
        };
        let lines: Vec<PartLine> = (0..amounts.len()).map(line).collect();
        let eligible: Money = lines.iter().map(|line| line.amount - line.paid).sum();
        let rule = EarnRule::Rate(Decimal::new(7, 2));
        let earned = rule.points_for(Ratio::whole(eligible.0), SCALES);
        Part {
            programme: "club".parse().expect("an id"),
            day: Day::from_number(20_000),
            tier: None,
            rule: Some(rule),
            eligible,
            earned,
            lot: None,
            burned: Points(burned),
            taken: Vec::new(),
            max_share: None,
            to_pay: eligible,
            from_packs: Vec::new(),
            earn_money: None,
            burn_money: None,
            lines,
        }
    }

    fn whole(part: &Part) -> PartState {
        ReceiptState::whole(std::slice::from_ref(part)).parts.remove(0)
    }

    #[test]
    fn a_quarter_refunded_keeps_three_quarters() {
        let part = part(&[16_000], &[3_800], 76);
        let state = whole(&part).less_amount(Money(4_000)).expect("it is there");
        assert_eq!(state.earned(&part, SCALES), Points(6));
        assert_eq!(state.burned(&part), Points(57));
        assert!(state.less_amount(Money(12_001)).is_err());
    }

    proptest! {
        #[test]
        fn amounts_in_any_order_leave_the_same(
            cuts in prop::collection::vec(1_i64..5_000, 1..6),
            swap in any::<prop::sample::Index>(),
        ) {
            let part = part(&[12_345, 20_000, 999], &[0, 500, 17], 517);
            let after = |cuts: &[i64]| cuts.iter().try_fold(whole(&part), |state, &cut| {
                state.less_amount(Money(cut))
            });
            let mut other = cuts.clone();
            other.swap(0, swap.index(cuts.len()));
            prop_assert_eq!(after(&cuts), after(&other));
        }

        #[test]
        fn all_lines_in_any_order_leave_nothing(
            amounts in prop::collection::vec(1_i64..100_000, 1..6),
            first in 0_i64..50,
        ) {
            let paid: Vec<i64> = amounts.iter().map(|amount| amount / 3).collect();
            let part = part(&amounts, &paid, paid.iter().sum::<i64>() / 100);
            let mut state = whole(&part);
            if first < state.kept.0 && first > 0 {
                state = state.less_amount(Money(first)).expect("it is there");
            }
            for place in (0..amounts.len()).rev() {
                let before = state.clone();
                match state.less_lines(&part, &[place.to_string()]) {
                    Ok(next) => state = next,
                    Err(_) => prop_assert!(before.kept.is_zero()),
                }
                prop_assert!(state.earned(&part, SCALES) <= before.earned(&part, SCALES));
                prop_assert!(state.burned(&part) <= before.burned(&part));
            }
            prop_assert_eq!(state.kept, Money::ZERO);
            prop_assert_eq!(state.earned(&part, SCALES), Points::ZERO);
            prop_assert_eq!(state.burned(&part), Points::ZERO);
        }
    }
}
