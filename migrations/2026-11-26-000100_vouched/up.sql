-- What the operator signs of a statement's row, so that a row which was changed is refused before a byte
-- of it leaves: a note over the hashes of `head` and `tail`, the number of lines and the hash of the file.
-- None: published before there was one.
ALTER TABLE statements ADD COLUMN vouched TEXT;
