//! A coalition to measure: one brand with a programme, one shop, members, and the server.

use std::time::Duration;

use coalition_partner::{Algorithm, OperatorClient, Settings as Patience, SigningKey};
use serde_json::{Value, json};

use super::BenchError;
use super::bulk::{self, Bulk, Until};
use super::load::Target;
use super::process::Server;
use super::purchases::PROGRAMME;
use super::wire::Signer;
use crate::auth::token::{Role, mint};
use crate::clock::unix_now;
use crate::domain::ids::{PartyId, ProgrammeId};
use crate::server::{ServerError, set_up, token_key};
use crate::settings::Settings;
use crate::store::{Address, Use};

/// The party that posts everything.
pub const SHOP: &str = "shop";
/// The brand of the programme.
const BRAND: &str = "brand";
/// How long the operator may work.
const LIFETIME: Duration = Duration::from_hours(12);
/// How long a patient operator lets the server be silent.
const SILENCE_MAX: Duration = Duration::from_mins(30);
/// Bulk calls side by side.
pub const CALLS: usize = 4;

/// A shop that sells in a programme.
#[derive(Clone, Debug)]
pub struct Deal {
    /// The shop.
    pub shop: PartyId,
    /// The programme.
    pub programme: ProgrammeId,
}

impl Deal {
    /// The one of every coalition here.
    pub fn first() -> Self {
        Self::named(SHOP, PROGRAMME)
    }

    fn named(shop: &str, programme: &str) -> Self {
        let known = "the names of the benchmark are names";
        Self { shop: shop.parse().expect(known), programme: programme.parse().expect(known) }
    }
}

/// A coalition and its server.
pub struct World {
    /// The server.
    pub server: Server,
    /// The operator.
    pub operator: OperatorClient,
    /// Signs for the shop.
    pub shop: Signer,
    /// The database.
    pub database: String,
    token: String,
}

impl World {
    /// Sets an empty database up, starts a server on it and makes the coalition.
    ///
    /// # Errors
    /// If something of that fails.
    pub fn create(settings: &Settings, database: &str) -> Result<Self, BenchError> {
        let settings = Settings { database: database.to_owned(), ..settings.clone() };
        set_up(&settings)?;
        let token = operator_token(database)?;
        let server = Server::start(database, &[])?;
        let operator = OperatorClient::new(&server.url(), &token)?;
        let key = configure(&operator)?;
        let shop = Signer::new(key, server.address);
        Ok(Self { server, operator, shop, database: database.to_owned(), token })
    }

    /// Stops the server and starts it again with these arguments.
    ///
    /// # Errors
    /// If it does not start.
    pub fn restart(self, arguments: &[&str]) -> Result<Self, BenchError> {
        let Self { server, shop, database, token, .. } = self;
        drop(server);
        let server = Server::start(&database, arguments)?;
        let operator = OperatorClient::new(&server.url(), &token)?;
        let shop = shop.at(server.address);
        Ok(Self { server, operator, shop, database, token })
    }

    /// The operator's token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// An operator that waits longer than one usually would.
    ///
    /// # Errors
    /// If the address can't be used.
    pub fn patient(&self) -> Result<OperatorClient, BenchError> {
        let settings = Patience { silence_max: SILENCE_MAX, ..Patience::default() };
        Ok(OperatorClient::with_settings(&self.server.url(), &self.token, &settings)?)
    }

    /// Adds brands with a programme each, and shops that sell in all of them; all deals there are
    /// then.
    ///
    /// # Errors
    /// If one is refused.
    pub fn add_deals(&self, brands: u64, shops: u64) -> Result<Vec<Deal>, BenchError> {
        let mut deals = vec![Deal::first()];
        for shop in 0..shops {
            self.operator.create_party(&format!("shop{shop}"), "retailer")?;
        }
        for brand in 0..brands {
            let (name, programme) = (format!("brand{brand}"), format!("club{brand}"));
            self.operator.create_party(&name, "brand")?;
            self.operator.put_programme(&programme, &programme_of(&name))?;
            for shop in 0..shops {
                let shop = format!("shop{shop}");
                self.operator.put_agreement(&programme, &shop, &agreement_of(&shop))?;
                deals.push(Deal::named(&shop, &programme));
            }
        }
        Ok(deals)
    }

