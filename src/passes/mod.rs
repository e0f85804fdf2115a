//! Cards on phones: passes for Apple Wallet and Google Wallet, and who is told when they change.

pub mod apple;
pub mod google;
mod push;
pub mod refresh;
pub mod settings;

use std::num::NonZeroU32;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use push::{Gateway, Push, Told};

use crate::cards::face::Face;
use crate::domain::card::Card;
use crate::domain::terms::Coalition;
use crate::domain::time::Instant;
use crate::outbound::OutboundError;
use crate::store::card_views::{self, CardView};
use crate::store::passes::Seen;
use crate::store::{Database, StoreError};
use apple::document::Content;
use apple::{Apple, document};
use google::{Google, object};
use settings::{AppleSettings, GoogleSettings};

/// Calls a second whose text phones get into the log; anybody can make them.
const LOGS_PER_SECOND: NonZeroU32 = NonZeroU32::new(5).expect("five is not zero");

/// Why there is no pass, or nobody was told.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// A file that a setting names.
    #[error("the file {0} can't be read")]
    File(String),
    /// A certificate without its key, or the other way round.
    #[error("name the certificate, its key and the intermediate certificate, or none of them")]
    HalfAnIdentity,
    /// The key does not fit the certificate.
    #[error("the key is not the certificate's")]
    KeyOfAnother,
    /// A picture can't be written.
    #[error("a picture can't be written")]
    Picture,
    /// The package can't be written.
    #[error("the package can't be written")]
    Package,
    /// OpenSSL failed.
    #[error("OpenSSL: {0}")]
    Crypto(#[from] openssl::error::ErrorStack),
    /// There was no answer.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// The answer was no.
    #[error("it was answered with {0}")]
    Refused(u16),
}

/// All that makes passes and keeps them up to date.
pub struct Passes {
    /// Apple's.
    pub apple: Apple,
    /// Google's.
    pub google: Google,
    push: Option<Box<dyn Push>>,
    logs: DefaultDirectRateLimiter,
}

/// A face with what stands around it on a pass.
pub struct Shown {
    /// The face.
    pub face: Face,
    grouped: String,
}

impl Shown {
    /// What a card shows on a phone. Intro screens are the wallet app's business.
    pub fn of(view: &CardView, coalition: &Coalition, now: Instant) -> Self {
        let face = Face::of(view, coalition, now, &[]);
        Self { face, grouped: view.card.number.grouped() }
    }
}

impl Passes {
    /// Reads the files that the settings name.
    ///
    /// # Errors
    /// If one can't be read.
    pub fn new(apple: &AppleSettings, google: &GoogleSettings) -> Result<Self, PassError> {
        let mut push: Option<Box<dyn Push>> = None;
        if let Some(url) = &apple.push_url {
            push = Some(Box::new(Gateway::new(url, apple.push_token_file.as_deref())?));
        }
        Ok(Self {
            apple: Apple::new(apple)?,
            google: Google::new(google)?,
            push,
            logs: RateLimiter::direct(Quota::per_second(LOGS_PER_SECOND)),
        })
    }

    /// Whether what a phone says may be logged now.
    pub fn may_log(&self) -> bool {
        self.logs.check().is_ok()
    }

    /// The token by which a phone shows that it has the pass of a card.
    pub fn token_of(card: &Card) -> String {
        hex::encode(card.secret.pass_token())
    }

    /// The Apple package of a card.
    ///
    /// # Errors
    /// If it can't be made.
    pub fn package(
        &self,
        card: &Card,
        shown: &Shown,
        coalition: &Coalition,
    ) -> Result<Vec<u8>, PassError> {
        let programme = coalition.programmes.get(&card.programme);
        let terms = programme.and_then(|one| one.card.as_ref());
        let content = Content { face: &shown.face, terms, grouped: &shown.grouped };
        self.apple.package(&content, &Self::token_of(card))
    }

    /// The Google object of a card.
    pub fn object(&self, shown: &Shown) -> Value {
        object::object(&self.google.settings.issuer, &shown.face, &shown.grouped)
    }

    /// What a card shows, as a hash, and when the clock alone changes it.
    pub fn seen(&self, card: &Card, shown: &Shown, coalition: &Coalition) -> Seen {
        let programme = coalition.programmes.get(&card.programme);
        let terms = programme.and_then(|one| one.card.as_ref());
        let content = Content { face: &shown.face, terms, grouped: &shown.grouped };
        let mut state = Sha256::new();
        let apple = document::document(&content, &self.apple.settings);
        state.update(Value::Object(apple).to_string());
        state.update([0]);
        state.update(self.object(shown).to_string());
        Seen {
            card: card.number.id(),
            shown: state.finalize().to_vec(),
            next_at: shown.face.next_at(),
        }
    }

    /// Reads a card and what it shows.
    ///
    /// # Errors
    /// If the database fails.
    pub fn look(
        &self,
        database: &mut Database,
        card: i64,
        (coalition, now): (&Coalition, Instant),
    ) -> Result<Option<(Card, Shown)>, StoreError> {
        let view = card_views::view(database, card, now)?;
        Ok(view.map(|view| {
            let shown = Shown::of(&view, coalition, now);
            (view.card, shown)
        }))
    }
}
