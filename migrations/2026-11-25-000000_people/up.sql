-- Facts that no transaction tells, in the order of their sequence, for those who are told of events.
-- `party`: whom alone it is told; missing: whoever may know of the programme and the member.
CREATE TABLE outbox (
    seq BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    event TEXT NOT NULL,
    party TEXT,
    programme TEXT,
    member BIGINT,
    data TEXT NOT NULL
);

-- The next place in the outbox, whose lock puts its writers in order.
CREATE TABLE outbox_head (
    head BIGINT NOT NULL PRIMARY KEY,
    next_seq BIGINT NOT NULL
);
INSERT INTO outbox_head (head, next_seq) VALUES (0, 1);

-- Profiles. `sealed` is what is known of the person, under a key of its own, which stands in
-- `sealed_key` under the vault's; both are gone once the person is erased. `stage`: `unconfirmed`
-- until the person has shown that the phone is theirs, `member`, `erased`.
CREATE TABLE persons (
    member BIGINT NOT NULL PRIMARY KEY,
    sealed_key BYTEA,
    sealed BYTEA,
    source TEXT NOT NULL,
    party TEXT NOT NULL,
    stage TEXT NOT NULL,
    city TEXT,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    erased_at BIGINT
);

-- What people agreed to and what they took back: the latest row of a purpose and channel counts.
CREATE TABLE consents (
    member BIGINT NOT NULL,
    purpose TEXT NOT NULL,
    channel TEXT NOT NULL,
    at BIGINT NOT NULL,
    given BOOLEAN NOT NULL,
    version TEXT NOT NULL,
    party TEXT NOT NULL,
    PRIMARY KEY (member, purpose, channel, at)
);

-- Cards. `state`: `active`, `frozen`, `replaced`, `closed`. `version` grows with whatever a holder
-- of the card sees of it.
CREATE TABLE cards (
    card BIGINT NOT NULL PRIMARY KEY,
    member BIGINT NOT NULL,
    programme TEXT NOT NULL,
    wallet TEXT NOT NULL,
    product TEXT NOT NULL,
    number TEXT NOT NULL,
    state TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    replaced_by BIGINT,
    secret BYTEA NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX cards_by_number ON cards (number);
CREATE UNIQUE INDEX cards_in_use ON cards (member, programme, wallet) WHERE state IN ('active', 'frozen');

-- Campaigns. `state`: `draft`, `running`, `stopped`, `ended`.
CREATE TABLE campaigns (
    campaign TEXT NOT NULL PRIMARY KEY,
    programme TEXT NOT NULL,
    party TEXT NOT NULL,
    state TEXT NOT NULL,
    document TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT
);

-- Who takes part in a campaign, in which group, and what was granted. `lot` is missing where the
-- group gets nothing, or nothing yet.
CREATE TABLE promos (
    campaign TEXT NOT NULL,
    member BIGINT NOT NULL,
    programme TEXT NOT NULL,
    arm TEXT NOT NULL,
    lot BIGINT,
    points BIGINT NOT NULL,
    granted_at BIGINT,
    expires_at BIGINT,
    PRIMARY KEY (campaign, member)
);
CREATE INDEX promos_by_member ON promos (member, programme);
