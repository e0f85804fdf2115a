//! Cycles: closed by the operator, read by everybody who is a side.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use serde::{Deserialize, Serialize};

use super::found;
use crate::domain::amount::{Money, Points};
use crate::domain::ids::{PartyId, ProgrammeId};
use crate::domain::terms::Coalition;
use crate::domain::time::Day;
use crate::engine::Closing;
use crate::http::app::{App, read};
use crate::http::caller::{Either, Operated, must_have_key};
use crate::http::present::{json_text, points_text};
use crate::http::problem::Problem;
use crate::store::cycles::{self, PositionLine};

/// Who owes whom what for what.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    debtor: String,
    creditor: String,
    programme: String,
    kind: String,
    count: i64,
    points: String,
    amount: String,
}

/// A settlement day: its nets and the positions that they add up.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Cycle {
    day: Day,
    state: String,
    currency: String,
    /// Positive: receives. Parties at zero are left out.
    nets: BTreeMap<String, String>,
    positions: Vec<Line>,
}

impl Cycle {
    fn of(day: Day, state: &str, coalition: &Coalition, lines: &[PositionLine]) -> Self {
        let mut nets: BTreeMap<String, i64> = BTreeMap::new();
        for line in lines {
            *nets.entry(line.debtor.clone()).or_default() -= line.amount;
            *nets.entry(line.creditor.clone()).or_default() += line.amount;
        }
        assert_eq!(nets.values().sum::<i64>(), 0, "nets of a currency sum to zero");
        let money = |units| Money(units).text(coalition.money_scale);
        let text = |line: &PositionLine| Line {
            debtor: line.debtor.clone(),
            creditor: line.creditor.clone(),
            programme: line.programme.clone(),
            kind: line.kind.clone(),
            count: line.count,
            points: line.programme.parse::<ProgrammeId>().map_or_else(
                |_| line.points.to_string(),
                |programme| points_text(coalition, &programme, Points(line.points)),
            ),
            amount: money(line.amount),
        };
        let nets = nets.into_iter().filter(|(_, net)| *net != 0);
        Self {
            day,
            state: state.to_owned(),
            currency: coalition.currency.clone(),
            nets: nets.map(|(party, net)| (party, money(net))).collect(),
            positions: lines.iter().map(text).collect(),
        }
    }

    /// What one party sees: the lines that it is a side of, and its own net.
    fn seen_by(mut self, party: &PartyId) -> Self {
        let name = party.as_str();
        self.positions.retain(|line| line.debtor == name || line.creditor == name);
        self.nets.retain(|one, _| one == name);
        self
    }
}

fn day_of(text: &str) -> Result<Day, Problem> {
    Day::parse(text).ok_or_else(|| Problem::invalid("/day", "write a day as YYYY-MM-DD"))
}

/// Closes a settlement day; closing it twice gives the same statement.
pub async fn close(
    call: Operated,
    app: Data<App>,
    day: Path<String>,
) -> Result<HttpResponse, Problem> {
    call.must_operate()?;
    must_have_key(call.idempotency_key.as_ref())?;
    let day = day_of(&day)?;
    let closing = actix_web::web::block(move || {
        app.engine.close_cycle(day, |coalition, lines| {
            json_text(&Cycle::of(day, "closed", coalition, lines))
        })
    });
    match closing.await?? {
        Closing::Closed(statement) => {
            Ok(HttpResponse::Ok().content_type("application/json").body(statement))
        }
        Closing::NotOver => Err(Problem::cycle_not_over()),
    }
}

/// A settlement day: its statement if it is closed, or the figures so far.
pub async fn view(
    call: Either,
    app: Data<App>,
    day: Path<String>,
) -> Result<HttpResponse, Problem> {
    let day = day_of(&day)?;
    let (closed, lines) = read(&app, move |database| {
        let closed = cycles::closed(database, day)?;
        let lines =
            if closed.is_none() { cycles::positions_of(database, day)? } else { Vec::new() };
        Ok((closed, lines))
    })
    .await?;
    let cycle: Cycle = match closed {
        Some(statement) => serde_json::from_str(&statement).map_err(|_| Problem::internal())?,
        None => Cycle::of(day, "open", &app.coalition(), &lines),
    };
    match call.party() {
        Some(party) => Ok(found(&cycle.seen_by(party))),
        None => Ok(found(&cycle)),
    }
}
