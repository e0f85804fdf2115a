//! Offers: promo codes, compensation, baskets, personal prices, perks.

pub mod baskets;
pub mod compensations;
pub mod perks;
pub mod prices;
pub mod promo_codes;
mod promo_views;

use crate::domain::time::Instant;
use crate::engine::{Answer, Keyed};
use crate::http::app::App;
use crate::http::problem::Problem;

/// Gives an answer once for a key: whoever asks again gets the same, a refusal too.
fn once(
    app: &App,
    keyed: &Keyed,
    now: Instant,
    done: Result<(u16, String), Problem>,
) -> Result<Answer, Problem> {
    let answer = match done {
        Err(problem) if problem.is_final() => (problem.status(), problem.document().to_string()),
        other => other?,
    };
    app.engine.write_once::<Problem>(keyed, now, |_| Ok(answer))
}
