//! Campaigns, notices and promo codes, as marketing, brands and partners go about them.

use std::collections::BTreeMap;

use coalition_partner::{Answer, path};
use serde_json::{Map, Value, json};

use super::RehearsalError;
use super::outcome::{Outcome, must_accept};
use super::play::{Play, text};
use super::scenario::Step;
use crate::campaigns::jobs as campaigns;
use crate::jobs;
use crate::server::ServerError;

/// How often a run is waited for; each time takes about 20 seconds.
const WAITS: usize = 30;

/// Figures of a group in a campaign's report.
const OF_AN_ARM: [&str; 8] =
    ["members", "delivered", "opened", "offer_opened", "visited", "bought", "receipts", "revenue"];

impl Play<'_> {
    /// Does what the step says of campaigns, notices and promo codes; none: it says something else.
    pub(super) fn go_about_marketing(
        &mut self,
        number: usize,
        step: &Step,
    ) -> Option<Result<Outcome, RehearsalError>> {
        let with = self.names.arguments(&step.with);
        let key = format!("step-{number}");
        Some(match step.r#do.as_str() {
            "campaign" => self.campaign(step, &key, with),
            "campaign_run" => self.run(Some(step), text(&with, "campaign"), &key),
            "campaign_report" => self.report(step, text(&with, "campaign")),
            "notices" => self.notices(step, &with),
            "notice" => self.notice(step, &key, with),
            "notice_report" => {
                let body = json!({"reports": [with]});
                self.post(step, "/v1/notices:report", &key, &body).map(Outcome::of)
            }
            "notice_channel" => self.notice_channel(step, &key, with),
            "promo_codes" => self.promo_codes(step, &key, with),
            "redeem_code" => self.redeem_code(step, &key),
            _ => return None,
        })
    }

    /// What the clock does to campaigns and notices, once at each new instant: those with dates begin
    /// and end, and parties are told what is due.
    pub(super) fn follow_the_clock(&self) -> Result<(), RehearsalError> {
        let engine = &self.running.app().engine;
        for campaign in campaigns::due(engine).map_err(ServerError::from)? {
            let run = self.run(None, &campaign, &format!("begin/{campaign}"))?;
            must_accept(&format!("a run of the campaign `{campaign}`"), &run.answer)?;
        }
        Ok(campaigns::tell(engine).map_err(ServerError::from)?)
    }

    /// Writes a campaign, starts it, and runs it unless it has a `start` of its own.
    fn campaign(
        &self,
        step: &Step,
        key: &str,
        with: Map<String, Value>,
    ) -> Result<Outcome, RehearsalError> {
        let id = text(&with, "id").to_owned();
        let has_start = with.contains_key("start");
        let target = format!("/v1/campaigns/{}", path::encoded(&id));
        let document = self.names.document(&Value::Object(with));
        let written = self.put(step, &target, &format!("{key}/put"), &document)?;
        if !written.is_accepted() {
            return Ok(Outcome::of(written));
        }
        let begin = format!("{target}/start");
        let started = self.post(step, &begin, &format!("{key}/start"), &json!({}))?;
        if !started.is_accepted() || has_start {
            return Ok(of_a_run(started));
        }
        self.run(Some(step), &id, key)
    }

    /// Runs a campaign and waits until nothing of the run is left to do. Without a step the operator
    /// asks.
    fn run(&self, step: Option<&Step>, id: &str, key: &str) -> Result<Outcome, RehearsalError> {
        let target = format!("/v1/campaigns/{}/run", path::encoded(id));
        for wait in 0..WAITS {
            let key = format!("{key}/run-{wait}");
            let answer = match step {
                Some(step) => self.post(step, &target, &key, &json!({}))?,
                None => self.operator.post(&target, &key, &json!({}))?,
            };
            let view: Value = answer.json().unwrap_or_default();
            if !answer.is_accepted() || view["run"]["finished"] == true {
                return Ok(of_a_run(answer));
            }
        }
        let answer = "it does not end".to_owned();
        Err(RehearsalError::Refused { what: format!("a run of the campaign `{id}`"), answer })
    }

    /// What came of a campaign. What the clock took until now is posted first.
    fn report(&self, step: &Step, id: &str) -> Result<Outcome, RehearsalError> {
        jobs::expire(self.running.app()).map_err(ServerError::from)?;
        let target = format!("/v1/campaigns/{}/report", path::encoded(id));
        let mut outcome = Outcome::of(self.get(step, &target)?);
        let arms = outcome.take("arms");
        for figure in OF_AN_ARM {
            let of = |arm: &str| arms[arm][figure].clone();
            outcome.set(figure, json!({"test": of("test"), "control": of("control")}));
        }
        outcome.spread("points");
        outcome.spread("money");
        Ok(outcome)
    }

    /// The notices of a campaign, counted; of one member, where one is named.
    fn notices(&self, step: &Step, with: &Map<String, Value>) -> Result<Outcome, RehearsalError> {
        // What is due at this very instant is told first.
        self.follow_the_clock()?;
        let target = format!("/v1/campaigns/{}/notices", path::encoded(text(with, "campaign")));
        let (answer, rows) = self.rows(step.party.as_deref(), &target)?;
        let mut counts = Counts::default();
        for notice in &rows {
            if with.get("member").is_none_or(|member| *member == notice["member"]) {
                counts.add(notice);
            }
        }
        let mut outcome = Outcome::of(answer);
        outcome.set("notices", counts.notices);
        outcome.set("states", json!(counts.states));
        outcome.set("channels", json!(counts.channels));
        outcome.set("reasons", json!(counts.reasons));
        Ok(outcome)
    }

    fn notice(
        &self,
        step: &Step,
        key: &str,
        with: Map<String, Value>,
    ) -> Result<Outcome, RehearsalError> {
        let answer = self.post(step, "/v1/notices", key, &Value::Object(with))?;
        let mut outcome = Outcome::of(answer);
        self.name_member(&mut outcome);
        Ok(outcome)
    }

    fn notice_channel(
        &self,
        step: &Step,
        key: &str,
        mut with: Map<String, Value>,
    ) -> Result<Outcome, RehearsalError> {
        let place = ["programme", "channel"].map(|field| path::encoded(text(&with, field)));
        let target = format!("/v1/notice-channels/{}", place.join("/"));
        for field in ["programme", "channel"] {
            with.remove(field);
        }
        let mut outcome = Outcome::of(self.put(step, &target, key, &Value::Object(with))?);
        outcome.spread("rules");
        Ok(outcome)
    }

    /// Makes a batch of codes: known as the batch, as `BATCH/1`, `BATCH/2` and so on, and as
    /// `BATCH/PARTY` where each party has its own.
    fn promo_codes(
        &mut self,
        step: &Step,
        key: &str,
        mut with: Map<String, Value>,
    ) -> Result<Outcome, RehearsalError> {
        let batch = text(&with, "id").to_owned();
        with.remove("id");
        let mut outcome =
            Outcome::of(self.post(step, "/v1/promo-codes", key, &Value::Object(with))?);
        let codes = outcome.take("codes");
        for (place, made) in codes.as_array().into_iter().flatten().enumerate() {
            let code = made["code"].as_str().unwrap_or_default();
            let party = made["party"].as_str().map(str::to_owned);
            let suffix = party.unwrap_or_else(|| (place + 1).to_string());
            self.names.add_code(&format!("{batch}/{suffix}"), code);
            if place == 0 {
                self.names.add_code(&batch, code);
            }
        }
        outcome.spread("limits");
        Ok(outcome)
    }

    fn redeem_code(&self, step: &Step, key: &str) -> Result<Outcome, RehearsalError> {
        let mut body = self.names.by_card(&step.with);
        let code = self.names.code(text(&body, "code")).to_owned();
        body.insert("code".to_owned(), code.into());
        let answer = self.post(step, "/v1/promo-codes/redeem", key, &Value::Object(body))?;
        let mut outcome = Outcome::of(answer);
        if outcome.answer.is_accepted() {
            let points = outcome.take("points");
            outcome.set("granted", points);
            self.name_member(&mut outcome);
        }
        Ok(outcome)
    }
}

/// A campaign with the figures of its latest run; how that ended is `run`.
fn of_a_run(answer: Answer) -> Outcome {
    let mut outcome = Outcome::of(answer);
    if !outcome.answer.is_accepted() {
        return outcome;
    }
    let run = outcome.take("run");
    for figure in ["matched", "granted", "points", "refused", "refusals"] {
        outcome.set(figure, run[figure].clone());
    }
    outcome.set("run", run["state"].clone());
    outcome
}

/// How many notices there are of each kind. Channels count those that were not refused.
#[derive(Default)]
struct Counts {
    notices: usize,
    states: BTreeMap<String, usize>,
    channels: BTreeMap<String, usize>,
    reasons: BTreeMap<String, usize>,
}

impl Counts {
    fn add(&mut self, notice: &Value) {
        let count = |map: &mut BTreeMap<String, usize>, field: &str| {
            let value = notice[field].as_str().unwrap_or_default();
            *map.entry(value.to_owned()).or_default() += 1;
        };
        self.notices += 1;
        count(&mut self.states, "state");
        if notice["state"] == "refused" {
            count(&mut self.reasons, "reason");
        } else {
            count(&mut self.channels, "channel");
        }
    }
}
