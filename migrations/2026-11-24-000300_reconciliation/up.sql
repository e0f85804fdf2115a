-- How a party writes its lists, every version of it.
CREATE TABLE book_profiles (
    party TEXT NOT NULL,
    version BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    author TEXT NOT NULL,
    profile TEXT NOT NULL,
    PRIMARY KEY (party, version)
);

-- Reconciliations. `file_hash` tells a list that was seen before; missing where the run says that
-- the list may repeat. `attempt` counts how often the run was begun: only the last
-- one may store what it found.
CREATE TABLE reconciliations (
    run BIGINT NOT NULL PRIMARY KEY,
    party TEXT NOT NULL,
    state TEXT NOT NULL,
    author TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    request TEXT NOT NULL,
    sha256 TEXT,
    file_hash TEXT,
    file_size BIGINT,
    may_repeat BOOLEAN NOT NULL,
    attempt BIGINT NOT NULL,
    finished_at BIGINT,
    verdict TEXT,
    outcome TEXT
);
CREATE INDEX reconciliations_by_party ON reconciliations (party, run);
CREATE UNIQUE INDEX reconciliations_by_file ON reconciliations (party, file_hash);

-- The parts of a list until it has been run.
CREATE TABLE reconciliation_parts (
    run BIGINT NOT NULL,
    part BIGINT NOT NULL,
    part_size BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (run, part)
);

-- Breaks, and lines that may yet come. `unposted`: an entry is due that is not posted yet.
CREATE TABLE breaks (
    run BIGINT NOT NULL,
    number BIGINT NOT NULL,
    class TEXT NOT NULL,
    state TEXT NOT NULL,
    content TEXT NOT NULL,
    handling TEXT NOT NULL,
    unposted BOOLEAN NOT NULL,
    posted BIGINT,
    PRIMARY KEY (run, number)
);
CREATE INDEX breaks_by_class ON breaks (run, class, number);
CREATE INDEX breaks_by_state ON breaks (run, state, number);
CREATE INDEX breaks_unposted ON breaks (run, number) WHERE unposted;

-- What was done with a break: who, when and why. `request` is the hash of the request's key.
CREATE TABLE break_events (
    run BIGINT NOT NULL,
    number BIGINT NOT NULL,
    place BIGINT NOT NULL,
    at BIGINT NOT NULL,
    author TEXT NOT NULL,
    action TEXT NOT NULL,
    why TEXT NOT NULL,
    request BYTEA NOT NULL,
    PRIMARY KEY (run, number, place)
);
CREATE UNIQUE INDEX break_events_by_request ON break_events (request);

-- Disputes. `unposted`: an entry is due that is not posted yet. `running`: it has not ended.
CREATE TABLE disputes (
    dispute BIGINT NOT NULL PRIMARY KEY,
    party TEXT NOT NULL,
    state TEXT NOT NULL,
    due BIGINT NOT NULL,
    running BOOLEAN NOT NULL,
    unposted BOOLEAN NOT NULL,
    content TEXT NOT NULL
);
CREATE INDEX disputes_by_party ON disputes (party, dispute);
CREATE INDEX disputes_by_due ON disputes (due) WHERE running;
CREATE INDEX disputes_unposted ON disputes (dispute) WHERE unposted;

-- What was done in a dispute. `request` is the hash of the request's key.
CREATE TABLE dispute_events (
    dispute BIGINT NOT NULL,
    place BIGINT NOT NULL,
    at BIGINT NOT NULL,
    side TEXT NOT NULL,
    author TEXT NOT NULL,
    action TEXT NOT NULL,
    content TEXT NOT NULL,
    request BYTEA NOT NULL,
    PRIMARY KEY (dispute, place)
);
CREATE UNIQUE INDEX dispute_events_by_request ON dispute_events (request);
