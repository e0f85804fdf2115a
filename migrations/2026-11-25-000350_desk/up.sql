-- Who looked whom up at the help desk, when and by what. `what` is a keyed hash: it can be compared
-- with what somebody says was asked, and tells nothing.
CREATE TABLE desk_reads (
    read_id BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    person TEXT NOT NULL,
    role TEXT NOT NULL,
    via TEXT NOT NULL,
    kind TEXT NOT NULL,
    what BYTEA NOT NULL,
    member BIGINT
);
CREATE INDEX desk_reads_by_time ON desk_reads (at, read_id);
