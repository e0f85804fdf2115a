//! People and their cards, as wallets, tills and web shops go about them.

use coalition_partner::{Answer, path};
use serde_json::{Map, Value, json};

use super::RehearsalError;
use super::outcome::{Outcome, must_accept};
use super::play::{Play, text};
use super::scenario::Step;

/// Fields of `enrol` that the API does not know.
const OF_OURS: [&str; 2] = ["id", "code"];

impl Play<'_> {
    /// Does what the step says of people and cards; none: it says something else.
    pub(super) fn go_about_people(
        &mut self,
        number: usize,
        step: &Step,
    ) -> Option<Result<Outcome, RehearsalError>> {
        let with = self.names.arguments(&step.with);
        let key = format!("step-{number}");
        Some(match step.r#do.as_str() {
            "enrol" => self.enrol(step, &key, with),
            "confirm_code" => self.confirm(step, &key, &with),
            "consent" => self.consent(step, &key, with),
            "issue_card" => self.issue_card(step, &key, with),
            "card" => self.card(step, &with),
            "intro_seen" => {
                let target = format!("/v1/cards/{}/intro-seen", self.number_of(&with));
                let body = json!({"campaign": text(&with, "campaign")});
                self.post(step, &target, &key, &body).map(Outcome::of)
            }
            "resolve" => self.resolve(step, &key, with),
            _ => return None,
        })
    }

    fn enrol(
        &mut self,
        step: &Step,
        key: &str,
        mut body: Map<String, Value>,
    ) -> Result<Outcome, RehearsalError> {
        let name = text(&body, "id").to_owned();
        let by_code = body.get("code") == Some(&Value::Bool(true));
        for field in OF_OURS {
            body.remove(field);
        }
        if by_code {
            let confirmed = self.confirm(step, key, &body)?;
            if !confirmed.answer.is_accepted() {
                return Ok(confirmed);
            }
            body.insert("codes".to_owned(), json!([confirmed.text("id")]));
        }
        let answer = self.post(step, "/v1/members", key, &Value::Object(body))?;
        let mut outcome = Outcome::of(answer);
        if !outcome.answer.is_accepted() {
            return Ok(outcome);
        }
        let id = outcome.text("member");
        self.call_member(&name, &id)?;
        outcome.set("proposed", self.proposals_of(&id)?);
        self.name_member(&mut outcome);
        Ok(outcome)
    }

    /// Gives a member a name, which may not be somebody else's.
    fn call_member(&mut self, name: &str, id: &str) -> Result<(), RehearsalError> {
        if self.names.member(name).is_some_and(|known| known != id) {
            let answer = format!("`{name}` is somebody else in this scenario; take another id");
            let what = format!("to enrol `{name}`");
            return Err(RehearsalError::Refused { what, answer });
        }
        self.names.add_member(name, id);
        Ok(())
    }

    /// How many open proposals to join somebody with another there are.
    fn proposals_of(&self, id: &str) -> Result<usize, RehearsalError> {
        let (answer, rows) = self.rows(None, "/v1/merge-proposals")?;
        must_accept("to read the merge proposals", &answer)?;
        Ok(rows.iter().filter(|one| one["keep"] == id || one["drop"] == id).count())
    }

    /// Asks for a code, reads it where a phone would show it, and confirms it. The digits may be
    /// others.
    fn confirm(
        &self,
        step: &Step,
        key: &str,
        with: &Map<String, Value>,
    ) -> Result<Outcome, RehearsalError> {
        let purpose = with.get("purpose").and_then(Value::as_str).unwrap_or("enrol");
        let asked = json!({"phone": text(with, "phone"), "purpose": purpose});
        let sent = self.post(step, "/v1/codes", &format!("{key}/code"), &asked)?;
        if !sent.is_accepted() {
            return Ok(Outcome::of(sent));
        }
        let id = Outcome::of(sent).text("id");
        let digits = match with.get("digits").and_then(Value::as_str) {
            Some(digits) => digits.to_owned(),
            None => self.shown_code(&id)?,
        };
        let target = format!("/v1/codes/{id}/confirm");
        let tried = self.post(step, &target, &format!("{key}/digits"), &json!({"code": digits}))?;
        let mut outcome = Outcome::of(tried);
        self.name_member(&mut outcome);
        Ok(outcome)
    }

    /// The digits of a code, which on a test clock nobody is sent.
    fn shown_code(&self, id: &str) -> Result<String, RehearsalError> {
        let answer = self.operator.get("/v1/test-codes")?;
        let shown = must_accept("to read the codes", &answer)?;
        let messages = shown["data"].as_array().map(Vec::as_slice).unwrap_or_default();
        let message = messages.iter().find(|one| one["id"] == id);
        let digits = message.and_then(|one| one["text"].as_str()).and_then(|text| {
            let mut runs = text.split(|letter: char| !letter.is_ascii_digit());
            runs.find(|run| run.len() == 6).map(str::to_owned)
        });
        digits.ok_or_else(|| RehearsalError::Refused {
            what: "to read the code".to_owned(),
            answer: "none was sent: to `burn` and `login`, none goes to unknown phones".to_owned(),
        })
    }

    fn consent(
        &self,
        step: &Step,
        key: &str,
        mut body: Map<String, Value>,
    ) -> Result<Outcome, RehearsalError> {
        let target = format!("/v1/members/{}/consents", path::encoded(text(&body, "member")));
        body.remove("member");
        self.post(step, &target, key, &Value::Object(body)).map(Outcome::of)
    }

    /// Issues a card to a member, or to a person who enrols with it.
    fn issue_card(
        &mut self,
        step: &Step,
        key: &str,
        mut body: Map<String, Value>,
    ) -> Result<Outcome, RehearsalError> {
        let card = text(&body, "id").to_owned();
        body.remove("id");
        let person = body.get_mut("person").and_then(Value::as_object_mut);
        let enrolled = person.and_then(|person| person.remove("id"));
        let mut outcome = Outcome::of(self.post(step, "/v1/cards", key, &Value::Object(body))?);
        if outcome.answer.is_accepted() {
            if let Some(name) = enrolled.as_ref().and_then(Value::as_str) {
                self.call_member(name, &outcome.text("member"))?;
            }
            let number = outcome.text("number");
            let before = self.names.name_of_card(&number).map(str::to_owned);
            outcome.set("same_as", before);
            self.names.add_card(&card, &number);
            outcome.spread("barcode");
            self.name_member(&mut outcome);
        }
        Ok(outcome)
    }

    fn number_of(&self, with: &Map<String, Value>) -> String {
        self.names.card(text(with, "card")).to_owned()
    }

    /// What the card shows now.
    fn card(&self, step: &Step, with: &Map<String, Value>) -> Result<Outcome, RehearsalError> {
        let target = format!("/v1/cards/{}", path::encoded(&self.number_of(with)));
        let mut outcome = Outcome::of(self.get(step, &target)?);
        if !outcome.answer.is_accepted() {
            return Ok(outcome);
        }
        // Its `pending` lists what the balance's counts.
        let pending = outcome.take("pending");
        outcome.set("opens_at", pending[0]["available_at"].clone());
        outcome.spread("balance");
        let next = outcome.take("expires_next");
        outcome.set("expires_next", next["points"].clone());
        outcome.set("expires_at", next["expires_at"].clone());
        let tag = outcome.take("tag");
        outcome.set("tag", tag["text"].clone());
        outcome.set("tag_color", tag["color"].clone());
        outcome.set("tag_until", tag["until"].clone());
        let intro = outcome.take("intro");
        outcome.set("intro", intro["title"].clone());
        outcome.set("intro_text", intro["text"].clone());
        let promos = outcome.take("promos");
        outcome.set("promos", by_campaign(&promos));
        level_alone(&mut outcome);
        self.name_member(&mut outcome);
        Ok(outcome)
    }

    /// What a till learns of the card that it scanned.
    fn resolve(
        &self,
        step: &Step,
        key: &str,
        mut body: Map<String, Value>,
    ) -> Result<Outcome, RehearsalError> {
        let number = self.number_of(&body);
        body.insert("card".to_owned(), number.into());
        let answer: Answer = self.post(step, "/v1/cards/resolve", key, &Value::Object(body))?;
        let mut outcome = Outcome::of(answer);
        if outcome.answer.is_accepted() {
            for field in ["card", "balance", "quote"] {
                outcome.spread(field);
            }
            let offers = outcome.take("offers");
            outcome.set("promos", by_campaign(&offers));
            level_alone(&mut outcome);
            self.name_member(&mut outcome);
        }
        Ok(outcome)
    }

    /// Says a member by the name within the file, where there is one.
    pub(super) fn name_member(&self, outcome: &mut Outcome) {
        let id = outcome.text("member");
        if let Some(name) = self.names.name_of_member(&id) {
            let name = name.to_owned();
            outcome.set("member", name);
        }
    }
}

/// The points that are left of each campaign.
fn by_campaign(promos: &Value) -> Map<String, Value> {
    let promos = promos.as_array().map(Vec::as_slice).unwrap_or_default();
    let points = promos.iter().filter_map(|promo| {
        let campaign = promo["campaign"].as_str()?;
        Some((campaign.to_owned(), promo["points"].clone()))
    });
    points.collect()
}

fn level_alone(outcome: &mut Outcome) {
    let tier = outcome.take("tier");
    outcome.set("tier", tier["level"].clone());
}
