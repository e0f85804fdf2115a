DROP TABLE circulation;
DROP TABLE statements;
