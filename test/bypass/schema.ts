/** Masked columns: everything of `people` but `id` and `name`, and what is said of it elsewhere. */
export const POLICY = `package bypass
allow everything on sql
mask people on sql
  columns public.people.{email, ssn, pin, born, score, tag, note, ip, raw, tags, addr, code, fix, dom, big, doc, at, span, bits, vec},
    public.parted.ssn, public.base.ssn, sealed.notes.body, public.kid.secret
  with { code: hash, fix: last(2), *: redact }
  unless user.groups has "unmasked"
`;

export const SCHEMA = `
create type person_addr as (street text, tax text);
create domain dssn as text;
create table people (
  id int primary key, name text, email text unique, ssn text not null unique check (length(ssn) > 3), pin int, born date,
  score numeric(20,4), tag uuid, note jsonb, ip inet, raw bytea, tags text[], addr person_addr, code varchar(20), fix char(12),
  dom dssn, big bigint, doc xml, at timestamptz, span int8range, bits bit varying, vec tsvector
);
insert into people values
  (1, 'Ann', 'zqxmail77@corp.example', 'ZQXSSN84213', 918273645, '1871-03-09', 7654321.1234, 'deadbeef-1234-4321-8765-0badc0ffee11',
   '{"k": "ZQXNOTE5571", "in": {"deep": "ZQXDEEP6613"}}', '203.0.113.77', '\\xfeedfacecafe0042', '{ZQXTAG1188,ZQXTAG2277}',
   row('ZQXSTREET9','ZQXTAX4431'), 'ZQXCODE6677', 'ZQXFIX9900', 'ZQXDOM3121', 8877665544332211, '<a>ZQXDOC7171</a>',
   '1871-04-05 06:07:08+00', '[918273645,918273646)', b'1011011101111', 'zqxvec8181'),
  (2, 'Bob', 'bob@corp.example', '22222', 1, '1990-01-01', 1.5, null, '{}', '10.0.0.1', '\\x00', '{}', null, 'c2', 'f2', 'd2', 2,
   '<b/>', '2020-01-01', 'empty', b'0', ''),
  (3, 'Cid', 'cid@corp.example', '33333', 2, '1991-01-01', 2.5, null, '[]', null, null, null, null, null, null, null, null,
   null, null, null, null, null);
create table plain (id int primary key, a text, n int, j jsonb);
insert into plain values (1, 'alpha', 10, '{"x": 1}'), (2, 'beta', 20, '{"x": 2}'), (3, 'gamma', 30, null);
create table sink (id serial, t text, u text unique);
create table guesses (g text);
create view people_v as select id, name, email as mail, ssn from people;
create view people_vv as select mail as name, id from people_v;
create view people_sb with (security_barrier) as select ssn as x from people;
create view people_expr(w) as select upper(ssn) || ' ' || name from people;
create materialized view people_mv as select id, ssn as m from people;
create view people_per as select name, count(*) as n, max(ssn) as top, bool_or(pin > 5) as any_pin from people group by name;
create view people_mixed as with recursive r(i, s) as (select 1, ssn from people union all select i + 1, s || 'x' from r where i < 2)
  select r.s, p.n::text, l.e from r join plain p on p.id = r.i cross join lateral (select q.email as e from people q where q.id = p.id) l
  union select tag::text, name, doc::text from people;
create view people_ranked as select name, rank() over (order by score), first_value(ssn) over w as f from people window w as (partition by born);
create table parted (id int, ssn text) partition by list (id);
create table parted_1 partition of parted for values in (1);
insert into parted values (1, 'ZQXSSN84213');
create table base (id int, ssn text);
create table child (extra text) inherits (base);
insert into child values (1, 'ZQXSSN84213', 'x');
create schema sealed;
create table sealed.notes (id int, body text);
insert into sealed.notes values (1, 'ZQXNOTE5571');
create schema shadow;
create table shadow.people (id int, name text, ssn text);
insert into shadow.people values (1, 'shadow', 'nothing');
create function get_ssn(int) returns text language sql stable as 'select ssn from people where id = $1';
create function get_people() returns setof people language sql stable as 'select * from people';
create function get_table() returns table (p int, q text) language sql stable as 'select id, email from people';
create function atomic_ssn(i int) returns text language sql stable begin atomic select ssn from people where id = i; end;
create function out_ssn(out o text) language sql as 'select ssn from people where id = 1';
create function pl_ssn(i int) returns text language plpgsql as 'begin return (select ssn from people where id = i); end';
create function pl_dyn(q text) returns text language plpgsql as 'declare r text; begin execute q into r; return r; end';
create function definer_ssn() returns text language sql security definer as 'select ssn from people where id = 1';
create function tell(v text) returns text language plpgsql as 'begin raise notice ''told %'', v; return null; end';
create function fail(v text) returns text language plpgsql as 'begin raise exception ''failed %'', v using detail = v, hint = v; end';
create function lower_of(p people) returns text language sql immutable as 'select lower(($1).ssn)';
create function opfun(text, text) returns text language sql immutable as 'select $1 || $2';
create operator === (leftarg = text, rightarg = text, procedure = opfun);
create aggregate glue(text) (sfunc = opfun, stype = text, initcond = '');
create procedure pr_ssn(inout o text) language plpgsql as 'begin select ssn into o from people where id = 1; end';
create function cur_ssn() returns refcursor language plpgsql as 'declare c refcursor := ''rc''; begin open c for select ssn from people; return c; end';
create function trg() returns trigger language plpgsql as 'begin raise notice ''row %'', new; return new; end';
create table watched (id int, s text);
create function to_public() returns text language plpgsql as 'begin return set_config(''search_path'', ''public'', false); end';
create function trg_public() returns trigger language plpgsql as 'begin perform public.to_public(); return coalesce(new, old); end';
create view path_view as select to_public() as p;
create view path_view_v as select p as q from path_view;
create table path_table (id int primary key);
create trigger path_trigger before insert on path_table for each row execute function trg_public();
create table region (id int primary key);
create table kid (id int primary key, region_id int not null references region on delete set null, secret text);
insert into region values (1);
insert into kid values (1, 1, 'ZQXSSN84213');
create table ruled (a int);
create rule tells as on insert to ruled do also select definer_ssn();
create function tell_one() returns trigger language plpgsql as 'begin raise notice ''%'', (select ssn from people where id = 1); return new; end';
create table triggered (a int);
create trigger tells before insert on triggered for each row execute function tell_one();
create table path_child (id int primary key references path_table on delete cascade);
create trigger path_trigger before delete on path_child for each row execute function trg_public();
create table path_parts (id int) partition by list (id);
create table path_part partition of path_parts for values in (1);
create trigger path_trigger before update on path_part for each row execute function trg_public();
insert into path_table values (1), (2);
insert into path_child values (1);
insert into path_parts values (1);
set search_path = public;
create extension if not exists plpgsql;
analyze people;
`;

/** Every secret of row 1 as text, with its binary form where that differs. */
export const SECRETS: readonly (readonly [text: string, binary?: Buffer])[] = [
  ["zqxmail77@corp.example"],
  ["ZQXSSN84213"],
  ["918273645", Buffer.from("36bbaa6d", "hex")],
  ["1871-03-09"],
  ["7654321.1234", Buffer.from("02fd10e104d2", "hex")],
  ["deadbeef-1234-4321-8765-0badc0ffee11", Buffer.from("deadbeef1234432187650badc0ffee11", "hex")],
  ["ZQXNOTE5571"],
  ["ZQXDEEP6613"],
  ["203.0.113.77", Buffer.from("cb00714d", "hex")],
  ["feedfacecafe0042", Buffer.from("feedfacecafe0042", "hex")],
  ["ZQXTAG1188"],
  ["ZQXTAG2277"],
  ["ZQXSTREET9"],
  ["ZQXTAX4431"],
  ["ZQXCODE6677"],
  ["ZQXFIX9900"],
  ["ZQXDOM3121"],
  ["8877665544332211"],
  ["ZQXDOC7171"],
  ["1871-04-05"],
  ["1011011101111"],
  ["zqxvec8181"],
];
