DROP TABLE promos;
DROP TABLE campaigns;
DROP TABLE cards;
DROP TABLE consents;
DROP TABLE persons;
DROP TABLE outbox_head;
DROP TABLE outbox;
