-- Which profiles went into one: who took part as another profile is not granted again.
CREATE INDEX members_merged_into ON members (merged_into) WHERE merged_into IS NOT NULL;

-- What a card shows of a lot, with whomever it is after a merge.
CREATE INDEX promos_by_lot ON promos (lot) WHERE lot IS NOT NULL;

-- Passes over a campaign's audience, and how far they are: `member` is the last that was looked at.
-- `state`: `going`, `done`, `exhausted` (a budget is used up), `stopped`.
CREATE TABLE campaign_passes (
    campaign TEXT NOT NULL,
    pass BIGINT NOT NULL,
    state TEXT NOT NULL,
    member BIGINT NOT NULL,
    next_chunk BIGINT NOT NULL,
    matched BIGINT NOT NULL,
    granted BIGINT NOT NULL,
    points BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    refusals TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    touched_at BIGINT NOT NULL,
    finished_at BIGINT,
    PRIMARY KEY (campaign, pass)
);
CREATE INDEX campaign_passes_going ON campaign_passes (campaign) WHERE state = 'going';

-- Members that a server took to grant to, with what their grants need to be the same when they are
-- posted again. A chunk goes in the commit that writes its promos.
CREATE TABLE campaign_chunks (
    campaign TEXT NOT NULL,
    pass BIGINT NOT NULL,
    chunk BIGINT NOT NULL,
    claimed_at BIGINT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (campaign, pass, chunk)
);

-- What is used of a campaign's budget. `day` is zero for what counts in all.
CREATE TABLE campaign_budgets (
    campaign TEXT NOT NULL,
    scope TEXT NOT NULL,
    day BIGINT NOT NULL,
    used BIGINT NOT NULL CHECK (used >= 0),
    PRIMARY KEY (campaign, scope, day)
);

-- Notices. `campaign` is `-` where none stands behind it. `reason` and `next_at`: why it is refused,
-- and from when on another one is possible.
CREATE TABLE notices (
    campaign TEXT NOT NULL,
    step BIGINT NOT NULL,
    member BIGINT NOT NULL,
    programme TEXT NOT NULL,
    channel TEXT NOT NULL,
    party TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    next_at BIGINT,
    way BIGINT NOT NULL,
    text TEXT,
    planned_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    told_at BIGINT,
    sent_at BIGINT,
    delivered_at BIGINT,
    opened_at BIGINT,
    clicked_at BIGINT,
    PRIMARY KEY (campaign, step, member)
);
CREATE INDEX notices_due ON notices (due_at) WHERE state = 'planned';
CREATE INDEX notices_by_age ON notices (planned_at);
-- Texts of single notices, which go with their member.
CREATE INDEX notices_with_text ON notices (member) WHERE text IS NOT NULL;

-- How many notices a member got in a calendar month, by its first day: what caps are judged by.
CREATE TABLE notice_counts (
    member BIGINT NOT NULL,
    programme TEXT NOT NULL,
    channel TEXT NOT NULL,
    kind TEXT NOT NULL,
    month BIGINT NOT NULL,
    used BIGINT NOT NULL,
    PRIMARY KEY (member, programme, channel, kind, month)
);
CREATE INDEX notice_counts_by_month ON notice_counts (month);

-- What a channel of a programme allows.
CREATE TABLE notice_channels (
    programme TEXT NOT NULL,
    channel TEXT NOT NULL,
    document TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    author TEXT NOT NULL,
    PRIMARY KEY (programme, channel)
);

-- What those who take part in a campaign did, each once.
CREATE TABLE campaign_responses (
    campaign TEXT NOT NULL,
    member BIGINT NOT NULL,
    response TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (campaign, member, response)
);

-- Up to which lots members were reminded: all that expire earlier, and of those that expire then all
-- of members up to this one.
CREATE TABLE reminder_cursors (
    programme TEXT NOT NULL,
    days BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    member BIGINT NOT NULL,
    PRIMARY KEY (programme, days)
);

-- What follows from the journal of each member, as far as `stat_cursors` says.
CREATE TABLE member_stats (
    member BIGINT NOT NULL,
    programme TEXT NOT NULL,
    receipts BIGINT NOT NULL,
    spend BIGINT NOT NULL,
    last_day BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    last_amount BIGINT NOT NULL,
    PRIMARY KEY (member, programme)
);
CREATE TABLE member_days (
    member BIGINT NOT NULL,
    programme TEXT NOT NULL,
    day BIGINT NOT NULL,
    receipts BIGINT NOT NULL,
    spend BIGINT NOT NULL,
    PRIMARY KEY (member, programme, day)
);
CREATE INDEX member_days_by_day ON member_days (day);
CREATE TABLE member_products (
    member BIGINT NOT NULL,
    programme TEXT NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    last_day BIGINT NOT NULL,
    PRIMARY KEY (member, programme, kind, value)
);
CREATE INDEX member_products_by_day ON member_products (last_day);

-- What became of the points of promotions.
CREATE TABLE promo_flows (
    promo TEXT NOT NULL,
    programme TEXT NOT NULL,
    lots BIGINT NOT NULL,
    granted BIGINT NOT NULL,
    spent BIGINT NOT NULL,
    returned BIGINT NOT NULL,
    expired BIGINT NOT NULL,
    taken_back BIGINT NOT NULL,
    PRIMARY KEY (promo, programme)
);

-- How far each shard's journal is counted.
CREATE TABLE stat_cursors (
    shard BIGINT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL
);
