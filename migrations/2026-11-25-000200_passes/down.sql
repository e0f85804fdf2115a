DROP TABLE pass_objects;
DROP TABLE pass_devices;
DROP TABLE pass_cursors;
DROP TABLE pass_head;
DROP TABLE passes;
DROP TABLE card_intros;
DROP TABLE card_codes;
DROP TABLE card_steps;
