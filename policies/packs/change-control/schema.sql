-- A table for the pack's tests.
create table parts (id integer primary key, label text, stock integer);