    /// The server as a target of so many connections.
    pub fn target(&self, connections: usize, postmaster: Option<u32>) -> Target {
        let (address, server) = (self.server.address, self.server.id());
        Target { address, server, postmaster, connections }
    }

    /// Makes the members `0..members` through the API and grants each a lot of points.
    ///
    /// # Errors
    /// If one is refused.
    pub fn enroll(&self, members: u64) -> Result<(), BenchError> {
        let target = self.target(CALLS, None);
        let call = |path| Bulk {
            path,
            signer: self.shop.clone(),
            until: Until::Lines(members),
            calls: CALLS,
        };
        let enrolled = bulk::post(target, call("/v1/members:batch"), |number, line| {
            let id = number.to_string();
            let parts =
                ["{\"external_ids\":[\"", &id, "\"],\"idempotency_key\":\"member-", &id, "\"}"];
            line.extend(parts);
        })?;
        must_be_all(enrolled.first_refusal)?;
        let granted = bulk::post(target, call("/v1/transactions:batch"), |number, line| {
            let id = number.to_string();
            line.extend(["{\"kind\":\"grant\",\"ref\":\"grant-", &id, "\",\"programme\":\""]);
            line.extend([PROGRAMME, "\",\"member\":\"external:", &id, "\",\"points\":\"100000\""]);
            line.extend([",\"idempotency_key\":\"grant-", &id, "\"}"]);
        })?;
        must_be_all(granted.first_refusal)
    }
}

fn must_be_all(first_refusal: Option<String>) -> Result<(), BenchError> {
    match first_refusal {
        None => Ok(()),
        Some(refusal) => Err(BenchError::Refused(refusal)),
    }
}

fn operator_token(database: &str) -> Result<String, BenchError> {
    let mut connection = Address::parse(database)?.open(Use::Read)?;
    let key = token_key(&mut connection)?;
    let token = mint(&key, "bench", Role::Operator, LIFETIME, unix_now());
    Ok(token.map_err(|error| ServerError::Key(error.to_string()))?)
}

/// Makes the coalition; the key of the shop.
fn configure(operator: &OperatorClient) -> Result<SigningKey, BenchError> {
    operator.create_party(BRAND, "brand")?;
    operator.create_party(SHOP, "retailer")?;
    operator.put_programme(PROGRAMME, &programme_of(BRAND))?;
    operator.put_agreement(PROGRAMME, SHOP, &agreement_of(SHOP))?;
    let issued = operator.issue_hmac_key(SHOP)?.value;
    let secret = issued.secret.ok_or(BenchError::NoAnswer("the key's secret"))?;
    SigningKey::from_base64(&issued.id, Algorithm::HmacSha256, &secret)
        .map_err(|error| ServerError::Key(error.to_string()).into())
}

fn programme_of(brand: &str) -> Value {
    json!({
        "brand": brand,
        "unit": {"name": "bonus", "scale": 0},
        "point_value": "1.00",
        "earn": {"rate": "0.10"},
        "expire": {"months": 12, "from": "accrual"},
        "burn": {"max_share": "0.40"},
        "card": {"title": "Club"},
    })
}

fn agreement_of(shop: &str) -> Value {
    let funding = json!([{"party": shop, "share": "1"}]);
    json!({
        "earn": {"funding": funding, "price_per_point": "1.00", "fee_per_point": "0.02"},
        "burn": {"reimburse_per_point": "1.00"},
        "grant": {"funding": funding, "price_per_point": "1.00"},
        "unlinked_refunds": true,
    })
}
