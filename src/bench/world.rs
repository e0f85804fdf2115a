//! A coalition to measure: one brand with a programme, one shop, members, and the server.

use std::time::Duration;

use coalition_partner::{Algorithm, OperatorClient, SigningKey};
use serde_json::json;

use super::BenchError;
use super::bulk::{self, Bulk, Until};
use super::load::Target;
use super::process::Server;
use super::purchases::PROGRAMME;
use super::wire::Signer;
use crate::auth::token::{Role, mint};
use crate::clock::unix_now;
use crate::server::{ServerError, set_up, token_key};
use crate::settings::Settings;
use crate::store::{Address, Use};

/// The party that posts everything.
pub const SHOP: &str = "shop";
/// The brand of the programme.
const BRAND: &str = "brand";
/// How long the operator may work.
const LIFETIME: Duration = Duration::from_hours(12);
/// Bulk calls side by side.
pub const CALLS: usize = 4;

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
    let programme = json!({
        "brand": BRAND,
        "unit": {"name": "bonus", "scale": 0},
        "point_value": "1.00",
        "earn": {"rate": "0.10"},
        "expire": {"months": 12, "from": "accrual"},
        "burn": {"max_share": "0.40"},
    });
    operator.put_programme(PROGRAMME, &programme)?;
    let funding = json!([{"party": SHOP, "share": "1"}]);
    let agreement = json!({
        "earn": {"funding": funding, "price_per_point": "1.00", "fee_per_point": "0.02"},
        "burn": {"reimburse_per_point": "1.00"},
        "grant": {"funding": funding, "price_per_point": "1.00"},
    });
    operator.put_agreement(PROGRAMME, SHOP, &agreement)?;
    let issued = operator.issue_hmac_key(SHOP)?.value;
    let secret = issued.secret.ok_or(BenchError::NoAnswer("the key's secret"))?;
    SigningKey::from_base64(&issued.id, Algorithm::HmacSha256, &secret)
        .map_err(|error| ServerError::Key(error.to_string()).into())
}
