//! `party`, `key` and `token`: what an operator does beside the server, on its database. A server
//! that runs takes the changes at once.

use std::time::Duration;

use clap::Subcommand;

use super::output::{Failure, say};
use crate::auth::token::{Role, mint};
use crate::clock::{Clock, unix_now};
use crate::domain::ids::{KeyId, PartyId};
use crate::domain::terms::coalition::Change;
use crate::domain::terms::{Algorithm, Party, PartyKind};
use crate::engine::{Engine, Making};
use crate::http::answers::Answers;
use crate::http::api::keys::{adding, new_key, revoking};
use crate::server::token_key;
use crate::settings::Settings;
use crate::store::Use;

/// `party …`.
#[derive(Debug, Subcommand)]
pub enum PartyCommand {
    /// Adds a party.
    Add {
        /// Its id.
        id: PartyId,
        /// `brand`, `bank`, `payment_system`, `wallet`, `retailer` or `service_centre`.
        #[arg(long, value_parser = kind_of)]
        kind: PartyKind,
        /// Its name for people.
        #[arg(long)]
        name: Option<String>,
    },
    /// Lists the parties.
    List,
}

/// `key …`.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Issues a shared secret (printed once), or registers an Ed25519 public key.
    Add {
        /// Whose key.
        party: PartyId,
        /// Its id; made up if left out.
        #[arg(long)]
        id: Option<KeyId>,
        /// An Ed25519 public key in base64; left out: a shared secret is issued.
        #[arg(long)]
        public_key: Option<String>,
    },
    /// Lists the keys of a party.
    List {
        /// Whose.
        party: PartyId,
    },
    /// Revokes a key, at once and for ever.
    Revoke {
        /// Whose.
        party: PartyId,
        /// Which.
        id: KeyId,
    },
}

/// Arguments of `token`.
#[derive(Debug, clap::Args)]
pub struct TokenArguments {
    /// Who bears it.
    #[arg(long, default_value = "operator")]
    subject: String,
    /// operator, who may change things; finance, who settles; marketing, who makes campaigns and
    /// offers; auditor, who only reads; or support, who looks members up at the help desk.
    #[arg(long, default_value = "operator", value_parser = role_of)]
    role: Role,
    /// For how many minutes, at most 720.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
}

fn kind_of(text: &str) -> Result<PartyKind, String> {
    let known = "brand, bank, payment_system, wallet, retailer or service_centre";
    serde_json::from_value(text.into()).map_err(|_| format!("use {known}"))
}

fn role_of(text: &str) -> Result<Role, String> {
    serde_json::from_value(text.into())
        .map_err(|_| "use operator, finance, marketing, auditor or support".to_owned())
}

/// An engine on the database, beside the server that may run.
pub(super) fn engine(settings: &Settings) -> Result<Engine, Failure> {
    let clock = std::sync::Arc::new(Clock::system());
    Ok(Engine::start(&settings.engine()?, clock, Box::new(Answers))?)
}

/// Changes of the command line are made once, by whoever may write the database.
fn by_hand() -> Making {
    Making { author: "command line".to_owned(), ..Making::default() }
}

fn refused(error: crate::engine::ConfigureError) -> Failure {
    match error {
        crate::engine::ConfigureError::Store(error) => error.into(),
        other => Failure::No(other.to_string()),
    }
}

/// Runs `party …`.
pub fn party(command: PartyCommand, settings: &Settings) -> Result<(), Failure> {
    let engine = engine(settings)?;
    match command {
        PartyCommand::Add { id, kind, name } => {
            let text = format!("added {id}");
            let party = Party { id, kind, name, account: None };
            let change = |_: &_| Ok(Change::Party(party));
            engine.configure(&by_hand(), change, |_| String::new()).map_err(refused)?;
            say(&text)
        }
        PartyCommand::List => {
            let timeline = engine.timeline();
            timeline.latest().parties.values().try_for_each(|party| {
                let kind = serde_json::to_value(party.kind).unwrap_or_default();
                say(&format!("{}\t{}", party.id, kind.as_str().unwrap_or_default()))
            })
        }
    }
}

/// Runs `key …`.
pub fn key(command: KeyCommand, settings: &Settings) -> Result<(), Failure> {
    let engine = engine(settings)?;
    match command {
        KeyCommand::Add { party, id, public_key } => {
            let algorithm =
                if public_key.is_some() { Algorithm::Ed25519 } else { Algorithm::HmacSha256 };
            let key = new_key(party, id, algorithm, public_key)
                .map_err(|invalid| Failure::Unreadable(invalid.to_string()))?;
            let (id, material) = (key.id.clone(), key.material.clone());
            let change = |coalition: &_| adding(coalition, key);
            engine.configure(&by_hand(), change, |_| String::new()).map_err(refused)?;
            say(&format!("key id: {id}"))?;
            if algorithm == Algorithm::HmacSha256 {
                say(&format!("secret: {material}"))?;
                say(
                    "The secret is shown this once; keep it where only the party's server reads it.",
                )?;
            }
            Ok(())
        }
        KeyCommand::List { party } => {
            let timeline = engine.timeline();
            let keys = timeline.latest().keys.values().filter(|key| key.party == party);
            keys.into_iter().try_for_each(|key| {
                let state = if key.active { "active" } else { "revoked" };
                say(&format!("{}\t{}\t{state}", key.id, key.algorithm.name()))
            })
        }
        KeyCommand::Revoke { party, id } => {
            let text = format!("revoked {id}");
            let change = |coalition: &_| revoking(coalition, &party, &id);
            engine.configure(&by_hand(), change, |_| String::new()).map_err(refused)?;
            say(&text)
        }
    }
}

/// Runs `token`.
pub fn token(arguments: &TokenArguments, settings: &Settings) -> Result<(), Failure> {
    let TokenArguments { subject, role, minutes } = arguments;
    say(&new_token(settings, subject, *role, *minutes)?)
}

/// A token, minted with the key of the database.
pub fn new_token(
    settings: &Settings,
    subject: &str,
    role: Role,
    minutes: u64,
) -> Result<String, Failure> {
    let mut database = settings.address()?.open(Use::Read)?;
    let key = token_key(&mut database)?;
    let lifetime = Duration::from_secs(minutes.saturating_mul(60));
    let token = mint(&key, subject, role, lifetime, unix_now());
    token.map_err(|error| Failure::Unreadable(error.to_string()))
}
