//! The tables of cards and of the passes made of them.

diesel::table! {
    card_steps (card, place) {
        card -> BigInt,
        place -> BigInt,
        at -> BigInt,
        step -> Text,
        party -> Text,
        why -> Nullable<Text>,
    }
}

diesel::table! {
    card_codes (card) {
        card -> BigInt,
        step -> BigInt,
        wrong -> BigInt,
        wrong_since -> BigInt,
    }
}

diesel::table! {
    card_intros (member, campaign) {
        member -> BigInt,
        campaign -> Text,
        seen_at -> BigInt,
    }
}

diesel::table! {
    passes (card) {
        card -> BigInt,
        shown -> Binary,
        tag -> BigInt,
        changed_at -> BigInt,
        next_at -> BigInt,
    }
}

diesel::table! {
    pass_head (head) {
        head -> BigInt,
        next_tag -> BigInt,
    }
}

diesel::table! {
    pass_cursors (journal) {
        journal -> BigInt,
        seq -> BigInt,
    }
}

diesel::table! {
    pass_devices (device, card) {
        device -> Text,
        card -> BigInt,
        push_token -> Text,
        registered_at -> BigInt,
        due -> Bool,
        due_at -> BigInt,
    }
}

diesel::table! {
    pass_objects (card) {
        card -> BigInt,
        notices -> Text,
        due -> Bool,
        due_at -> BigInt,
    }
}
