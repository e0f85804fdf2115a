DROP TABLE cycle_sums;
