//! The tables, for both databases. `migrations/` is the source; a test compares the two.

#![expect(missing_docs, reason = "columns are described in migrations/")]

diesel::table! {
    shard_heads (shard) {
        shard -> BigInt,
        next_seq -> BigInt,
        next_member -> BigInt,
        merges -> BigInt,
        last_recorded_at -> BigInt,
        configuration -> BigInt,
        hash -> Binary,
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
    positions (shard, settlement_day, debtor, creditor, programme, kind, currency) {
        shard -> BigInt,
        settlement_day -> BigInt,
        debtor -> Text,
        creditor -> Text,
        programme -> Text,
        kind -> Text,
        currency -> Text,
        postings -> BigInt,
        points -> BigInt,
        amount -> BigInt,
    }
}

diesel::table! {
    exposures (settlement_day, party) {
        settlement_day -> BigInt,
        party -> Text,
        net -> BigInt,
    }
}

diesel::table! {
    cycles (settlement_day) {
        settlement_day -> BigInt,
        closed_at -> BigInt,
        statement -> Text,
    }
}
