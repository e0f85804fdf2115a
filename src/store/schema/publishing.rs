//! The tables of published statements.

diesel::table! {
    statements (schedule, cycle, party) {
        schedule -> Text,
        cycle -> BigInt,
        party -> Text,
        head -> Text,
        tail -> Text,
        lines -> BigInt,
        sha256 -> Text,
        state -> Text,
        answered_at -> Nullable<BigInt>,
        answered_by -> Nullable<Text>,
        vouched -> Nullable<Text>,
    }
}

diesel::table! {
    circulation (schedule, cycle, programme) {
        schedule -> Text,
        cycle -> BigInt,
        programme -> Text,
        points -> BigInt,
    }
}

diesel::table! {
    cycle_sums (schedule, cycle, kind, programme, name) {
        schedule -> Text,
        cycle -> BigInt,
        kind -> Text,
        programme -> Text,
        name -> BigInt,
        points -> BigInt,
    }
}
