//! The tables of runs, notices and reminders of campaigns, and of what the journal says of members.

use super::{members, persons, promos};

diesel::table! {
    campaign_passes (campaign, pass) {
        campaign -> Text,
        pass -> BigInt,
        state -> Text,
        member -> BigInt,
        next_chunk -> BigInt,
        matched -> BigInt,
        granted -> BigInt,
        points -> BigInt,
        refused -> BigInt,
        refusals -> Text,
        started_at -> BigInt,
        touched_at -> BigInt,
        finished_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    campaign_chunks (campaign, pass, chunk) {
        campaign -> Text,
        pass -> BigInt,
        chunk -> BigInt,
        claimed_at -> BigInt,
        content -> Text,
    }
}

diesel::table! {
    campaign_budgets (campaign, scope, day) {
        campaign -> Text,
        scope -> Text,
        day -> BigInt,
        used -> BigInt,
    }
}

diesel::table! {
    notices (campaign, step, member) {
        campaign -> Text,
        step -> BigInt,
        member -> BigInt,
        programme -> Text,
        channel -> Text,
        party -> Text,
        kind -> Text,
        state -> Text,
        reason -> Nullable<Text>,
        next_at -> Nullable<BigInt>,
        way -> BigInt,
        text -> Nullable<Text>,
        planned_at -> BigInt,
        due_at -> BigInt,
        told_at -> Nullable<BigInt>,
        sent_at -> Nullable<BigInt>,
        delivered_at -> Nullable<BigInt>,
        opened_at -> Nullable<BigInt>,
        clicked_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    notice_counts (member, programme, channel, kind, month) {
        member -> BigInt,
        programme -> Text,
        channel -> Text,
        kind -> Text,
        month -> BigInt,
        used -> BigInt,
    }
}

diesel::table! {
    notice_channels (programme, channel) {
        programme -> Text,
        channel -> Text,
        document -> Text,
        changed_at -> BigInt,
        author -> Text,
    }
}

diesel::table! {
    campaign_responses (campaign, member, response) {
        campaign -> Text,
        member -> BigInt,
        response -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    reminder_cursors (programme, days) {
        programme -> Text,
        days -> BigInt,
        expires_at -> BigInt,
        member -> BigInt,
    }
}

diesel::table! {
    member_stats (member, programme) {
        member -> BigInt,
        programme -> Text,
        receipts -> BigInt,
        spend -> BigInt,
        last_day -> BigInt,
        last_at -> BigInt,
        last_amount -> BigInt,
    }
}

diesel::table! {
    member_days (member, programme, day) {
        member -> BigInt,
        programme -> Text,
        day -> BigInt,
        receipts -> BigInt,
        spend -> BigInt,
    }
}

diesel::table! {
    member_products (member, programme, kind, value) {
        member -> BigInt,
        programme -> Text,
        kind -> Text,
        value -> Text,
        last_day -> BigInt,
    }
}

diesel::table! {
    promo_flows (promo, programme) {
        promo -> Text,
        programme -> Text,
        lots -> BigInt,
        granted -> BigInt,
        spent -> BigInt,
        returned -> BigInt,
        expired -> BigInt,
        taken_back -> BigInt,
    }
}

diesel::table! {
    stat_cursors (shard) {
        shard -> BigInt,
        seq -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(promos, campaign_responses, persons, members);

diesel::allow_columns_to_appear_in_same_group_by_clause!(promos::arm, campaign_responses::response);
