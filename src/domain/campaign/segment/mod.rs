//! Segments: who is meant, as and, or and not over what is known of a member in a programme.
//!
//! A segment is asked of one member at a time, so the answer for a preview and for a run is the same
//! code. What has to be read for it stands in [`Needs`].

mod document;

use std::collections::{BTreeMap, BTreeSet};

pub use document::SegmentDocument;

use crate::domain::amount::{Money, Points};
use crate::domain::ids::{LevelId, MemberId, PartyId};
use crate::domain::time::Day;

/// How long back a window of days reaches; what is older is only known in total.
pub const DAYS_MAX: u32 = 400;

/// The channel that counts where one has nothing of its own.
const ANY: &str = "any";

/// What the lines of receipts are remembered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProductKind {
    /// The article.
    Sku,
    /// Its category.
    Category,
    /// Its brand.
    Brand,
}

impl ProductKind {
    /// The name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sku => "sku",
            Self::Category => "category",
            Self::Brand => "brand",
        }
    }

    /// The kind of a name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Sku, Self::Category, Self::Brand].into_iter().find(|kind| kind.name() == name)
    }
}

/// Bounds of a figure; both are inclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Not less.
    pub at_least: Option<i64>,
    /// Not more.
    pub at_most: Option<i64>,
}

impl Bounds {
    fn hold(self, value: i64) -> bool {
        self.at_least.is_none_or(|least| least <= value)
            && self.at_most.is_none_or(|most| value <= most)
    }
}

/// Who is meant, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// All of these; of none: everyone.
    All(Vec<Segment>),
    /// One of these.
    Any(Vec<Segment>),
    /// Whoever is not.
    Not(Box<Segment>),
    /// Lives in one of these cities, in lower case.
    City(BTreeSet<String>),
    /// Came from one of these.
    Source(BTreeSet<String>),
    /// Has one of these levels.
    Tier(BTreeSet<LevelId>),
    /// Stands at one of these stages.
    Stage(BTreeSet<String>),
    /// Days since the last receipt; who never bought is in no bounds.
    LastReceipt(Bounds),
    /// Receipts within days, or ever.
    Receipts(Option<u32>, Bounds),
    /// Spend within days, or ever.
    Spend(Option<u32>, Bounds),
    /// Points that can be spent.
    Balance(Bounds),
    /// Holds a card of a wallet.
    CardOf(PartyId),
    /// Bought something within days, or ever.
    Bought(ProductKind, String, Option<u32>),
    /// Agreed to a purpose for a channel.
    Consent(String, String),
    /// Is one of these.
    Members(BTreeSet<MemberId>),
}

/// Something that has to be read of members, beside their profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// The tier's metric.
    Tier,
    /// Receipts and spend in total, and the last receipt.
    Totals,
    /// Points that can be spent.
    Balance,
    /// Cards.
    Cards,
    /// Consents.
    Consents,
}

/// What has to be read to judge a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// What has to be read at all.
    pub kinds: BTreeSet<Need>,
    /// Receipts and spend within so many days.
    pub days: Option<u32>,
    /// What was bought.
    pub bought: BTreeSet<(ProductKind, String)>,
}

impl Needs {
    /// Whether something has to be read.
    pub fn has(&self, need: Need) -> bool {
        self.kinds.contains(&need)
    }

    /// Whether something is asked that is counted from the journal.
    pub fn is_counted(&self) -> bool {
        self.has(Need::Totals) || self.days.is_some() || !self.bought.is_empty()
    }
}

