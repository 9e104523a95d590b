-- A table for the pack's tests.
create table books (id integer primary key, title text not null);
