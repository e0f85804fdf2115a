-- Where jobs stand that tell of events: `openings` tells of points that came free, up to this
-- instant and lot.
CREATE TABLE event_progress (
    name TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    lot BIGINT NOT NULL
);
CREATE INDEX lots_by_opening ON lots (available_at, lot) WHERE live;

-- Which limits were told of: once for each cycle, or once for a pack.
CREATE TABLE limit_notices (
    party TEXT NOT NULL,
    limit_name TEXT NOT NULL,
    cycle TEXT NOT NULL,
    event TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (party, limit_name, cycle, event)
);

-- Endpoints. `place`: what was made deliveries of. `state`: `enabled`, `disabled`. The old secret
-- signs beside the new one until `old_until`. No call is made before `resume_at`.
CREATE TABLE webhooks (
    webhook BIGINT NOT NULL PRIMARY KEY,
    party TEXT NOT NULL,
    url TEXT NOT NULL,
    description TEXT NOT NULL,
    types TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    place TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    failing_since BIGINT,
    resume_at BIGINT NOT NULL,
    secret BYTEA NOT NULL,
    seed BYTEA NOT NULL,
    old_secret BYTEA,
    old_seed BYTEA,
    old_until BIGINT
);
CREATE INDEX webhooks_by_party ON webhooks (party);

-- Spans of events that are sent to an endpoint once more: from `place` up to `target`.
CREATE TABLE webhook_replays (
    replay BIGINT NOT NULL PRIMARY KEY,
    webhook BIGINT NOT NULL,
    place TEXT NOT NULL,
    target TEXT NOT NULL
);

-- What is sent to an endpoint. `state`: `pending`, `delivered`, `dead`. Nobody else sends it
-- before `leased_until`.
CREATE TABLE deliveries (
    webhook BIGINT NOT NULL,
    event TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    leased_until BIGINT NOT NULL,
    ended_at BIGINT,
    status BIGINT,
    error TEXT,
    PRIMARY KEY (webhook, event)
);
CREATE INDEX deliveries_due ON deliveries (webhook, due_at) WHERE state = 'pending';
CREATE INDEX deliveries_by_time ON deliveries (webhook, state, made_at, event);
CREATE INDEX deliveries_ended ON deliveries (ended_at) WHERE ended_at IS NOT NULL;
