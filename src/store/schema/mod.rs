//! The tables, for both databases. `migrations/` is the source; a test compares the two.

#![expect(missing_docs, reason = "columns are described in migrations/")]

mod campaigning;
mod holders;
mod offers;
mod people;
mod publishing;
mod telling;
mod vault;

pub use self::campaigning::{
    campaign_budgets, campaign_chunks, campaign_passes, campaign_responses, member_days,
    member_products, member_stats, notice_channels, notice_counts, notices, promo_flows,
    reminder_cursors, stat_cursors,
};
pub use self::holders::{
    card_codes, card_intros, card_steps, pass_cursors, pass_devices, pass_head, pass_objects,
    passes,
};
pub use self::offers::{
    basket_rules, baskets, compensation_sums, compensations, offer_numbers, promo_batches,
    promo_codes, promo_days, promo_uses,
};
pub use self::people::{campaigns, cards, consents, outbox, outbox_head, persons, promos};
pub use self::publishing::{circulation, cycle_sums, statements};
pub use self::telling::{
    deliveries, desk_reads, event_progress, limit_notices, webhook_replays, webhooks,
};
pub use self::vault::{
    code_counts, codes, member_imports, merge_proposals, moved_names, personal_names,
};

diesel::table! {
    shard_heads (shard) {
        shard -> BigInt,
        next_seq -> BigInt,
        next_member -> BigInt,
        merges -> BigInt,
        last_recorded_at -> BigInt,
        configuration -> BigInt,
        hash -> Binary,
        frontier -> Binary,
    }
}

diesel::table! {
    log_nodes (shard, level, place) {
        shard -> BigInt,
        level -> BigInt,
        place -> BigInt,
        hash -> Binary,
    }
}

diesel::table! {
    seals (shard, schedule, cycle) {
        shard -> BigInt,
        schedule -> Text,
        cycle -> BigInt,
        size -> BigInt,
        frontier -> Binary,
    }
}

diesel::table! {
    configurations (version) {
        version -> BigInt,
        effective_at -> BigInt,
        recorded_at -> BigInt,
        author -> Text,
        change -> Text,
    }
}

