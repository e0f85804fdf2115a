DROP TABLE dispute_events;
DROP TABLE disputes;
DROP TABLE break_events;
DROP TABLE breaks;
DROP TABLE reconciliation_parts;
DROP TABLE reconciliations;
DROP TABLE book_profiles;
