-- What is still to be paid for a lot's points, remaining and held, when they are burned, and who
-- pays it, as JSON; none: all was paid when they were given out.
ALTER TABLE lots ADD COLUMN cost BIGINT NOT NULL DEFAULT 0 CHECK (cost >= 0);
ALTER TABLE lots ADD COLUMN funding TEXT;

-- Points that parties bought in advance. `pack` is the transaction that bought it.
CREATE TABLE packs (
    pack BIGINT NOT NULL PRIMARY KEY,
    party TEXT NOT NULL,
    programme TEXT NOT NULL,
    bought BIGINT NOT NULL,
    left_points BIGINT NOT NULL CHECK (left_points >= 0),
    price TEXT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);
CREATE INDEX packs_by_party ON packs (party, ends_at) WHERE left_points > 0;
