-- The personal names of members: phones and e-mail addresses. Beside `member_names`, whose `name`
-- then says only the form. `sealed` is the name under the key of `person`, the member to whom it was
-- given; a merge changes `member_names` alone. `verified_at`: when a party that may, or a code, showed
-- that it is theirs.
CREATE TABLE personal_names (
    name_hash BYTEA NOT NULL PRIMARY KEY,
    person BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    party TEXT NOT NULL,
    given_at BIGINT NOT NULL,
    verified_at BIGINT
);
CREATE INDEX personal_names_by_person ON personal_names (person);

-- Few members are unconfirmed; a burn asks for them.
CREATE INDEX persons_unconfirmed ON persons (member) WHERE stage = 'unconfirmed';

-- Nobody is known by the id of a member that was erased.
ALTER TABLE members ADD COLUMN erased_at BIGINT;

-- The names that a merge took from the profile that went.
CREATE TABLE moved_names (
    gone BIGINT NOT NULL,
    name_hash BYTEA NOT NULL,
    PRIMARY KEY (gone, name_hash)
);

-- Two profiles that may be one person. `state`: `open`, `accepted`, `rejected`, `undone`, `void`.
CREATE TABLE merge_proposals (
    proposal BIGINT NOT NULL PRIMARY KEY,
    keep BIGINT NOT NULL,
    gone BIGINT NOT NULL,
    reason TEXT NOT NULL,
    party TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    decided_at BIGINT,
    decided_by TEXT,
    merged_by BIGINT
);
CREATE UNIQUE INDEX merge_proposals_open ON merge_proposals (keep, gone) WHERE state = 'open';
CREATE INDEX merge_proposals_by_keep ON merge_proposals (keep);
CREATE INDEX merge_proposals_by_gone ON merge_proposals (gone);
CREATE INDEX merge_proposals_by_state ON merge_proposals (state, created_at, proposal);

-- One-time codes. `mac` is over the code under a salt of its own; the phone is there as the hash of
-- its name only.
CREATE TABLE codes (
    code TEXT NOT NULL PRIMARY KEY,
    phone BYTEA NOT NULL,
    party TEXT NOT NULL,
    purpose TEXT NOT NULL,
    salt BYTEA NOT NULL,
    mac BYTEA NOT NULL,
    tries BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    confirmed_at BIGINT
);
CREATE INDEX codes_by_phone ON codes (phone, created_at);
CREATE INDEX codes_by_party ON codes (party, created_at);
CREATE INDEX codes_by_age ON codes (created_at);

-- What is locked while codes of a phone or a party are counted.
CREATE TABLE code_counts (
    subject BYTEA NOT NULL PRIMARY KEY,
    counted_at BIGINT NOT NULL
);

-- How far files of members were read. `report`: what came of it so far, as JSON.
CREATE TABLE member_imports (
    source TEXT NOT NULL,
    file_hash BYTEA NOT NULL,
    lines BIGINT NOT NULL,
    report TEXT NOT NULL,
    finished_at BIGINT,
    PRIMARY KEY (source, file_hash)
);
