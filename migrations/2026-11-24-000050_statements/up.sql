-- Statements that were published: what stands around their lines, and the hash of the whole file.
CREATE TABLE statements (
    schedule TEXT NOT NULL,
    cycle BIGINT NOT NULL,
    party TEXT NOT NULL,
    head TEXT NOT NULL,
    tail TEXT NOT NULL,
    lines BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    state TEXT NOT NULL,
    answered_at BIGINT,
    answered_by TEXT,
    PRIMARY KEY (schedule, cycle, party)
);
CREATE INDEX statements_by_party ON statements (party, schedule, cycle);

-- Points in circulation at the end of a published cycle, by programme.
CREATE TABLE circulation (
    schedule TEXT NOT NULL,
    cycle BIGINT NOT NULL,
    programme TEXT NOT NULL,
    points BIGINT NOT NULL,
    PRIMARY KEY (schedule, cycle, programme)
);
