-- A table for the pack's tests.
create table tickets (id integer primary key, subject text, state text);
