-- Sums at the end of a published cycle from which the next one goes on, by programme: points that
-- members have (`free`, `held`, `debt`), those that can't be spent yet by when they can (`pending`),
-- all that were ever made by month (`issued`, `remaining`, `expired`), and what is left of each pack.
-- `name` is an instant, a day or a transaction, as `kind` says.
CREATE TABLE cycle_sums (
    schedule TEXT NOT NULL,
    cycle BIGINT NOT NULL,
    kind TEXT NOT NULL,
    programme TEXT NOT NULL,
    name BIGINT NOT NULL,
    points BIGINT NOT NULL,
    PRIMARY KEY (schedule, cycle, kind, programme, name)
);
