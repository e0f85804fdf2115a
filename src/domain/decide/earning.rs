//! What a receipt earns in one programme.

use super::burning::is_excluded;
use super::draft::{Draft, Gift};
use crate::domain::account::AccountKey;
use crate::domain::amount::{Money, Points};
use crate::domain::command::Line;
use crate::domain::exact::Ratio;
use crate::domain::metric::{Addition, Metric};
use crate::domain::receipt::{Part, PartLine};
use crate::domain::terms::agreement::AgreedEarning;
use crate::domain::terms::programme::{Anchor, EarnRule, EarnTerms, LotDates};
use crate::domain::terms::tiers::Level;
use crate::domain::terms::{Agreement, Programme};
use crate::domain::time::{Day, Instant};

/// The rule that counts: the agreement's, else the tier's, else the programme's.
pub fn rule_for<'a>(
    programme: &'a Programme,
    agreed: &'a AgreedEarning,
    level: Option<&'a Level>,
) -> Option<&'a EarnRule> {
    let of_level = level.and_then(|level| level.earn.as_ref()).and_then(|earn| earn.rule.as_ref());
    agreed.terms.rule.as_ref().or(of_level).or(programme.earn.rule.as_ref())
}

/// Whether a line earns: nobody leaves it out, neither programme nor tier nor agreement.
fn earns(
    line: &Line,
    programme: &Programme,
    agreed: Option<&AgreedEarning>,
    level: Option<&Level>,
) -> bool {
    let of_level = level.and_then(|level| level.earn.as_ref());
    let terms: [Option<&EarnTerms>; 3] =
        [Some(&programme.earn), of_level, agreed.map(|agreed| &agreed.terms)];
    !terms.into_iter().flatten().any(|terms| is_excluded(&terms.exclude, line))
}

/// A receipt's lines before one programme.
pub struct Basis<'a> {
    /// The programme.
    pub programme: &'a Programme,
    /// The posting party's agreement with it.
    pub agreement: &'a Agreement,
    /// The member's level before this receipt.
    pub level: Option<&'a Level>,
    /// The lines.
    pub lines: &'a [Line],
    /// The receipt's local day.
    pub day: Day,
}

/// What was burned on a receipt, for the part that it becomes.
#[derive(Default)]
pub struct BurnedPart {
    /// How many points.
    pub burned: Points,
    /// What they paid.
    pub paid: Money,
    /// From which lots.
    pub taken: Vec<crate::domain::hold::Allocation>,
    /// The share that counted.
    pub max_share: Option<rust_decimal::Decimal>,
}

/// The part that a receipt becomes in one programme: what it earns on what was paid in money.
pub fn part_of(basis: &Basis<'_>, burned: BurnedPart) -> Part {
    let Basis { programme, agreement, level, lines, day } = basis;
    let agreed = agreement.earn.as_ref();
    let burn = programme.burn.as_ref();
    let paid = super::burning::spread(burned.paid, burn, lines);
    let line_of = |(line, paid): (&Line, Money)| PartLine {
        id: line.id.clone(),
        amount: line.amount,
        paid,
        earns: earns(line, programme, agreed, *level),
        burns: burn.is_some_and(|burn| !is_excluded(&burn.exclude, line)),
        sku: line.sku.clone(),
        category: line.category.clone(),
        brand: line.brand.clone(),
    };
    let lines: Vec<PartLine> = lines.iter().zip(paid).map(line_of).collect();
    let earning = lines.iter().filter(|line| line.earns);
    let eligible: Money = earning.map(|line| line.amount - line.paid).sum();
    let rule = agreed.and_then(|agreed| rule_for(programme, agreed, *level)).cloned();
    let earned = rule
        .as_ref()
        .map_or(Points::ZERO, |rule| rule.points_for(Ratio::whole(eligible.0), programme.scales));
    let amount: Money = lines.iter().map(|line| line.amount).sum();
    Part {
        programme: programme.id.clone(),
        day: *day,
        tier: level.map(|level| level.id.clone()),
        rule,
        eligible,
        earned,
        lot: None,
        from_packs: Vec::new(),
        burn_money: if burned.burned.is_zero() { None } else { agreement.burn.clone() },
        // What is owed for the purchase is owed whether it earns a whole unit or not.
        earn_money: agreed
            .map(|agreed| &agreed.money)
            .filter(|money| earned.is_positive() || money.of_purchase.is_some())
            .cloned(),
        burned: burned.burned,
        taken: burned.taken,
        max_share: burned.max_share,
        to_pay: amount - burned.paid,
        lines,
    }
}

/// What a receipt of one amount would have earned somebody of whom nothing else is known: at the tier
/// that a member with nothing has.
pub fn earned_once(
    programme: &Programme,
    agreement: &Agreement,
    (amount, day): (Money, Day),
) -> Points {
    let tiers = programme.tiers.as_ref();
    let level = tiers.and_then(|tiers| tiers.level_of(&Metric::default(), day));
    let lines = [Line { id: "1".to_owned(), amount, ..Line::default() }];
    let basis = Basis { programme, agreement, level, lines: &lines, day };
    part_of(&basis, BurnedPart::default()).earned
}

/// The dates of points earned on a shop's receipt of a local day.
pub fn dates_of_purchase(programme: &Programme, day: Day, now: Instant) -> LotDates {
    match programme.anchor {
        Anchor::Purchase => programme.dates_from(day, now),
        Anchor::Delivery => LotDates::AWAITING,
    }
}

/// Gives what a part earned, and counts the receipt towards the tier.
pub fn credit(
    draft: &mut Draft<'_>,
    key: &AccountKey,
    programme: &Programme,
    part: &mut Part,
    dates: LotDates,
) {
    if part.earned.is_positive() {
        let gift = match &part.earn_money {
            Some(money) => {
                let gift = Gift::under(part.earned, dates, money, programme);
                let price = part.price_of(money, programme.scales).unwrap_or(gift.price);
                Gift { price, ..gift }
            }
            None => Gift::funded(part.earned, dates, rust_decimal::Decimal::ZERO),
        };
        let price = draft.spend(&part.from_packs).unwrap_or(gift.price);
        part.lot = Some(draft.give(key, &Gift { price, ..gift }));
    }
    let receipts = i64::from(part.eligible.is_positive());
    count(draft, key, programme, part.day, Addition { spend: part.eligible, receipts });
}

/// Counts towards the tier of an account.
pub fn count(
    draft: &mut Draft<'_>,
    key: &AccountKey,
    programme: &Programme,
    day: Day,
    addition: Addition,
) {
    let today = programme.zone.day_of(draft.now());
    let account = draft.account(key);
    if let Some(tiers) = &programme.tiers {
        account.metric.add(day, addition, tiers.window, today);
    }
}
