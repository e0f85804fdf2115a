ALTER TABLE statements DROP COLUMN vouched;
