DROP TABLE member_imports;
DROP TABLE code_counts;
DROP TABLE codes;
DROP TABLE merge_proposals;
DROP TABLE moved_names;
ALTER TABLE members DROP COLUMN erased_at;
DROP INDEX persons_unconfirmed;
DROP TABLE personal_names;
