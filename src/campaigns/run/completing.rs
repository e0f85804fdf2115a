//! Writing what came of a chunk, in one commit.

use std::collections::{BTreeMap, HashMap};

use serde_json::json;

use super::Worker;
use super::granting::Outcome;
use crate::campaigns::{CampaignError, Loaded, notices};
use crate::domain::amount::Points;
use crate::domain::campaign::Arm;
use crate::domain::ids::MemberId;
use crate::domain::time::Instant;
use crate::store::Database;
use crate::store::campaigns::passes::{self, Chunk, ChunkPlace};
use crate::store::campaigns::takings::{self, Taking};
use crate::store::outbox::{self, Fact};
use crate::store::rows::write_json;

impl Worker<'_> {
    /// Writes what came of a chunk: who takes part, who is told, and what goes back to the budget.
    pub(super) fn complete(
        &self,
        database: &mut Database,
        (place, chunk): (ChunkPlace, &Chunk),
        outcomes: &[Outcome],
    ) -> Result<(), CampaignError> {
        let (loaded, id) = (self.loaded, self.loaded.row.campaign.as_str());
        if !passes::remove_chunk(database, id, place)? {
            return Ok(());
        }
        let now = self.engine.clock().now();
        let all = self.takings(chunk, outcomes, now);
        let new = takings::add(database, (id, loaded.programme.id.as_str()), &all)?;
        let added: Vec<Taking> = all.into_iter().filter(|one| new.contains(&one.member)).collect();
        let coalition = self.engine.timeline().at(now).clone();
        let told: Vec<Taking> = added.iter().filter(|one| one.arm == Arm::Test).copied().collect();
        notices::plan(database, (loaded, &coalition), &told, now)?;
        let facts: Vec<Fact> = added.iter().filter_map(|one| self.fact(one)).collect();
        self.count(database, (place, chunk), outcomes, &added)?;
        outbox::add(database, now, &facts)?;
        Ok(())
    }

    fn takings(&self, chunk: &Chunk, outcomes: &[Outcome], now: Instant) -> Vec<Taking> {
        let zone = &self.loaded.programme.zone;
        let granted = chunk.grants.iter().zip(outcomes).filter_map(|(&(member, points), one)| {
            let (lot, at) = one.as_ref().ok()?;
            let day = zone.day_of(*at);
            let expires_at = chunk.through.map_or_else(
                || self.loaded.programme.expiry_of(day, day),
                |through| zone.end_of(through),
            );
            let member = MemberId(member);
            let arm = self.loaded.arm(member);
            Some(Taking {
                member,
                arm,
                lot: Some(*lot),
                points,
                at: *at,
                expires_at: Some(expires_at),
            })
        });
        let without = chunk.without.iter().map(|&member| {
            let member = MemberId(member);
            let arm = self.loaded.arm(member);
            Taking { member, arm, lot: None, points: 0, at: now, expires_at: None }
        });
        let mut all: Vec<Taking> = granted.chain(without).collect();
        // All writers take members in the same order.
        all.sort_unstable_by_key(|one| one.member);
        all
    }

    fn fact(&self, one: &Taking) -> Option<Fact> {
        let lot = one.lot?;
        let scale = self.loaded.programme.scales.points;
        Some(Fact {
            event: "promo.granted",
            party: None,
            programme: Some(self.loaded.programme.id.clone()),
            member: Some(one.member),
            data: json!({
                "campaign": self.loaded.row.campaign,
                "arm": one.arm.name(),
                "points": Points(one.points).text(scale),
                "expires_at": one.expires_at,
                "transaction": lot.transaction(),
            }),
        })
    }

    /// Adds to the pass what was granted, and gives back the budget of the rest.
    fn count(
        &self,
        database: &mut Database,
        ((number, _), chunk): (ChunkPlace, &Chunk),
        outcomes: &[Outcome],
        added: &[Taking],
    ) -> Result<(), CampaignError> {
        let Loaded { campaign, programme, agreed, .. } = self.loaded;
        let id = self.loaded.row.campaign.as_str();
        crate::store::campaigns::lock(database, id)?;
        let mut pass = passes::load(database, id, number)?;
        let added: HashMap<i64, &Taking> = added.iter().map(|one| (one.member.0, one)).collect();
        let mut used = passes::used(database, id, campaign.budget.0.keys(), chunk.day)?;
        let mut refusals: BTreeMap<String, i64> = pass.refusals()?;
        for (&(member, points), outcome) in chunk.grants.iter().zip(outcomes) {
            if added.contains_key(&member) {
                pass.granted += 1;
                pass.points += points;
                continue;
            }
            let cost = campaign.cost_of(Points(points), agreed.as_ref(), programme);
            campaign.budget.give_back(&mut used, &cost);
            if let Err(code) = outcome {
                pass.refused += 1;
                *refusals.entry(code.clone()).or_default() += 1;
            }
        }
        pass.refusals = write_json(&refusals);
        pass.touched_at = self.engine.clock().now().0;
        passes::save(database, &pass)?;
        passes::save_used(database, id, &used, chunk.day)?;
        Ok(())
    }
}
