//! The tables of members, their cards, campaigns, and of what is told of them.

use super::lots;

diesel::table! {
    outbox (seq) {
        seq -> BigInt,
        at -> BigInt,
        event -> Text,
        party -> Nullable<Text>,
        programme -> Nullable<Text>,
        member -> Nullable<BigInt>,
        data -> Text,
    }
}

diesel::table! {
    outbox_head (head) {
        head -> BigInt,
        next_seq -> BigInt,
    }
}

diesel::table! {
    persons (member) {
        member -> BigInt,
        sealed_key -> Nullable<Binary>,
        sealed -> Nullable<Binary>,
        source -> Text,
        party -> Text,
        stage -> Text,
        city -> Nullable<Text>,
        created_at -> BigInt,
        changed_at -> BigInt,
        erased_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    consents (member, purpose, channel, at) {
        member -> BigInt,
        purpose -> Text,
        channel -> Text,
        at -> BigInt,
        given -> Bool,
        version -> Text,
        party -> Text,
    }
}

diesel::table! {
    cards (card) {
        card -> BigInt,
        member -> BigInt,
        programme -> Text,
        wallet -> Text,
        product -> Text,
        number -> Text,
        state -> Text,
        issued_at -> BigInt,
        changed_at -> BigInt,
        replaced_by -> Nullable<BigInt>,
        secret -> Binary,
        version -> BigInt,
    }
}

diesel::table! {
    campaigns (campaign) {
        campaign -> Text,
        programme -> Text,
        party -> Text,
        state -> Text,
        document -> Text,
        created_at -> BigInt,
        started_at -> Nullable<BigInt>,
        ended_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    promos (campaign, member) {
        campaign -> Text,
        member -> BigInt,
        programme -> Text,
        arm -> Text,
        lot -> Nullable<BigInt>,
        points -> BigInt,
        granted_at -> Nullable<BigInt>,
        expires_at -> Nullable<BigInt>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(campaigns, promos, lots);
