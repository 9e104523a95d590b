-- Tables for the pack's tests.
create table members (id integer primary key, name text, email text, phone text, date_of_birth date, street text, national_id text);
create table visits (id integer primary key, member_id integer, note text);
