//! The face of a card: what its holder sees of balance, tier, promotions and dates.
//!
//! A face depends on what is stored and on the clock alone, so the same state gives the same bytes,
//! and a hash of them says whether anything has changed.

use serde::{Deserialize, Serialize};

use super::{kind_of, rotates};
use crate::domain::account::Account;
use crate::domain::amount::Money;
use crate::domain::card::{Card, CardState};
use crate::domain::ids::{LevelId, MemberId, PartyId, ProgrammeId};
use crate::domain::metric::Window;
use crate::domain::terms::card::{BarcodeKind, CardTerms};
use crate::domain::terms::tiers::{Counts, Tiers};
use crate::domain::terms::{Coalition, Programme};
use crate::domain::time::{Instant, NEVER};
use crate::store::card_views::{CardView, Promo};

/// Pending parts that are listed one by one.
const PENDING_MAX: usize = 50;

/// Promotions that are listed.
const PROMOS_MAX: usize = 50;

/// The group of a campaign that gets its points and is told nothing.
const CONTROL: &str = "control";

/// What a campaign says of the cards of those who take part.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Campaign {
    title: Option<String>,
    card: Option<Shows>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Shows {
    tag: Option<TagTerms>,
    position: bool,
    intro: Option<IntroTerms>,
}

#[derive(Clone, Debug, Deserialize)]
struct TagTerms {
    text: String,
    color: String,
}

#[derive(Clone, Debug, Deserialize)]
struct IntroTerms {
    title: String,
    text: String,
}

/// A barcode: its kind and what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Barcode {
    /// The kind.
    pub kind: BarcodeKind,
    /// The number, which stands in the code or in what the code rotates around.
    pub value: String,
    /// Whether the wallet shows a rotating code in its place.
    pub rotating: bool,
}

impl Barcode {
    /// The barcode of a card.
    pub fn of(card: &Card, terms: Option<&CardTerms>) -> Self {
        Self {
            kind: kind_of(&card.number, terms),
            value: card.number.to_string(),
            rotating: rotates(&card.number, terms),
        }
    }
}

/// Points that a member has in a programme.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    available: String,
    pending: String,
    held: String,
    debt: String,
}

/// Points that will come.
#[derive(Clone, Debug, Serialize)]
pub struct Pending {
    points: String,
    available_at: Instant,
}

/// Points that will be lost.
#[derive(Clone, Debug, Serialize)]
pub struct Expiring {
    /// How many.
    pub points: String,
    /// When.
    pub expires_at: Instant,
}

/// The level after the present one.
#[derive(Clone, Debug, Serialize)]
pub struct Next {
    level: LevelId,
    missing: String,
    counts: Counts,
}

/// The member's place in the programme's tiers.
#[derive(Clone, Debug, Serialize)]
pub struct Tier {
    /// The present level.
    pub level: Option<LevelId>,
    next: Option<Next>,
}

/// A live promotion.
#[derive(Clone, Debug, Serialize)]
pub struct Offer {
    campaign: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    points: String,
    granted_at: Instant,
    expires_at: Instant,
}

/// A short text on the card.
#[derive(Clone, Debug, Serialize)]
pub struct Tag {
    /// The text.
    pub text: String,
    color: String,
    until: Instant,
}

/// A screen that is shown once.
#[derive(Clone, Debug, Serialize)]
pub struct Intro {
    campaign: String,
    title: String,
    text: String,
    points: String,
    expires_at: Instant,
}

/// What a card shows.
#[derive(Clone, Debug, Serialize)]
pub struct Face {
    /// The number.
    pub number: String,
    /// The programme.
    pub programme: ProgrammeId,
    /// The member now.
    pub member: MemberId,
    wallet: PartyId,
    product: String,
    /// Where the card stands.
    pub state: CardState,
    issued_at: Instant,
    changed_at: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced_by: Option<String>,
    /// The card's name for people.
    pub title: String,
    /// The unit of its points.
    pub unit: String,
    /// The barcode.
    pub barcode: Barcode,
    balance: Figures,
    pending: Vec<Pending>,
    /// What is lost next.
    pub expires_next: Option<Expiring>,
    /// The tier.
    pub tier: Option<Tier>,
    promos: Vec<Offer>,
    /// The tag.
    pub tag: Option<Tag>,
    position: Option<&'static str>,
    intro: Option<Intro>,
    #[serde(skip)]
    next_at: Instant,
}

/// The figures of a balance.
pub fn figures(balance: &crate::domain::account::Balance, scale: u32) -> Figures {
    Figures {
        available: balance.available.text(scale),
        pending: balance.pending.text(scale),
        held: balance.held.text(scale),
        debt: balance.debt.text(scale),
    }
}

/// Live promotions as they are shown.
pub fn offers(promos: &[Promo], scale: u32) -> Vec<Offer> {
    let offer = |promo: &Promo| Offer {
        campaign: promo.campaign.clone(),
        title: campaign_of(promo).title,
        points: promo.left.text(scale),
        granted_at: promo.granted_at,
        expires_at: promo.expires_at,
    };
    promos.iter().take(PROMOS_MAX).map(offer).collect()
}

/// A document that can't be read shows nothing: it is no reason to hide the balance.
fn campaign_of(promo: &Promo) -> Campaign {
    serde_json::from_str(&promo.document).unwrap_or_default()
}

