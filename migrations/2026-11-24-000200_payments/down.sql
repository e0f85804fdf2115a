DROP TABLE open_item_steps;
DROP TABLE open_items;
DROP TABLE bank_entries;
DROP TABLE legs;
