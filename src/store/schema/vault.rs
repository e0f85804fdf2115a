//! The tables of names, codes and proposals that people's profiles need.

diesel::table! {
    personal_names (name_hash) {
        name_hash -> Binary,
        person -> BigInt,
        sealed -> Binary,
        party -> Text,
        given_at -> BigInt,
        verified_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    moved_names (gone, name_hash) {
        gone -> BigInt,
        name_hash -> Binary,
    }
}

diesel::table! {
    merge_proposals (proposal) {
        proposal -> BigInt,
        keep -> BigInt,
        gone -> BigInt,
        reason -> Text,
        party -> Text,
        state -> Text,
        created_at -> BigInt,
        decided_at -> Nullable<BigInt>,
        decided_by -> Nullable<Text>,
        merged_by -> Nullable<BigInt>,
    }
}

diesel::table! {
    codes (code) {
        code -> Text,
        phone -> Binary,
        party -> Text,
        purpose -> Text,
        salt -> Binary,
        mac -> Binary,
        tries -> BigInt,
        created_at -> BigInt,
        expires_at -> BigInt,
        confirmed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    code_counts (subject) {
        subject -> Binary,
        counted_at -> BigInt,
    }
}

diesel::table! {
    member_imports (source, file_hash) {
        source -> Text,
        file_hash -> Binary,
        lines -> BigInt,
        report -> Text,
        finished_at -> Nullable<BigInt>,
    }
}
