-- Payments of instructed cycles: who pays the clearing house or is paid by it, and how much was
-- booked so far. `counterparty` is empty where it is settled with all together.
CREATE TABLE legs (
    reference TEXT NOT NULL PRIMARY KEY,
    schedule TEXT NOT NULL,
    cycle BIGINT NOT NULL,
    party TEXT NOT NULL,
    counterparty TEXT NOT NULL,
    direction TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    paid BIGINT NOT NULL CHECK (paid >= 0 AND paid <= amount),
    due BIGINT NOT NULL,
    returned BOOLEAN NOT NULL
);
CREATE INDEX legs_by_cycle ON legs (schedule, cycle);
CREATE INDEX legs_by_party ON legs (party);

-- What the bank booked, each once, by the key that it has in whatever file it comes. Amounts are
-- above zero for what came in and below for what went out.
CREATE TABLE bank_entries (
    entry TEXT NOT NULL PRIMARY KEY,
    statement TEXT NOT NULL,
    booked_on BIGINT,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    end_to_end_id TEXT,
    name TEXT,
    account TEXT,
    texts TEXT NOT NULL,
    outcome TEXT NOT NULL,
    leg TEXT,
    matched_by TEXT,
    transaction_id BIGINT,
    imported_at BIGINT NOT NULL,
    imported_by TEXT NOT NULL
);
CREATE INDEX bank_entries_by_leg ON bank_entries (leg);

-- What somebody has to look at. `suspense` is how much of it is in the suspense account.
CREATE TABLE open_items (
    item BIGINT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    entry TEXT NOT NULL,
    leg TEXT,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    suspense BIGINT NOT NULL,
    booked_on BIGINT,
    opened_at BIGINT NOT NULL,
    description TEXT NOT NULL,
    reference TEXT,
    confirmed_by TEXT
);
CREATE INDEX open_items_open ON open_items (item) WHERE state = 'open';
CREATE INDEX open_items_by_leg ON open_items (leg) WHERE state = 'open';
CREATE INDEX open_items_to_confirm ON open_items (item) WHERE state = 'returned' AND confirmed_by IS NULL;

-- What people did with open items, in order; `proposal` waits for a second person.
CREATE TABLE open_item_steps (
    item BIGINT NOT NULL,
    step BIGINT NOT NULL,
    proposal BOOLEAN NOT NULL,
    ending TEXT NOT NULL,
    leg TEXT,
    amount BIGINT NOT NULL,
    author TEXT NOT NULL,
    at BIGINT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (item, step)
);