diesel::table! {
    settings (name) {
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    members (member) {
        member -> BigInt,
        merged_into -> Nullable<BigInt>,
        created_at -> BigInt,
        erased_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    member_names (name_hash) {
        name_hash -> Binary,
        member -> BigInt,
        party -> Nullable<Text>,
        name -> Text,
    }
}

diesel::table! {
    requests (key_hash) {
        key_hash -> Binary,
        fingerprint -> Binary,
        status -> BigInt,
        answer -> Text,
        recorded_at -> BigInt,
    }
}

diesel::table! {
    transactions (shard, seq) {
        shard -> BigInt,
        seq -> BigInt,
        member -> BigInt,
        recorded_at -> BigInt,
        settlement_day -> BigInt,
        reference_hash -> Nullable<Binary>,
        content -> Text,
        hash -> Binary,
    }
}

diesel::table! {
    accounts (member, programme, shard) {
        member -> BigInt,
        programme -> Text,
        shard -> BigInt,
        points -> BigInt,
        held -> BigInt,
        debt -> BigInt,
        metric -> Text,
        max_share -> Nullable<Text>,
    }
}

diesel::table! {
    lots (lot, shard) {
        lot -> BigInt,
        shard -> BigInt,
        member -> BigInt,
        programme -> Text,
        granted -> BigInt,
        remaining -> BigInt,
        held -> BigInt,
        expired -> BigInt,
        available_at -> BigInt,
        expires_at -> BigInt,
        price -> Text,
        live -> Bool,
        cost -> BigInt,
        funding -> Nullable<Text>,
    }
}

diesel::table! {
    packs (pack) {
        pack -> BigInt,
        party -> Text,
        programme -> Text,
        bought -> BigInt,
        left_points -> BigInt,
        price -> Text,
        starts_at -> BigInt,
        ends_at -> BigInt,
    }
}

diesel::table! {
    holds (hold, shard) {
        hold -> BigInt,
        shard -> BigInt,
        party -> Text,
        member -> BigInt,
        programme -> Text,
        valid_until -> BigInt,
        allocations -> Text,
        open -> Bool,
        owes -> Nullable<Text>,
    }
}

diesel::table! {
    receipts (origin, shard) {
        origin -> BigInt,
        shard -> BigInt,
        state -> Text,
    }
}

diesel::table! {
    positions (schedule, cycle, shard, late_for, debtor, creditor, programme, agreement, promo, kind, currency) {
        shard -> BigInt,
        schedule -> Text,
        cycle -> BigInt,
        late_for -> BigInt,
        debtor -> Text,
        creditor -> Text,
        programme -> Text,
        agreement -> Text,
        promo -> Text,
        kind -> Text,
        currency -> Text,
        postings -> BigInt,
        points -> BigInt,
        amount -> BigInt,
    }
}

diesel::table! {
    exposures (party, schedule, cycle) {
        party -> Text,
        schedule -> Text,
        cycle -> BigInt,
        net -> BigInt,
        held -> BigInt,
    }
}

diesel::table! {
    cycles (schedule, cycle) {
        schedule -> Text,
        cycle -> BigInt,
        state -> Text,
        figures -> Nullable<Text>,
        checkpoints -> Nullable<Text>,
        house_size -> Nullable<BigInt>,
    }
}

diesel::table! {
    cycle_events (schedule, cycle, state) {
        schedule -> Text,
        cycle -> BigInt,
        state -> Text,
        at -> BigInt,
        author -> Text,
        note -> Text,
    }
}

diesel::table! {
    legs (reference) {
        reference -> Text,
        schedule -> Text,
        cycle -> BigInt,
        party -> Text,
        counterparty -> Text,
        direction -> Text,
        amount -> BigInt,
        paid -> BigInt,
        due -> BigInt,
        returned -> Bool,
    }
}

diesel::table! {
    bank_entries (entry) {
        entry -> Text,
        statement -> Text,
        booked_on -> Nullable<BigInt>,
        amount -> BigInt,
        currency -> Text,
        end_to_end_id -> Nullable<Text>,
        name -> Nullable<Text>,
        account -> Nullable<Text>,
        texts -> Text,
        outcome -> Text,
        leg -> Nullable<Text>,
        matched_by -> Nullable<Text>,
        transaction_id -> Nullable<BigInt>,
        imported_at -> BigInt,
        imported_by -> Text,
    }
}

diesel::table! {
    open_items (item) {
        item -> BigInt,
        kind -> Text,
        state -> Text,
        entry -> Text,
        leg -> Nullable<Text>,
        amount -> BigInt,
        currency -> Text,
        suspense -> BigInt,
        booked_on -> Nullable<BigInt>,
        opened_at -> BigInt,
        description -> Text,
        reference -> Nullable<Text>,
        confirmed_by -> Nullable<Text>,
    }
}

diesel::table! {
    open_item_steps (item, step) {
        item -> BigInt,
        step -> BigInt,
        proposal -> Bool,
        ending -> Text,
        leg -> Nullable<Text>,
        amount -> BigInt,
        author -> Text,
        at -> BigInt,
        why -> Text,
    }
}

diesel::table! {
    book_profiles (party, version) {
        party -> Text,
        version -> BigInt,
        recorded_at -> BigInt,
        author -> Text,
        profile -> Text,
    }
}

diesel::table! {
    reconciliations (run) {
        run -> BigInt,
        party -> Text,
        state -> Text,
        author -> Text,
        created_at -> BigInt,
        request -> Text,
        sha256 -> Nullable<Text>,
        file_hash -> Nullable<Text>,
        file_size -> Nullable<BigInt>,
        may_repeat -> Bool,
        attempt -> BigInt,
        finished_at -> Nullable<BigInt>,
        verdict -> Nullable<Text>,
        outcome -> Nullable<Text>,
    }
}

diesel::table! {
    reconciliation_parts (run, part) {
        run -> BigInt,
        part -> BigInt,
        part_size -> BigInt,
        sha256 -> Text,
        bytes -> Binary,
    }
}

diesel::table! {
    breaks (run, number) {
        run -> BigInt,
        number -> BigInt,
        class -> Text,
        state -> Text,
        content -> Text,
        handling -> Text,
        unposted -> Bool,
        posted -> Nullable<BigInt>,
    }
}

diesel::table! {
    break_events (run, number, place) {
        run -> BigInt,
        number -> BigInt,
        place -> BigInt,
        at -> BigInt,
        author -> Text,
        action -> Text,
        why -> Text,
        request -> Binary,
    }
}

diesel::table! {
    disputes (dispute) {
        dispute -> BigInt,
        party -> Text,
        state -> Text,
        due -> BigInt,
        running -> Bool,
        unposted -> Bool,
        content -> Text,
    }
}

diesel::table! {
    dispute_events (dispute, place) {
        dispute -> BigInt,
        place -> BigInt,
        at -> BigInt,
        side -> Text,
        author -> Text,
        action -> Text,
        content -> Text,
        request -> Binary,
    }
}

diesel::allow_tables_to_appear_in_same_query!(breaks, reconciliations);
