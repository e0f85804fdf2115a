//! A row of campaigns: points for all members.

use std::time::{Duration, Instant as Stopwatch};

use coalition_partner::OperatorClient;
use serde_json::{Value, json};

use super::purchases::PROGRAMME;
use super::seed::{Seed, seed};
use super::settling::title;
use super::table::{Bar, Hundredths, Judged, Row, doing, grouped, note};
use super::{Bench, BenchError};
use crate::store::Kind;

/// Members of a run with `--large`.
const MEMBERS: u64 = 1_000_000;

/// A million members in a minute.
const PER_SECOND: u64 = 16_667;

/// How often the run is asked how far it is.
const LOOK: Duration = Duration::from_millis(200);

/// The campaign's name, and its address.
const CAMPAIGN: &str = "/v1/campaigns/everyone";

impl Bench<'_> {
    /// A campaign that grants points to everybody.
    pub(super) fn campaign(&mut self, kind: Kind) -> Result<(), BenchError> {
        let name = "campaign";
        let members = if self.arguments.large { MEMBERS } else { self.arguments.members };
        let world = self.world_on(kind, name)?;
        doing(&format!("making {} members on {}", grouped(members), title(kind)));
        seed(&world.database, Seed { first: 0, members, lots: 0 })?;
        let operator = world.patient()?;
        must_be_done(
            &operator,
            &json!({
                "programme": PROGRAMME, "audience": "everyone",
                "grant": {"points": "1000", "expire": {"days": 14}, "price_per_point": "1.00",
                    "funding": [{"party": "brand", "share": "1"}]},
                "control": {"share": "0.1", "gets": "bonus"},
                "budget": {"points": (members * 1_000).to_string()},
                "channels": [], "card": {"tag": {"text": "+1 000", "color": "green"}},
            }),
        )?;
        doing("granting to all of them");
        let used = world.target(1, self.postgres.postmaster()).used();
        let begun = Stopwatch::now();
        let first = operator.post(&format!("{CAMPAIGN}/run"), "run", &json!({}))?;
        let mut run = first.accepted::<Value>()?.value["run"].clone();
        while run["finished"] != true {
            std::thread::sleep(LOOK);
            run = operator.get(CAMPAIGN)?.accepted::<Value>()?.value["run"].clone();
        }
        let took = begun.elapsed();
        let used = world.target(1, self.postgres.postmaster()).used().since(used);
        let granted = run["granted"].as_u64().unwrap_or(0);
        if granted != members {
            return Err(BenchError::Refused(run.to_string()));
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        let per_second = granted.saturating_mul(1_000_000) / micros;
        self.table.add(Row {
            what: format!("campaign grant, {}", title(kind)),
            figure: format!("{} members/s", grouped(per_second)),
            beside: format!("{} members in {} s", grouped(granted), Hundredths::seconds(took)),
            judged: (kind == Kind::Postgres).then_some(Judged {
                got: Hundredths(per_second * 100),
                unit: " /s",
                bar: Bar::AtLeast(Hundredths(PER_SECOND * 100)),
            }),
        })?;
        let each = |micros: u64| micros / granted.max(1);
        note(&format!(
            "a member took {} us of the server and {} us of PostgreSQL",
            each(used.server),
            each(used.postgres)
        ))?;
        doing("looking at who can be reached");
        let begun = Stopwatch::now();
        let looked = operator.post(&format!("{CAMPAIGN}/preview"), "preview", &json!({}))?;
        let looked = looked.accepted::<Value>()?.value;
        note(&format!(
            "a preview of it took {} s; {} take part",
            Hundredths::seconds(begun.elapsed()),
            looked["already"]
        ))?;
        self.drop_world(world, kind, name)
    }
}

/// Writes and starts the campaign.
fn must_be_done(operator: &OperatorClient, document: &Value) -> Result<(), BenchError> {
    operator.put(CAMPAIGN, document)?.accepted::<Value>()?;
    operator.post(&format!("{CAMPAIGN}/start"), "start", &json!({}))?.accepted::<Value>()?;
    Ok(())
}
