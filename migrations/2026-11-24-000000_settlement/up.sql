-- The frontier of each shard's Merkle log: its size and the hashes of its complete subtrees.
ALTER TABLE shard_heads ADD COLUMN frontier BYTEA NOT NULL DEFAULT '';

-- Complete subtrees of the log: of 2^8 leaves on level 1, of 2^16 on level 2, and so on.
CREATE TABLE log_nodes (
    shard BIGINT NOT NULL,
    level BIGINT NOT NULL,
    place BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (shard, level, place)
);

-- Where a cycle of a schedule ends in a shard: `size` transactions belong to it or to earlier ones.
CREATE TABLE seals (
    shard BIGINT NOT NULL,
    schedule TEXT NOT NULL,
    cycle BIGINT NOT NULL,
    size BIGINT NOT NULL,
    frontier BYTEA NOT NULL,
    PRIMARY KEY (shard, schedule, cycle)
);

-- Who owes whom what for what, cycle by cycle; kept in the commit of the postings. `cycle` is its
-- first settlement day; `late_for` the first day of the cycle that it belongs to by its date.
ALTER TABLE positions RENAME TO positions_by_day;
CREATE TABLE positions (
    shard BIGINT NOT NULL,
    schedule TEXT NOT NULL,
    cycle BIGINT NOT NULL,
    late_for BIGINT NOT NULL,
    debtor TEXT NOT NULL,
    creditor TEXT NOT NULL,
    programme TEXT NOT NULL,
    agreement TEXT NOT NULL,
    promo TEXT NOT NULL,
    kind TEXT NOT NULL,
    currency TEXT NOT NULL,
    postings BIGINT NOT NULL,
    points BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (schedule, cycle, shard, late_for, debtor, creditor, programme, agreement, promo, kind, currency)
);
INSERT INTO positions (shard, schedule, cycle, late_for, debtor, creditor, programme, agreement, promo, kind, currency, postings, points, amount)
    SELECT shard, 'main', settlement_day, settlement_day, debtor, creditor, programme, '', '', kind, currency, postings, points, amount
    FROM positions_by_day;
DROP TABLE positions_by_day;

-- What capped parties are owed, net: within an open cycle, and in all that is not settled yet
-- (schedule '' and cycle 0). `held` is what open holds would make them owe.
DROP TABLE exposures;
CREATE TABLE exposures (
    party TEXT NOT NULL,
    schedule TEXT NOT NULL,
    cycle BIGINT NOT NULL,
    net BIGINT NOT NULL,
    held BIGINT NOT NULL,
    PRIMARY KEY (party, schedule, cycle)
);

-- Cycles that are no longer open, with their figures as they were fixed.
ALTER TABLE cycles RENAME TO cycles_by_day;
CREATE TABLE cycles (
    schedule TEXT NOT NULL,
    cycle BIGINT NOT NULL,
    state TEXT NOT NULL,
    figures TEXT,
    checkpoints TEXT,
    house_size BIGINT,
    PRIMARY KEY (schedule, cycle)
);
INSERT INTO cycles (schedule, cycle, state, figures)
    SELECT 'main', settlement_day, 'closed', statement FROM cycles_by_day;

-- Each transition of a cycle, with who and when.
CREATE TABLE cycle_events (
    schedule TEXT NOT NULL,
    cycle BIGINT NOT NULL,
    state TEXT NOT NULL,
    at BIGINT NOT NULL,
    author TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (schedule, cycle, state)
);
INSERT INTO cycle_events (schedule, cycle, state, at, author, note)
    SELECT 'main', settlement_day, 'closed', closed_at, '', '' FROM cycles_by_day;
DROP TABLE cycles_by_day;

-- What a hold's capture would make parties owe.
ALTER TABLE holds ADD COLUMN owes TEXT;
