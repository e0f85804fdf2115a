ALTER TABLE holds DROP COLUMN owes;
DROP TABLE cycle_events;
DROP TABLE cycles;
CREATE TABLE cycles (
    settlement_day BIGINT NOT NULL PRIMARY KEY,
    closed_at BIGINT NOT NULL,
    statement TEXT NOT NULL
);
DROP TABLE exposures;
CREATE TABLE exposures (
    settlement_day BIGINT NOT NULL,
    party TEXT NOT NULL,
    net BIGINT NOT NULL,
    PRIMARY KEY (settlement_day, party)
);
DROP TABLE positions;
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
DROP TABLE seals;
DROP TABLE log_nodes;
ALTER TABLE shard_heads DROP COLUMN frontier;
