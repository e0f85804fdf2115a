//! Lists of commands, made up by proptest: what they name, they made before, or never.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::support::Request;

/// Something that is posted, or a while in which nothing is.
#[derive(Clone, Debug)]
pub enum Op {
    /// Nothing for so many hours.
    Wait(u32),
    /// A receipt; with a burn of so many hundredths of it, or of as many points as may.
    Purchase { at_shop: bool, club: bool, member: usize, cents: u32, burn: Option<u32> },
    /// Points given, for so many days or as the programme says.
    Grant { member: usize, points: u32, days: u32 },
    /// Part of an earlier receipt, in hundredths.
    Refund { of: usize, part: u32 },
    /// Points reserved for so many hours.
    Hold { club: bool, member: usize, points: u32, hours: u32 },
    /// The end of an earlier hold, with or without a capture.
    Finish { of: usize, capture: Option<u32> },
    /// Points of one programme for points of the other.
    Exchange { member: usize, points: u32 },
    /// Two members become one.
    Merge { keep: usize, drop: usize },
    /// An earlier reference again, under a new key.
    Again { of: usize },
}

fn op(members: usize) -> impl Strategy<Value = Op> {
    let who = 0..members;
    let few = 1_u32..120;
    let purchase = (any::<bool>(), any::<bool>(), who.clone(), 50_u32..80_000, 0_u32..140);
    prop_oneof![
        2 => (1_u32..200).prop_map(Op::Wait),
        8 => purchase.prop_map(|(at_shop, club, member, cents, burn)| {
            let burn = (burn > 60).then(|| burn - 61);
            Op::Purchase { at_shop, club, member, cents, burn }
        }),
        3 => (who.clone(), few.clone(), 0_u32..15)
            .prop_map(|(member, points, days)| Op::Grant { member, points, days }),
        6 => (0_usize..64, 1_u32..70).prop_map(|(of, part)| Op::Refund { of, part }),
        4 => (any::<bool>(), who.clone(), few.clone(), 1_u32..300).prop_map(
            |(club, member, points, hours)| Op::Hold { club, member, points, hours }
        ),
        3 => (0_usize..64, proptest::option::of(few.clone()))
            .prop_map(|(of, capture)| Op::Finish { of, capture }),
        2 => (who.clone(), few).prop_map(|(member, points)| Op::Exchange { member, points }),
        1 => (who.clone(), who).prop_map(|(keep, drop)| Op::Merge { keep, drop }),
        1 => (0_usize..64).prop_map(|of| Op::Again { of }),
    ]
}

/// Up to thirty commands for so many members, who have some points to begin with.
pub fn ops(members: usize) -> impl Strategy<Value = Vec<Op>> {
    let gift = move |member| Op::Grant { member, points: 150, days: 0 };
    proptest::collection::vec(op(members), 5..31 - members)
        .prop_map(move |ops| (0..members).map(gift).chain(ops).collect())
}

/// Writes commands as requests, under names that begin with a prefix.
pub struct Writer<'a> {
    prefix: String,
    members: &'a [String],
    count: usize,
    receipts: Vec<(Request, u32)>,
    holds: Vec<String>,
}

impl<'a> Writer<'a> {
    /// A writer for some members.
    pub fn new(prefix: &str, members: &'a [String]) -> Self {
        let prefix = prefix.to_owned();
        Self { prefix, members, count: 0, receipts: Vec::new(), holds: Vec::new() }
    }

    /// The request of a command; none for a while.
    pub fn request(&mut self, op: &Op) -> Option<Request> {
        self.count += 1;
        let name = format!("{}{}", self.prefix, self.count);
        let key = format!("key/{name}");
        let (party, body) = self.body(op, &name)?;
        let request = Request { party, key, body };
        if let Op::Purchase { cents, .. } = op {
            self.receipts.push((request.clone(), *cents));
        } else if let Op::Hold { .. } = op {
            self.holds.push(name);
        }
        Some(request)
    }

    fn body(&self, op: &Op, name: &str) -> Option<(&'static str, Value)> {
        let member = |place: usize| self.members[place % self.members.len()].clone();
        let money = |cents: u32| format!("{}.{:02}", cents / 100, cents % 100);
        let programme = |club: bool| if club { "club" } else { "miles" };
        let never = || format!("never-{name}");
        Some(match *op {
            Op::Wait(_) => return None,
            Op::Purchase { at_shop, club, member: who, cents, burn } => {
                let mut body = json!({"kind": "purchase", "ref": name,
                    "programme": programme(club || !at_shop), "member": member(who),
                    "amount": money(cents)});
                match burn.filter(|_| at_shop) {
                    Some(0) => body["burn"] = "max".into(),
                    Some(share) => body["burn"] = (cents * share / 10_000).to_string().into(),
                    None => {}
                }
                (if at_shop { "shop" } else { "bank" }, body)
            }
            Op::Grant { member: who, points, days } => {
                let mut body = json!({"kind": "grant", "ref": name, "programme": "club",
                    "member": member(who), "points": points.to_string(),
                    "funding": [{"party": "brand", "share": "0.7"},
                        {"party": "bank", "share": "0.3"}], "price_per_point": "0.33"});
                if days > 0 {
                    body["valid_through"] = format!("2025-05-{:02}", days + 6).into();
                }
                ("brand", body)
            }
            Op::Refund { of, part } => {
                let Some((first, cents)) = self.receipts.get(of % self.receipts.len().max(1))
                else {
                    let body = json!({"kind": "refund", "ref": name, "of": never(),
                        "amount": "1.00"});
                    return Some(("shop", body));
                };
                let cents = (cents * part / 100).max(1);
                let body = json!({"kind": "refund", "ref": name, "of": first.body["ref"],
                    "amount": money(cents)});
                (first.party, body)
            }
            Op::Hold { club, member: who, points, hours } => (
                "shop",
                json!({"kind": "hold", "ref": name, "programme": programme(club),
                    "member": member(who), "points": points.to_string(),
                    "valid_for": {"hours": hours}}),
            ),
            Op::Finish { of, capture } => {
                let hold = self.holds.get(of % self.holds.len().max(1));
                let of = hold.cloned().unwrap_or_else(never);
                let body = match capture {
                    Some(points) => {
                        json!({"kind": "capture", "of": of, "points": points.to_string()})
                    }
                    None => json!({"kind": "void", "of": of}),
                };
                ("shop", body)
            }
            Op::Exchange { member: who, points } => (
                "shop",
                json!({"kind": "exchange", "ref": name, "from": "club", "to": "miles",
                    "member": member(who), "points": points.to_string()}),
            ),
            Op::Merge { keep, drop } => {
                ("brand", json!({"kind": "merge", "keep": member(keep), "drop": member(drop)}))
            }
            Op::Again { of } => {
                let (first, _) = self.receipts.get(of % self.receipts.len().max(1))?;
                (first.party, first.body.clone())
            }
        })
    }
}
