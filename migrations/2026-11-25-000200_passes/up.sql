-- All cards of a member, whatever their state.
CREATE INDEX cards_by_member ON cards (member);

-- Who did what to a card, the latest hundred steps of each.
CREATE TABLE card_steps (
    card BIGINT NOT NULL,
    place BIGINT NOT NULL,
    at BIGINT NOT NULL,
    step TEXT NOT NULL,
    party TEXT NOT NULL,
    why TEXT,
    PRIMARY KEY (card, place)
);

-- The last rotating code that a till was shown, by its 30 seconds, and how often a wrong one was
-- shown since an instant.
CREATE TABLE card_codes (
    card BIGINT NOT NULL PRIMARY KEY,
    step BIGINT NOT NULL,
    wrong BIGINT NOT NULL,
    wrong_since BIGINT NOT NULL
);

-- Intro screens that a member has seen, once for each campaign.
CREATE TABLE card_intros (
    member BIGINT NOT NULL,
    campaign TEXT NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (member, campaign)
);

-- Cards that lie on a phone. `shown` is a hash of what they show, `tag` their place among all
-- changes, `next_at` when the clock alone changes what they show.
CREATE TABLE passes (
    card BIGINT NOT NULL PRIMARY KEY,
    shown BYTEA NOT NULL,
    tag BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    next_at BIGINT NOT NULL
);
CREATE INDEX passes_by_tag ON passes (tag);
CREATE INDEX passes_by_next ON passes (next_at);

-- The next tag, whose lock puts those who change passes in order.
CREATE TABLE pass_head (
    head BIGINT NOT NULL PRIMARY KEY,
    next_tag BIGINT NOT NULL
);
INSERT INTO pass_head (head, next_tag) VALUES (0, 1);

-- How far each journal was looked through for members whose passes may have changed; `journal` is a
-- shard, or -1 for the outbox.
CREATE TABLE pass_cursors (
    journal BIGINT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL
);

-- Phones on which an Apple pass lies. `due`: it has to be told that its pass changed, not before
-- `due_at`.
CREATE TABLE pass_devices (
    device TEXT NOT NULL,
    card BIGINT NOT NULL,
    push_token TEXT NOT NULL,
    registered_at BIGINT NOT NULL,
    due BOOLEAN NOT NULL,
    due_at BIGINT NOT NULL,
    PRIMARY KEY (device, card)
);
CREATE INDEX pass_devices_by_card ON pass_devices (card);
CREATE INDEX pass_devices_due ON pass_devices (due_at) WHERE due;

-- Cards whose Google object was handed out. `notices`: when its holder was last told of a change, at
-- most three instants, as JSON.
CREATE TABLE pass_objects (
    card BIGINT NOT NULL PRIMARY KEY,
    notices TEXT NOT NULL,
    due BOOLEAN NOT NULL,
    due_at BIGINT NOT NULL
);
CREATE INDEX pass_objects_due ON pass_objects (due_at) WHERE due;
