//! Digital cards: numbers, states and who may change them, rotating codes.

pub mod code;
mod number;

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

pub use number::CardNumber;

use super::ids::{MemberId, PartyId, ProgrammeId};
use super::rejection::Rejection;
use super::terms::Coalition;
use super::time::Instant;

/// Bytes of a card's secret.
pub const SECRET_BYTES: usize = 32;

/// Where a card stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardState {
    /// In use.
    Active,
    /// For a time not in use.
    Frozen,
    /// Another number took its place.
    Replaced,
    /// Given up.
    Closed,
}

impl CardState {
    /// All of them.
    const ALL: [Self; 4] = [Self::Active, Self::Frozen, Self::Replaced, Self::Closed];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Frozen => "frozen",
            Self::Replaced => "replaced",
            Self::Closed => "closed",
        }
    }

    /// The state of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// What a till is warned of.
    pub const fn warning(self) -> Option<&'static str> {
        match self {
            Self::Active => None,
            Self::Frozen => Some("card_frozen"),
            Self::Replaced => Some("card_replaced"),
            Self::Closed => Some("card_closed"),
        }
    }

    /// Whether it may yet be used.
    pub const fn is_in_use(self) -> bool {
        matches!(self, Self::Active | Self::Frozen)
    }
}

/// The secret of a card, from which keys are derived. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub [u8; SECRET_BYTES]);

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

impl Secret {
    fn derived(&self, purpose: &str) -> [u8; SECRET_BYTES] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of any length is one");
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// The key of the rotating codes, which the wallet has too.
    pub fn code_key(&self) -> [u8; SECRET_BYTES] {
        self.derived("rotating code")
    }

    /// The token by which a phone shows that it has the pass; it never changes.
    pub fn pass_token(&self) -> [u8; SECRET_BYTES] {
        self.derived("pass token")
    }
}

/// A card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Its number.
    pub number: CardNumber,
    /// Whose, when it was issued; the member may have been merged since.
    pub member: MemberId,
    /// In which programme.
    pub programme: ProgrammeId,
    /// Who issued it.
    pub wallet: PartyId,
    /// Which of the programme's products it is.
    pub product: String,
    /// Where it stands.
    pub state: CardState,
    /// When it was issued.
    pub issued_at: Instant,
    /// When its state changed last.
    pub changed_at: Instant,
    /// The key of the card that took its place.
    pub replaced_by: Option<i64>,
    /// Its secret.
    pub secret: Secret,
    /// How often its state changed, from 1.
    pub version: i64,
}

/// What is done to a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Stops it for a time.
    Freeze,
    /// Lets it be used again.
    Unfreeze,
    /// Gives it another number.
    Replace,
    /// Ends it.
    Close,
}

impl Step {
    /// All of them.
    const ALL: [Self; 4] = [Self::Freeze, Self::Unfreeze, Self::Replace, Self::Close];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Freeze => "freeze",
            Self::Unfreeze => "unfreeze",
            Self::Replace => "replace",
            Self::Close => "close",
        }
    }

    /// The step of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }
}

/// Why something is done to a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The phone is gone.
    Lost,
    /// Somebody has it.
    Stolen,
    /// The number became known.
    Exposed,
    /// It was used against the rules.
    Misused,
    /// The member asked for it.
    Asked,
    /// Something else.
    Other,
}

impl Why {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Stolen => "stolen",
            Self::Exposed => "exposed",
            Self::Misused => "misused",
            Self::Asked => "asked",
            Self::Other => "other",
        }
    }
}

/// Who stands above whom: what one froze, nobody below thaws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// The wallet that issued the card.
    Wallet,
    /// The programme's brand.
    Brand,
    /// The operator.
    Operator,
}

impl Rank {
    /// What a party is to a card; none: nothing.
    pub fn of(party: &PartyId, card: &Card, coalition: &Coalition) -> Option<Self> {
        let is_brand = coalition.programmes.get(&card.programme).map(|one| &one.brand);
        match party {
            party if *party == coalition.operator => Some(Self::Operator),
            party if is_brand == Some(party) => Some(Self::Brand),
            party if *party == card.wallet => Some(Self::Wallet),
            _ => None,
        }
    }
}

impl Card {
    /// The state after a step by somebody; `frozen_by` is the highest of those who froze it. The
    /// same state as before: there is nothing to do.
    ///
    /// # Errors
    /// If the card has ended, or who froze it stands higher.
    pub fn after(
        &self,
        step: Step,
        by: Rank,
        frozen_by: Option<Rank>,
    ) -> Result<CardState, Rejection> {
        let is_higher = frozen_by.is_some_and(|frozen_by| by < frozen_by);
        match (self.state, step) {
            (CardState::Closed, Step::Close) => Ok(CardState::Closed),
            (CardState::Replaced, Step::Replace) => Ok(CardState::Replaced),
            (CardState::Replaced | CardState::Closed, _) => Err(Rejection::CardEnded),
            (_, Step::Freeze) => Ok(CardState::Frozen),
            // Nor may it be closed, or another could be issued in its place.
            (CardState::Frozen, _) if is_higher => Err(Rejection::CardFrozen),
            (_, Step::Close) => Ok(CardState::Closed),
            (_, Step::Unfreeze) => Ok(CardState::Active),
            (_, Step::Replace) => Ok(CardState::Replaced),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(state: CardState) -> Card {
        Card {
            number: CardNumber::parse("9643000000000004").expect("a number"),
            member: MemberId(0),
            programme: "club".parse().expect("a name"),
            wallet: "wallet".parse().expect("a name"),
            product: "card".to_owned(),
            state,
            issued_at: Instant(0),
            changed_at: Instant(0),
            replaced_by: None,
            secret: Secret([7; SECRET_BYTES]),
            version: 1,
        }
    }

    #[test]
    fn what_one_froze_nobody_below_thaws() {
        use Rank::{Brand, Operator, Wallet};
        let frozen = card(CardState::Frozen);
        for (by, frozen_by, may) in [
            (Wallet, Wallet, true),
            (Wallet, Brand, false),
            (Brand, Brand, true),
            (Brand, Operator, false),
            (Operator, Operator, true),
            (Operator, Wallet, true),
        ] {
            for step in [Step::Unfreeze, Step::Replace, Step::Close] {
                let after = frozen.after(step, by, Some(frozen_by));
                assert_eq!(after.is_ok(), may, "{by:?} after {frozen_by:?}: {step:?}");
            }
        }
    }

    #[test]
    fn what_has_ended_stays_so() {
        for state in [CardState::Replaced, CardState::Closed] {
            for step in Step::ALL {
                let after = card(state).after(step, Rank::Operator, None);
                assert!(matches!(after, Err(Rejection::CardEnded)) || after == Ok(state));
            }
        }
        for state in CardState::ALL {
            assert_eq!(CardState::named(state.name()), Some(state));
        }
    }

    #[test]
    fn derived_keys_differ_and_the_secret_is_not_shown() {
        let secret = Secret([7; SECRET_BYTES]);
        assert_ne!(secret.code_key(), secret.pass_token());
        assert_ne!(secret.code_key(), secret.0);
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
