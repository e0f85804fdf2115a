-- One row for each shard of the ledger: the lock that every batch takes, the place in the
-- gap-free sequence, the end of the hash chain.
CREATE TABLE shard_heads (
    shard BIGINT NOT NULL PRIMARY KEY,
    next_seq BIGINT NOT NULL,
    next_member BIGINT NOT NULL,
    merges BIGINT NOT NULL,
    last_recorded_at BIGINT NOT NULL,
    configuration BIGINT NOT NULL,
    hash BYTEA NOT NULL
);

-- Every change of the configuration, numbered and dated. Nothing is edited.
CREATE TABLE configurations (
    version BIGINT NOT NULL PRIMARY KEY,
    effective_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    author TEXT NOT NULL,
    change TEXT NOT NULL
);

-- What the server itself needs to know: its token keys.
CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE members (
    member BIGINT NOT NULL PRIMARY KEY,
    merged_into BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX members_merged ON members (member) WHERE merged_into IS NOT NULL;

-- How members are named. `name_hash` is over form, party (for external ids) and value.
CREATE TABLE member_names (
    name_hash BYTEA NOT NULL PRIMARY KEY,
    member BIGINT NOT NULL,
    party TEXT,
    name TEXT NOT NULL
);
CREATE INDEX member_names_by_member ON member_names (member);

-- Answers by idempotency key: the same request gets the same bytes.
CREATE TABLE requests (
    key_hash BYTEA NOT NULL PRIMARY KEY,
    fingerprint BYTEA NOT NULL,
    status BIGINT NOT NULL,
    answer TEXT NOT NULL,
    recorded_at BIGINT NOT NULL
);

-- The journal. `content` holds the postings; the hash chain runs over its bytes.
CREATE TABLE transactions (
    shard BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    member BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    settlement_day BIGINT NOT NULL,
    reference_hash BYTEA,
    content TEXT NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (shard, seq)
);
CREATE UNIQUE INDEX transactions_by_reference ON transactions (reference_hash);
CREATE INDEX transactions_by_member ON transactions (member, recorded_at, seq);

CREATE TABLE accounts (
    member BIGINT NOT NULL,
    programme TEXT NOT NULL,
    shard BIGINT NOT NULL,
    points BIGINT NOT NULL CHECK (points >= 0),
    held BIGINT NOT NULL CHECK (held >= 0),
    debt BIGINT NOT NULL CHECK (debt >= 0),
    metric TEXT NOT NULL,
    max_share TEXT,
    PRIMARY KEY (member, programme, shard)
);

CREATE TABLE lots (
    lot BIGINT NOT NULL,
    shard BIGINT NOT NULL,
    member BIGINT NOT NULL,
    programme TEXT NOT NULL,
    granted BIGINT NOT NULL,
    remaining BIGINT NOT NULL CHECK (remaining >= 0),
    held BIGINT NOT NULL CHECK (held >= 0),
    expired BIGINT NOT NULL CHECK (expired >= 0),
    available_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    price TEXT NOT NULL,
    live BOOLEAN NOT NULL,
    PRIMARY KEY (lot, shard)
);
CREATE INDEX lots_in_burning_order ON lots (member, programme, expires_at, available_at, lot) WHERE live;
CREATE INDEX lots_by_expiry ON lots (expires_at) WHERE live;

CREATE TABLE holds (
    hold BIGINT NOT NULL,
    shard BIGINT NOT NULL,
    party TEXT NOT NULL,
    member BIGINT NOT NULL,
    programme TEXT NOT NULL,
    valid_until BIGINT NOT NULL,
    allocations TEXT NOT NULL,
    open BOOLEAN NOT NULL,
    PRIMARY KEY (hold, shard)
);
CREATE INDEX holds_by_member ON holds (member) WHERE open;
CREATE INDEX holds_by_end ON holds (valid_until) WHERE open;

-- What is kept of receipts of which something came back.
CREATE TABLE receipts (
    origin BIGINT NOT NULL,
    shard BIGINT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (origin, shard)
);

-- Who owes whom what for what, day by day; kept in the commit of the postings.
CREATE TABLE positions (
    shard BIGINT NOT NULL,
    settlement_day BIGINT NOT NULL,
    debtor TEXT NOT NULL,
    creditor TEXT NOT NULL,
    programme TEXT NOT NULL,
    kind TEXT NOT NULL,
    currency TEXT NOT NULL,
    postings BIGINT NOT NULL,
    points BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (shard, settlement_day, debtor, creditor, programme, kind, currency)
);

-- The net of parties with a net debit cap, over all shards.
CREATE TABLE exposures (
    settlement_day BIGINT NOT NULL,
    party TEXT NOT NULL,
    net BIGINT NOT NULL,
    PRIMARY KEY (settlement_day, party)
);

CREATE TABLE cycles (
    settlement_day BIGINT NOT NULL PRIMARY KEY,
    closed_at BIGINT NOT NULL,
    statement TEXT NOT NULL
);
