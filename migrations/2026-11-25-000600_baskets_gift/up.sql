-- What the second stage gives, as it was agreed when it was begun.
ALTER TABLE baskets ADD COLUMN gift TEXT;
