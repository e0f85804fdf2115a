-- The next numbers of promo batches and compensations; the lock of a row puts those who make one in
-- order.
CREATE TABLE offer_numbers (
    name TEXT NOT NULL PRIMARY KEY,
    next_number BIGINT NOT NULL
);
INSERT INTO offer_numbers (name, next_number) VALUES ('promo', 1);
INSERT INTO offer_numbers (name, next_number) VALUES ('compensation', 1);

-- Promo codes, in batches: one code, a pool, or one for each party. `next_use` numbers the uses, and
-- its row's lock puts them in order; `used` is how many of them stand.
CREATE TABLE promo_batches (
    batch BIGINT NOT NULL PRIMARY KEY,
    party TEXT NOT NULL,
    author TEXT NOT NULL,
    document TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    stopped_at BIGINT,
    issued BIGINT NOT NULL,
    used BIGINT NOT NULL CHECK (used >= 0),
    next_use BIGINT NOT NULL
);
CREATE INDEX promo_batches_by_party ON promo_batches (party, batch);

-- `party`: who alone can redeem it.
CREATE TABLE promo_codes (
    code TEXT NOT NULL PRIMARY KEY,
    batch BIGINT NOT NULL,
    place BIGINT NOT NULL,
    party TEXT,
    used BIGINT NOT NULL CHECK (used >= 0)
);
CREATE INDEX promo_codes_by_batch ON promo_codes (batch, place);

-- Uses of a batch by local day.
CREATE TABLE promo_days (
    batch BIGINT NOT NULL,
    day BIGINT NOT NULL,
    used BIGINT NOT NULL CHECK (used >= 0),
    PRIMARY KEY (batch, day)
);

-- Each use of a code. `state`: `taken` until the grant is posted, then `granted`; a use whose grant
-- was refused goes. `request` is the hash of the request's key.
CREATE TABLE promo_uses (
    batch BIGINT NOT NULL,
    number BIGINT NOT NULL,
    code TEXT NOT NULL,
    member BIGINT NOT NULL,
    party TEXT NOT NULL,
    programme TEXT NOT NULL,
    state TEXT NOT NULL,
    used_at BIGINT NOT NULL,
    day BIGINT NOT NULL,
    points BIGINT NOT NULL,
    posted BIGINT,
    request BYTEA NOT NULL,
    PRIMARY KEY (batch, number)
);
CREATE UNIQUE INDEX promo_uses_by_request ON promo_uses (request);
CREATE INDEX promo_uses_by_member ON promo_uses (member, batch);
CREATE INDEX promo_uses_taken ON promo_uses (used_at) WHERE state = 'taken';

-- Compensation by service centres, one for each case. `state`: `waiting` for approval, `giving` until
-- the grant is posted, `granted`, `rejected`, `reversing`, `reversed`.
CREATE TABLE compensations (
    compensation BIGINT NOT NULL PRIMARY KEY,
    party TEXT NOT NULL,
    case_number TEXT NOT NULL,
    programme TEXT NOT NULL,
    member BIGINT NOT NULL,
    points BIGINT NOT NULL,
    state TEXT NOT NULL,
    passed TEXT,
    why TEXT,
    author TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    decided_by TEXT,
    decided_at BIGINT,
    decided_why TEXT,
    day BIGINT,
    posted BIGINT,
    reversed_by TEXT,
    reversed_at BIGINT,
    reversed_why TEXT,
    reversal BIGINT,
    taken_back BIGINT
);
CREATE UNIQUE INDEX compensations_by_case ON compensations (party, case_number);
CREATE INDEX compensations_by_state ON compensations (state, compensation);

-- What a service centre gave by day and by month (by its first day): what its limits are judged by.
CREATE TABLE compensation_sums (
    party TEXT NOT NULL,
    programme TEXT NOT NULL,
    scope TEXT NOT NULL,
    day BIGINT NOT NULL,
    points BIGINT NOT NULL,
    PRIMARY KEY (party, programme, scope, day)
);

-- What happens with abandoned baskets of a programme.
CREATE TABLE basket_rules (
    programme TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL,
    author TEXT NOT NULL,
    changed_at BIGINT NOT NULL
);

-- Baskets of web shops. `stage` is how often it was told of; `version` grows with every change.
CREATE TABLE baskets (
    party TEXT NOT NULL,
    basket TEXT NOT NULL,
    programme TEXT NOT NULL,
    member BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    lines TEXT NOT NULL,
    state TEXT NOT NULL,
    stage BIGINT NOT NULL,
    opened_at BIGINT NOT NULL,
    touched_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    points BIGINT,
    refused TEXT,
    posted BIGINT,
    order_reference TEXT,
    PRIMARY KEY (party, basket)
);
CREATE INDEX baskets_due ON baskets (due_at) WHERE state IN ('open', 'told', 'giving', 'told_twice');
CREATE INDEX baskets_to_call ON baskets (programme, touched_at) WHERE state = 'call';
CREATE INDEX baskets_over ON baskets (touched_at);