/// What a promotion adds to the card; nothing for those whom the campaign only compares with.
fn shows_of(promo: &Promo) -> Shows {
    let shows = campaign_of(promo).card.unwrap_or_default();
    if promo.arm == CONTROL { Shows::default() } else { shows }
}

/// The campaigns whose intro screen may be due.
pub fn intros_of(view: &CardView) -> Vec<&str> {
    let with = view.promos.iter().filter(|promo| shows_of(promo).intro.is_some());
    with.map(|promo| promo.campaign.as_str()).collect()
}

/// The member's place in a programme's tiers.
pub fn tier_of(programme: &Programme, account: &Account, now: Instant) -> Option<Tier> {
    let tiers = programme.tiers.as_ref()?;
    let today = programme.zone.day_of(now);
    let level = tiers.level_of(&account.metric, today);
    let counted = account.metric.on(today, tiers.window);
    let value = match tiers.counts {
        Counts::Spend => counted.spend.0,
        Counts::Purchases => counted.receipts,
    };
    let next = tiers.levels.iter().find(|one| value < one.from).map(|next| Next {
        level: next.id.clone(),
        missing: missing(tiers, next.from - value, programme.scales.money),
        counts: tiers.counts,
    });
    Some(Tier { level: level.map(|level| level.id.clone()), next })
}

fn missing(tiers: &Tiers, amount: i64, money_scale: u32) -> String {
    match tiers.counts {
        Counts::Spend => Money(amount).text(money_scale),
        Counts::Purchases => amount.to_string(),
    }
}

impl Face {
    /// The face of a card; `seen` are campaigns whose intro screen the member has seen.
    pub fn of(view: &CardView, coalition: &Coalition, now: Instant, seen: &[String]) -> Self {
        let CardView { card, member, account, balance, promos } = view;
        let programme = coalition.programmes.get(&card.programme).map(|one| &**one);
        let terms = programme.and_then(|one| one.card.as_ref());
        let scale = programme.map_or(0, |one| one.scales.points);
        let pending = balance.pending_lots.iter().take(PENDING_MAX);
        let pending =
            pending.map(|(at, points)| Pending { points: points.text(scale), available_at: *at });
        let next = balance.expiring.first();
        let next =
            next.map(|(at, points)| Expiring { points: points.text(scale), expires_at: *at });
        let successor = card.replaced_by.map(|key| key.to_string());
        let id = || card.programme.to_string();
        let extras = Extras::of(promos, scale, seen);
        Self {
            number: card.number.to_string(),
            programme: card.programme.clone(),
            member: *member,
            wallet: card.wallet.clone(),
            product: card.product.clone(),
            state: card.state,
            issued_at: card.issued_at,
            changed_at: card.changed_at,
            replaced_by: successor,
            title: terms.map_or_else(id, |terms| terms.title.clone()),
            unit: programme.map(|one| one.unit.clone()).unwrap_or_default(),
            barcode: Barcode::of(card, terms),
            balance: figures(balance, scale),
            pending: pending.collect(),
            expires_next: next,
            tier: programme.and_then(|one| tier_of(one, account, now)),
            promos: offers(promos, scale),
            tag: extras.tag,
            position: extras.position,
            intro: extras.intro,
            next_at: next_change(view, programme, now),
        }
    }

    /// What can be spent now.
    pub fn available(&self) -> &str {
        &self.balance.available
    }

    /// What will come.
    pub fn pending(&self) -> &str {
        &self.balance.pending
    }

    /// When the clock alone changes the face next; never: it does not.
    pub const fn next_at(&self) -> Instant {
        self.next_at
    }
}

/// What live promotions add to a card: of several the one that is lost first.
#[derive(Default)]
struct Extras {
    tag: Option<Tag>,
    position: Option<&'static str>,
    intro: Option<Intro>,
}

impl Extras {
    fn of(promos: &[Promo], scale: u32, seen: &[String]) -> Self {
        let mut extras = Self::default();
        for promo in promos {
            let Shows { tag, position, intro } = shows_of(promo);
            let points = promo.left.text(scale);
            if extras.tag.is_none() {
                extras.tag = tag.map(|tag| Tag {
                    text: tag.text.replace("{points}", &points),
                    color: tag.color,
                    until: promo.expires_at,
                });
            }
            if position {
                extras.position = Some("top");
            }
            if extras.intro.is_none() && !seen.contains(&promo.campaign) {
                extras.intro = intro.map(|intro| Intro {
                    campaign: promo.campaign.clone(),
                    title: intro.title.replace("{points}", &points),
                    text: intro.text.replace("{points}", &points),
                    points,
                    expires_at: promo.expires_at,
                });
            }
        }
        extras
    }
}

/// When lots open or are lost, or a window of months moves on.
fn next_change(view: &CardView, programme: Option<&Programme>, now: Instant) -> Instant {
    let lots = view.account.lots.in_burning_order().into_iter();
    let of_lots = lots.flat_map(|lot| [lot.available_at, lot.expires_at]);
    let moves = programme.filter(|one| {
        let window = one.tiers.as_ref().map(|tiers| tiers.window);
        matches!(window, Some(Window::Months(_)))
    });
    let midnight = moves.map(|one| one.zone.end_of(one.zone.day_of(now)));
    of_lots.chain(midnight).filter(|at| now < *at).min().unwrap_or(NEVER)
}
