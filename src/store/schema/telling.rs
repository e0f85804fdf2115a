//! The tables of webhooks, of their deliveries, of what was told and of the help desk.

diesel::table! {
    event_progress (name) {
        name -> Text,
        at -> BigInt,
        lot -> BigInt,
    }
}

diesel::table! {
    limit_notices (party, limit_name, cycle, event) {
        party -> Text,
        limit_name -> Text,
        cycle -> Text,
        event -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    webhooks (webhook) {
        webhook -> BigInt,
        party -> Text,
        url -> Text,
        description -> Text,
        types -> Text,
        state -> Text,
        reason -> Nullable<Text>,
        place -> Text,
        created_at -> BigInt,
        failing_since -> Nullable<BigInt>,
        resume_at -> BigInt,
        secret -> Binary,
        seed -> Binary,
        old_secret -> Nullable<Binary>,
        old_seed -> Nullable<Binary>,
        old_until -> Nullable<BigInt>,
    }
}

diesel::table! {
    webhook_replays (replay) {
        replay -> BigInt,
        webhook -> BigInt,
        place -> Text,
        target -> Text,
    }
}

diesel::table! {
    deliveries (webhook, event) {
        webhook -> BigInt,
        event -> Text,
        kind -> Text,
        body -> Text,
        state -> Text,
        made_at -> BigInt,
        attempts -> BigInt,
        due_at -> BigInt,
        leased_until -> BigInt,
        ended_at -> Nullable<BigInt>,
        status -> Nullable<BigInt>,
        error -> Nullable<Text>,
    }
}

diesel::table! {
    desk_reads (read_id) {
        read_id -> BigInt,
        at -> BigInt,
        person -> Text,
        role -> Text,
        via -> Text,
        kind -> Text,
        what -> Binary,
        member -> Nullable<BigInt>,
    }
}
