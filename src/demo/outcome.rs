//! What came of the campaign: its report, for people.

use std::io::Write;
use std::time::{Duration, Instant as Stopwatch};

use serde_json::Value;

use super::DemoError;
use super::cards::WALLET;
use super::promo::{BRAND, CAMPAIGN};
use super::stage::{Stage, must_accept, text};
use super::summary::grouped;
use crate::server::Running;
use crate::store::views;

/// How long the points that are over are waited for.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until the server has posted all that the clock did to points.
pub fn wait_for_expiry(running: &Running) -> Result<(), DemoError> {
    let (began, now) = (Stopwatch::now(), running.app().now());
    while began.elapsed() < PATIENCE
        && !running.app().engine.read(|database| views::due_accounts(database, now, 1))?.is_empty()
    {
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Reads the campaign's report and prints it.
pub fn print(out: &mut dyn Write, stage: &Stage) -> Result<(), DemoError> {
    let brand = stage.party(BRAND);
    let path = format!("/v1/campaigns/{CAMPAIGN}");
    let view = must_accept(&path, &brand.get(&path)?)?;
    let path = format!("{path}/report");
    let report = must_accept(&path, &brand.get(&path)?)?;
    print_head(out, &view)?;
    print_groups(out, &report)?;
    print_uplift(out, &report)?;
    print_points(out, &report)?;
    Ok(())
}

fn print_head(out: &mut dyn Write, view: &Value) -> std::io::Result<()> {
    let started = view.pointer("/run/started_at").and_then(Value::as_str).unwrap_or_default();
    let days = view.pointer("/document/grant/expire/days");
    writeln!(
        out,
        "\nCampaign {CAMPAIGN}: on {} {BRAND} gave 1,000 bonuses for {} days to each holder of a card;\n\
         a test group was told of it by the wallet, a control group got them and was not told",
        started.get(..10).unwrap_or(started),
        days.map(Value::to_string).unwrap_or_default(),
    )
}

fn print_groups(out: &mut dyn Write, report: &Value) -> std::io::Result<()> {
    writeln!(out, "  {:<34}{:>12}{:>12}", "", "test", "control")?;
    let figures = [
        ("members", "members"),
        ("bonuses granted", "points"),
        ("message delivered", "delivered"),
        ("message or card opened", "opened"),
        ("offer opened", "offer_opened"),
        ("bought within these days", "bought"),
        ("receipts", "receipts"),
        ("their price less refunds, RUB", "revenue"),
    ];
    for (label, figure) in figures {
        let [test, control] = ["test", "control"].map(|arm| {
            report.pointer(&format!("/arms/{arm}/{figure}")).map_or_else(String::new, shown)
        });
        writeln!(out, "  {label:<34}{test:>12}{control:>12}")?;
    }
    Ok(())
}

fn print_uplift(out: &mut dyn Write, report: &Value) -> std::io::Result<()> {
    writeln!(out, "  What being told changed (in brackets: the interval at 95 %)")?;
    for figure in ["opened", "bought"] {
        let Some(uplift) = report.pointer(&format!("/uplift/{figure}")) else { continue };
        let [test, control] = ["test", "control"].map(|arm| {
            let rate = uplift.pointer(&format!("/{arm}/percent")).and_then(Value::as_str);
            rate.unwrap_or_default()
        });
        writeln!(
            out,
            "    {figure:<8}{test:>6} % of the test group, {control} % of the control group"
        )?;
        let Some((low, high)) = interval(uplift, "difference_points_within") else { continue };
        let difference = text(uplift, "difference_points");
        write!(out, "{:12}{difference} percentage points more ({low} to {high})", "")?;
        if let Some((low, high)) = interval(uplift, "more_percent_within") {
            write!(out, ", {} % more ({low} to {high} %)", text(uplift, "more_percent"))?;
        }
        writeln!(out)?;
        if low.starts_with('-') && !high.starts_with('-') {
            writeln!(out, "{:12}0 lies within: it may be chance", "")?;
        }
    }
    Ok(())
}

/// The ends of an interval, where there is one.
fn interval<'a>(uplift: &'a Value, name: &str) -> Option<(&'a str, &'a str)> {
    let ends = uplift.get(name).and_then(Value::as_array)?;
    Some((ends.first()?.as_str()?, ends.get(1)?.as_str()?))
}

fn print_points(out: &mut dyn Write, report: &Value) -> std::io::Result<()> {
    let points =
        |name: &str| report.pointer(&format!("/points/{name}")).map_or_else(String::new, shown);
    let money = |name: &str| {
        let value = report.pointer(&format!("/money/{name}")).and_then(Value::as_str);
        value.unwrap_or("-")
    };
    writeln!(
        out,
        "  Points: {} granted, {} spent, {} returned by refunds, {} expired, {} left",
        points("granted"),
        points("spent"),
        points("returned"),
        points("expired"),
        points("left")
    )?;
    writeln!(
        out,
        "  Cost: {} RUB, for the points that were spent; {BRAND} and {WALLET} pay it by halves",
        money("cost")
    )?;
    writeln!(
        out,
        "  Incremental revenue: {} RUB, what the test group bought more than as many of the control group",
        money("extra_revenue")
    )?;
    writeln!(out, "  Return on investment: {} %", money("roi_percent"))
}

/// A count, or points without a fraction, with thousands apart; other texts as they are.
fn shown(figure: &Value) -> String {
    let whole = match figure {
        Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    };
    whole.map_or_else(|| figure.as_str().unwrap_or_default().to_owned(), grouped)
}