/// What is known of a member in a programme, as far as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// City, in lower case.
    pub city: Option<String>,
    /// Where the member came from.
    pub source: Option<String>,
    /// Where the profile stands.
    pub stage: Option<String>,
    /// The tier.
    pub tier: Option<LevelId>,
    /// Receipts of all time.
    pub receipts: i64,
    /// Spend of all time, less refunds.
    pub spend: Money,
    /// The day of the last receipt.
    pub last_day: Option<Day>,
    /// The amount of the last receipt.
    pub last_amount: Money,
    /// Receipts and spend by day, as far back as was asked for.
    pub days: Vec<(Day, i64, Money)>,
    /// Points that can be spent.
    pub balance: Points,
    /// Wallets whose card the member holds.
    pub wallets: BTreeSet<PartyId>,
    /// When something was bought last.
    pub bought: BTreeMap<(ProductKind, String), Day>,
    /// The latest word for each purpose and channel.
    pub consents: BTreeMap<(String, String), bool>,
}

impl Attributes {
    /// Whether the member agreed to a purpose for a channel; `any` counts where the channel has no
    /// word of its own.
    pub fn agreed(&self, purpose: &str, channel: &str) -> bool {
        let word =
            |channel: &str| self.consents.get(&(purpose.to_owned(), channel.to_owned())).copied();
        word(channel).or_else(|| word(ANY)).unwrap_or(false)
    }

    fn within(&self, days: Option<u32>, today: Day) -> (i64, Money) {
        let Some(days) = days else { return (self.receipts, self.spend) };
        let after = today.minus_days(days);
        let counted = self.days.iter().filter(|(day, ..)| after < *day);
        counted.fold((0, Money::ZERO), |(receipts, spend), (_, more, amount)| {
            (receipts + more, spend + *amount)
        })
    }
}

impl Segment {
    /// Whether a member is meant.
    pub fn matches(&self, member: MemberId, known: &Attributes, today: Day) -> bool {
        let is_in = |values: &BTreeSet<String>, own: &Option<String>| {
            own.as_ref().is_some_and(|own| values.contains(own))
        };
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(member, known, today)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(member, known, today)),
            Self::Not(part) => !part.matches(member, known, today),
            Self::City(cities) => is_in(cities, &known.city),
            Self::Source(sources) => is_in(sources, &known.source),
            Self::Stage(stages) => is_in(stages, &known.stage),
            Self::Tier(levels) => known.tier.as_ref().is_some_and(|own| levels.contains(own)),
            Self::LastReceipt(bounds) => known
                .last_day
                .is_some_and(|last| bounds.hold((today.number() - last.number()).max(0))),
            Self::Receipts(days, bounds) => bounds.hold(known.within(*days, today).0),
            Self::Spend(days, bounds) => bounds.hold(known.within(*days, today).1.0),
            Self::Balance(bounds) => bounds.hold(known.balance.0),
            Self::CardOf(wallet) => known.wallets.contains(wallet),
            Self::Bought(kind, value, days) => {
                let last = known.bought.get(&(*kind, value.clone()));
                last.is_some_and(|last| days.is_none_or(|days| today.minus_days(days) < *last))
            }
            Self::Consent(purpose, channel) => known.agreed(purpose, channel),
            Self::Members(members) => members.contains(&member),
        }
    }

    /// What has to be read to judge it.
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        self.add_needs(&mut needs);
        needs
    }

    fn add_needs(&self, needs: &mut Needs) {
        let add = |needs: &mut Needs, need| {
            needs.kinds.insert(need);
        };
        match self {
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.add_needs(needs);
                }
            }
            Self::Not(part) => part.add_needs(needs),
            Self::Tier(_) => add(needs, Need::Tier),
            Self::Receipts(Some(days), _) | Self::Spend(Some(days), _) => {
                needs.days = needs.days.max(Some(*days));
            }
            Self::LastReceipt(_) | Self::Receipts(..) | Self::Spend(..) => add(needs, Need::Totals),
            Self::Balance(_) => add(needs, Need::Balance),
            Self::CardOf(_) => add(needs, Need::Cards),
            Self::Bought(kind, value, _) => {
                needs.bought.insert((*kind, value.clone()));
            }
            Self::Consent(..) => add(needs, Need::Consents),
            Self::City(_) | Self::Source(_) | Self::Stage(_) | Self::Members(_) => {}
        }
    }
}
