-- A table for the pack's tests.
create table charges (id integer primary key, holder text, pan text, cvv text, amount integer, memo text);
