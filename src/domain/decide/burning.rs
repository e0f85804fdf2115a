//! How many points may pay for a receipt, and what they take off each line.

use rust_decimal::Decimal;

use crate::domain::account::Account;
use crate::domain::amount::{Money, Points};
use crate::domain::command::Line;
use crate::domain::exact::{Ratio, split};
use crate::domain::terms::Programme;
use crate::domain::terms::programme::{BurnTerms, Exclusions};
use crate::domain::terms::tiers::Level;

/// Whether a rule leaves a line out.
pub fn is_excluded(exclude: &Exclusions, line: &Line) -> bool {
    let stands_in = |list: &[String], value: &Option<String>| {
        value.as_ref().is_some_and(|value| list.contains(value))
    };
    stands_in(&exclude.brands, &line.brand)
        || stands_in(&exclude.categories, &line.category)
        || stands_in(&exclude.skus, &line.sku)
        || stands_in(&exclude.mcc, &line.mcc)
}

/// Which rule says what share of a line points may pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapOf {
    /// The member's own.
    Personal,
    /// That of the line's category.
    Category,
    /// That of the member's tier.
    Tier,
    /// The programme's.
    Programme,
}

/// The share of a line that points may pay, and which rule says so. The most specific one wins:
/// personal, then category, then tier, then programme.
pub fn cap_of(
    burn: &BurnTerms,
    account: &Account,
    level: Option<&Level>,
    line: &Line,
) -> (Decimal, CapOf) {
    let by_category = line.category.as_ref().and_then(|one| burn.categories.get(one)).copied();
    let by_tier = level.and_then(|level| level.max_share);
    let of = |share: Option<Decimal>, cap: CapOf| share.map(|share| (share, cap));
    of(account.max_share, CapOf::Personal)
        .or(of(by_category, CapOf::Category))
        .or(of(by_tier, CapOf::Tier))
        .unwrap_or((burn.max_share, CapOf::Programme))
}

/// What may pay for a receipt.
pub struct Limit {
    /// The most points, whatever the member has.
    pub most: Points,
    /// The fewest points, or none.
    pub least: Points,
    /// The share that counts where no category has its own.
    pub max_share: Decimal,
}

/// The limit of a receipt: floor(share × open amount ÷ point value), by the share of each line.
pub fn limit_of(
    programme: &Programme,
    burn: &BurnTerms,
    account: &Account,
    level: Option<&Level>,
    lines: &[Line],
) -> Limit {
    let by_tier = level.and_then(|level| level.max_share).unwrap_or(burn.max_share);
    let share_of = |line: &Line| cap_of(burn, account, level, line).0;
    let open = lines.iter().filter(|line| !is_excluded(&burn.exclude, line));
    // Shares have at most six digits, so the sum is exact in millionths of a minor unit.
    let millionths: i128 = open
        .map(|line| {
            let share = share_of(line);
            i128::from(line.amount.0) * share.mantissa() * 10_i128.pow(6 - share.scale())
        })
        .sum();
    let most = Ratio { over: millionths, under: 1_000_000 }
        .divided_by(programme.point_value)
        .rescaled(programme.scales.money, programme.scales.points)
        .floor();
    Limit {
        most: Points(most),
        least: burn.min_points,
        max_share: account.max_share.unwrap_or(by_tier),
    }
}

/// What points take off the price, rounded half to even.
pub fn price_of(points: Points, programme: &Programme) -> Money {
    let scales = programme.scales;
    let value = Ratio::whole(points.0).times(programme.point_value);
    Money(value.rescaled(scales.points, scales.money).half_even())
}

/// Spreads what points paid over the lines open to burning, in proportion to their amounts.
pub fn spread(paid: Money, burn: Option<&BurnTerms>, lines: &[Line]) -> Vec<Money> {
    let is_open = |line: &Line| burn.is_some_and(|burn| !is_excluded(&burn.exclude, line));
    let weights: Vec<i64> =
        lines.iter().map(|line| if is_open(line) { line.amount.0 } else { 0 }).collect();
    split(paid.0, &weights).into_iter().map(Money).collect()
}
