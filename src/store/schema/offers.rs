//! The tables of promo codes, compensations and baskets.

diesel::table! {
    offer_numbers (name) {
        name -> Text,
        next_number -> BigInt,
    }
}

diesel::table! {
    promo_batches (batch) {
        batch -> BigInt,
        party -> Text,
        author -> Text,
        document -> Text,
        created_at -> BigInt,
        stopped_at -> Nullable<BigInt>,
        issued -> BigInt,
        used -> BigInt,
        next_use -> BigInt,
    }
}

diesel::table! {
    promo_codes (code) {
        code -> Text,
        batch -> BigInt,
        place -> BigInt,
        party -> Nullable<Text>,
        used -> BigInt,
    }
}

diesel::table! {
    promo_days (batch, day) {
        batch -> BigInt,
        day -> BigInt,
        used -> BigInt,
    }
}

diesel::table! {
    promo_uses (batch, number) {
        batch -> BigInt,
        number -> BigInt,
        code -> Text,
        member -> BigInt,
        party -> Text,
        programme -> Text,
        state -> Text,
        used_at -> BigInt,
        day -> BigInt,
        points -> BigInt,
        posted -> Nullable<BigInt>,
        request -> Binary,
    }
}

diesel::table! {
    compensations (compensation) {
        compensation -> BigInt,
        party -> Text,
        case_number -> Text,
        programme -> Text,
        member -> BigInt,
        points -> BigInt,
        state -> Text,
        passed -> Nullable<Text>,
        why -> Nullable<Text>,
        author -> Text,
        asked_at -> BigInt,
        attempt -> BigInt,
        decided_by -> Nullable<Text>,
        decided_at -> Nullable<BigInt>,
        decided_why -> Nullable<Text>,
        day -> Nullable<BigInt>,
        posted -> Nullable<BigInt>,
        reversed_by -> Nullable<Text>,
        reversed_at -> Nullable<BigInt>,
        reversed_why -> Nullable<Text>,
        reversal -> Nullable<BigInt>,
        taken_back -> Nullable<BigInt>,
    }
}

diesel::table! {
    compensation_sums (party, programme, scope, day) {
        party -> Text,
        programme -> Text,
        scope -> Text,
        day -> BigInt,
        points -> BigInt,
    }
}

diesel::table! {
    basket_rules (programme) {
        programme -> Text,
        document -> Text,
        author -> Text,
        changed_at -> BigInt,
    }
}

diesel::table! {
    baskets (party, basket) {
        party -> Text,
        basket -> Text,
        programme -> Text,
        member -> BigInt,
        amount -> BigInt,
        lines -> Text,
        state -> Text,
        stage -> BigInt,
        opened_at -> BigInt,
        touched_at -> BigInt,
        due_at -> BigInt,
        version -> BigInt,
        points -> Nullable<BigInt>,
        refused -> Nullable<Text>,
        posted -> Nullable<BigInt>,
        order_reference -> Nullable<Text>,
        gift -> Nullable<Text>,
    }
}
