/** Statements of ordinary work under active masks on people.email, people.phone and payments.card. */
export const ORDINARY_SCHEMA = `
create table people (id serial primary key, name text not null, email text unique, phone text, city text, created_at timestamptz not null default '2024-01-01', active boolean default true, profile jsonb default '{}');
create table orders (id serial primary key, person_id int references people (id), status text not null default 'new', total numeric(10,2) not null default 0, placed_at timestamp not null default '2024-02-01 10:00', tags text[] default '{}');
create table items (id serial primary key, order_id int references orders (id) on delete cascade, product text not null, quantity int not null, price numeric(10,2) not null);
create table payments (id serial primary key, order_id int references orders (id), card text, brand text, amount numeric(10,2));
create table schema_migrations (version varchar primary key);
create index orders_person on orders (person_id);
create view open_orders as select id, person_id, status, total from orders where status <> 'done';
create view contact_list as select p.id, p.name, p.email, p.phone, count(o.id) as orders, max(o.placed_at) as latest from people p left join orders o on o.person_id = p.id group by p.id;
create view contacts_of_wien as select c.name, c.email as mail, c.orders from contact_list c join people p using (id) where p.city = 'Wien';
create view loud as select id, upper(email) as mail, city from people;
create materialized view kept as select id, name, phone from people;
create type mood as enum ('good', 'bad');
insert into people (name, email, phone, city, profile) select 'Person ' || i, 'person' || i || '@mail.example', '+43 660 00' || (1000 + i), case i % 3 when 0 then 'Wien' when 1 then 'Graz' else 'Linz' end, jsonb_build_object('lang', case i % 2 when 0 then 'de' else 'en' end, 'n', i) from generate_series(1, 12) i;
insert into orders (person_id, status, total, tags) select 1 + i % 12, case i % 4 when 0 then 'done' else 'new' end, i * 10.5, array['t' || i % 3] from generate_series(1, 30) i;
insert into items (order_id, product, quantity, price) select 1 + i % 30, 'product ' || i % 7, 1 + i % 5, i from generate_series(1, 60) i;
insert into payments (order_id, card, brand, amount) select i, '4111 1111 1111 ' || (1000 + i), 'visa', i * 10.5 from generate_series(1, 30) i;
insert into schema_migrations values ('20240101'), ('20240202');
create function order_total(int) returns numeric language sql stable as 'select sum(price * quantity) from items where order_id = $1';
analyze;
`;

export const ORDINARY_POLICY = `package ordinary
allow everything on sql
mask pii on sql
  columns public.people.{email, phone}, public.payments.card
  with { email: email, phone: last(4), card: last(4) }
  unless user.groups has "unmasked"
`;

/** How each of the masks shows a text. */
export const SHOWN: Readonly<Record<string, (value: string) => string>> = {
  email: (value) => `${value[0]}***@***.${value.slice(value.lastIndexOf(".") + 1)}`,
  last: (value) => `***${value.slice(-4)}`,
};

/** A statement, and which of its outputs (by position) are masked by what; all others are as they are without the gateway. */
export type Ordinary = readonly [sql: string, masked?: Readonly<Record<number, "email" | "last" | "redact">>];

export const ORDINARY: Readonly<Record<string, readonly Ordinary[]>> = {
  "views over masked tables": [
    ["select * from contact_list order by id", { 2: "email", 3: "last" }],
    ["select name, orders from contact_list where orders > 2 order by name"],
    ["select count(*), max(orders), max(latest) from contact_list"],
    ["select mail, name from contacts_of_wien order by name", { 0: "email" }],
    ["select w.name, w.mail from contacts_of_wien w join people p on p.name = w.name order by p.id", { 1: "email" }],
    ["select id, mail, city from loud order by id", { 1: "redact" }],
    ["select city, count(*) from loud group by city order by 1"],
    ["select phone, name from kept order by id", { 0: "last" }],
    ["select c.name, lower(c.email) from contact_list c order by c.id", { 1: "redact" }],
    ["with c as (select * from contact_list) select c.id, c.email from c order by c.id limit 3", { 1: "email" }],
  ],
  "Active Record": [
    [`SELECT "people".* FROM "people" ORDER BY "people"."id" ASC LIMIT 1`, { 2: "email", 3: "last" }],
    [`SELECT "people".* FROM "people" WHERE "people"."id" = 3 LIMIT 1`, { 2: "email", 3: "last" }],
    [
      `SELECT "people"."name", "people"."city" FROM "people" WHERE "people"."city" IN ('Wien', 'Graz') ORDER BY "people"."id"`,
    ],
    [`SELECT 1 AS one FROM "people" WHERE "people"."city" = 'Wien' LIMIT 1`],
    [`SELECT COUNT(*) FROM "people"`],
    [`SELECT COUNT(DISTINCT "people"."city") FROM "people"`],
    [
      `SELECT "orders".* FROM "orders" WHERE "orders"."person_id" = 1 ORDER BY "orders"."placed_at" DESC, "orders"."id"`,
    ],
    [
      `SELECT "orders".* FROM "orders" INNER JOIN "people" ON "people"."id" = "orders"."person_id" WHERE "people"."city" = 'Linz' ORDER BY "orders"."id"`,
    ],
    [
      `SELECT "people"."id" AS t0_r0, "people"."name" AS t0_r1, "people"."email" AS t0_r2, "orders"."id" AS t1_r0, "orders"."status" AS t1_r1 FROM "people" LEFT OUTER JOIN "orders" ON "orders"."person_id" = "people"."id" WHERE "people"."id" = 2 ORDER BY "orders"."id"`,
      { 2: "email" },
    ],
    [
      `SELECT "orders"."status", COUNT(*) AS count_all, SUM("orders"."total") AS sum_total FROM "orders" GROUP BY "orders"."status" ORDER BY 1`,
    ],
    [`SELECT "schema_migrations"."version" FROM "schema_migrations" ORDER BY "schema_migrations"."version" ASC`],
    [`INSERT INTO "orders" ("person_id", "status", "total") VALUES (1, 'new', 5.0) RETURNING "status"`],
    [`UPDATE "orders" SET "status" = 'done' WHERE "orders"."id" = 4`],
    [`DELETE FROM "items" WHERE "items"."order_id" = 4`],
    [`INSERT INTO "people" ("name", "email", "phone") VALUES ('New', 'new@mail.example', '+43 1')`],
    [`UPDATE "people" SET "email" = 'other@mail.example' WHERE "people"."id" = 1`],
    [`SELECT pg_try_advisory_lock(2190087131580)`],
    [`SELECT pg_advisory_unlock(2190087131580)`],
    [`BEGIN`],
    [`SAVEPOINT active_record_1`],
    [`RELEASE SAVEPOINT active_record_1`],
    [`ROLLBACK`],
    [`SHOW max_identifier_length`],
    [`SET SESSION timezone TO 'UTC'`],
    [
      `SELECT t.oid, t.typname, t.typelem, t.typdelim, t.typinput, r.rngsubtype, t.typtype, t.typbasetype FROM pg_type as t LEFT JOIN pg_range as r ON oid = rngtypid WHERE t.typname IN ('int2', 'int4', 'int8', 'text', 'varchar', 'json', 'jsonb') ORDER BY 1`,
    ],
    [
      `SELECT a.attname, format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid), a.attnotnull, a.atttypid, a.atttypmod, c.collname, col_description(a.attrelid, a.attnum) AS comment FROM pg_attribute a LEFT JOIN pg_attrdef d ON a.attrelid = d.adrelid AND a.attnum = d.adnum LEFT JOIN pg_type t ON a.atttypid = t.oid LEFT JOIN pg_collation c ON a.attcollation = c.oid AND a.attcollation <> t.typcollation WHERE a.attrelid = '"people"'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    ],
  ],
  Django: [
    [
      `SELECT "people"."id", "people"."name", "people"."email" FROM "people" WHERE "people"."active" ORDER BY "people"."id" ASC LIMIT 21`,
      { 2: "email" },
    ],
    [
      `SELECT "people"."city", COUNT("people"."id") AS "n" FROM "people" GROUP BY "people"."city" HAVING COUNT("people"."id") > 1 ORDER BY "n" DESC, 1`,
    ],
    [`SELECT COUNT(*) AS "__count" FROM "orders" WHERE ("orders"."status" = 'new' AND NOT ("orders"."total" < 50))`],
    [`SELECT (1) AS "a" FROM "orders" WHERE "orders"."id" = 1 LIMIT 1`],
    [
      `SELECT "orders"."id", "orders"."total" FROM "orders" WHERE "orders"."person_id" IN (SELECT U0."id" FROM "people" U0 WHERE U0."city" = 'Wien') ORDER BY 1`,
    ],
    [
      `SELECT "people"."id", (SELECT MAX(U0."total") AS "m" FROM "orders" U0 WHERE U0."person_id" = ("people"."id")) AS "biggest" FROM "people" ORDER BY 1`,
    ],
    [
      `SELECT "people"."id", EXISTS(SELECT 1 AS "a" FROM "orders" U0 WHERE U0."person_id" = ("people"."id") LIMIT 1) AS "has" FROM "people" ORDER BY 1`,
    ],
    [`SELECT DISTINCT "people"."city" FROM "people" ORDER BY "people"."city" ASC`],
    [
      `SELECT DATE_TRUNC('month', "orders"."placed_at") AS "month", SUM("orders"."total") FROM "orders" GROUP BY 1 ORDER BY 1`,
    ],
    [
      `SELECT "people"."id", COALESCE("people"."city", '') AS "c", UPPER("people"."name") AS "u" FROM "people" WHERE UPPER("people"."name"::text) LIKE UPPER('%son 1%') ORDER BY 1`,
    ],
    [
      `SELECT CASE WHEN "orders"."total" > 100 THEN 'big' ELSE 'small' END AS "size", COUNT(*) FROM "orders" GROUP BY 1 ORDER BY 1`,
    ],
    [
      `SELECT "people"."profile" -> 'lang' FROM "people" WHERE ("people"."profile" ->> 'lang') = 'de' ORDER BY "people"."id"`,
    ],
    [
      `INSERT INTO "orders" ("person_id", "status", "total", "placed_at", "tags") VALUES (1, 'new', '1.00', '2024-05-05'::timestamp, ARRAY['a','b']::text[]) ON CONFLICT DO NOTHING`,
    ],
    [`UPDATE "orders" SET "total" = ("orders"."total" + 1) WHERE "orders"."id" = 5`],
    [`DELETE FROM "items" WHERE "items"."id" IN (1, 2, 3)`],
    [`SELECT "orders"."id" FROM "orders" WHERE "orders"."id" = 1 FOR UPDATE`],
    [
      `SELECT c.relname, CASE WHEN c.relispartition THEN 'p' WHEN c.relkind IN ('m', 'v') THEN 'v' ELSE 't' END, obj_description(c.oid, 'pg_class') FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('f', 'm', 'p', 'r', 'v') AND n.nspname NOT IN ('pg_catalog', 'pg_toast') AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1`,
    ],
  ],
  SQLAlchemy: [
    [`select pg_catalog.version()`],
    [`select current_schema()`],
    [`show standard_conforming_strings`],
    [
      `SELECT people.id AS people_id, people.name AS people_name, people.phone AS people_phone FROM people WHERE people.id = 5`,
      { 2: "last" },
    ],
    [
      `SELECT anon_1.id, anon_1.name, orders_1.total FROM (SELECT people.id AS id, people.name AS name FROM people LIMIT 5) AS anon_1 LEFT OUTER JOIN orders AS orders_1 ON anon_1.id = orders_1.person_id ORDER BY anon_1.id, orders_1.id`,
    ],
    [
      `WITH totals AS (SELECT orders.person_id AS person_id, sum(orders.total) AS total FROM orders GROUP BY orders.person_id) SELECT people.name, totals.total FROM people JOIN totals ON people.id = totals.person_id ORDER BY totals.total DESC, 1`,
    ],
    [
      `SELECT count(*) AS count_1 FROM (SELECT orders.id AS orders_id FROM orders WHERE orders.status = 'new') AS anon_1`,
    ],
    [
      `SELECT items.product, sum(items.quantity * items.price) AS revenue FROM items GROUP BY items.product ORDER BY revenue DESC`,
    ],
    [
      `SELECT orders.id, row_number() OVER (PARTITION BY orders.person_id ORDER BY orders.id) AS n FROM orders ORDER BY 1`,
    ],
    [
      `SELECT pg_catalog.pg_class.relname FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON pg_catalog.pg_namespace.oid = pg_catalog.pg_class.relnamespace WHERE pg_catalog.pg_class.relname = 'people' AND pg_catalog.pg_table_is_visible(pg_catalog.pg_class.oid)`,
    ],
    [
      `INSERT INTO items (order_id, product, quantity, price) VALUES (1, 'x', 1, 2), (1, 'y', 2, 3) RETURNING product, quantity`,
    ],
    [`UPDATE orders SET status='paid' FROM payments WHERE payments.order_id = orders.id AND orders.id = 3`],
    [`SELECT orders.id FROM orders WHERE 't1' = ANY (orders.tags) ORDER BY orders.id`],
    [
      `SELECT orders.id FROM orders WHERE orders.placed_at BETWEEN '2024-01-01' AND '2024-12-31' ORDER BY orders.id LIMIT 10 OFFSET 5`,
    ],
  ],
  Hibernate: [
    [`select p1_0.id,p1_0.city,p1_0.email,p1_0.name from people p1_0 where p1_0.id=1`, { 2: "email" }],
    [
      `select o1_0.id,o1_0.status,p1_0.id,p1_0.name from orders o1_0 left join people p1_0 on p1_0.id=o1_0.person_id where o1_0.id=1`,
    ],
    [`select count(o1_0.id) from orders o1_0 where o1_0.status like 'n%' escape ''`],
    [`select nextval('orders_id_seq')`],
    [`select o1_0.id from orders o1_0 order by o1_0.id offset 5 rows fetch first 5 rows only`],
    [`select distinct p1_0.city from people p1_0 join orders o1_0 on p1_0.id=o1_0.person_id order by 1`],
    [`select i1_0.order_id,i1_0.product from items i1_0 where i1_0.order_id in (1,2,3) order by i1_0.id`],
    [`select sum(i1_0.price*i1_0.quantity) from items i1_0 where i1_0.order_id=1`],
    [`insert into items (order_id,price,product,quantity) values (1,9.5,'z',1)`],
    [`update orders set total=1,status='x' where id=9`],
    [`delete from payments where id=30`],
  ],
  "Prisma, TypeORM, Sequelize": [
    [
      `SELECT "public"."people"."id", "public"."people"."name", "public"."people"."email" FROM "public"."people" WHERE 1=1 ORDER BY "public"."people"."id" ASC LIMIT 3 OFFSET 0`,
      { 2: "email" },
    ],
    [
      `SELECT "t0"."id", "t0"."status" FROM "public"."orders" AS "t0" WHERE ("t0"."id" IN (1,2,3) AND 1=1) ORDER BY "t0"."id"`,
    ],
    [`SELECT COUNT(*) FROM (SELECT "public"."orders"."id" FROM "public"."orders" WHERE 1=1 OFFSET 0) AS "sub"`],
    [
      `SELECT "Person"."id" AS "Person_id", "Person"."phone" AS "Person_phone" FROM "people" "Person" WHERE (("Person"."id" = 4)) LIMIT 1`,
      { 1: "last" },
    ],
    [`SELECT * FROM current_schema()`],
    [
      `SELECT "table_name", "table_type" FROM "information_schema"."tables" WHERE "table_schema" = 'public' AND "table_name" = 'people'`,
    ],
    [`SELECT "id", "name", "city" FROM "people" AS "Person" WHERE "Person"."city" ILIKE '%i%' ORDER BY "id"`],
    [`INSERT INTO "orders" ("person_id","status") VALUES (2,'new') RETURNING "status"`],
    [`SELECT "o"."id", "o"."total"::text FROM "orders" "o" WHERE "o"."total" >= 100 ORDER BY "o"."id"`],
    [`SELECT json_agg("o".*)::text FROM (SELECT "id", "status" FROM "orders" ORDER BY "id" LIMIT 2) AS "o"`],
    [`SELECT "id" FROM "orders" WHERE "tags" @> ARRAY['t1'] ORDER BY "id"`],
  ],
  "BI tools": [
    [
      `SELECT "public"."orders"."status" AS "status", count(*) AS "count" FROM "public"."orders" GROUP BY "public"."orders"."status" ORDER BY "public"."orders"."status" ASC`,
    ],
    [
      `SELECT "source"."city" AS "city", SUM("source"."total") AS "sum" FROM (SELECT "p"."city" AS "city", "o"."total" AS "total" FROM "public"."orders" "o" LEFT JOIN "public"."people" "p" ON "o"."person_id" = "p"."id") AS "source" GROUP BY "source"."city" ORDER BY "source"."city" ASC`,
    ],
    [
      `SELECT date_trunc('week', placed_at) AS wk, avg(total)::numeric(10,2) FROM orders WHERE placed_at >= '2024-01-01'::timestamp GROUP BY wk ORDER BY wk`,
    ],
    [`SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total) FROM orders`],
    [
      `SELECT status, total, sum(total) OVER (PARTITION BY status ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS running FROM orders ORDER BY status, id`,
    ],
    [
      `SELECT city, status, count(*) FROM people JOIN orders ON orders.person_id = people.id GROUP BY ROLLUP (city, status) ORDER BY 1, 2`,
    ],
    [`SELECT extract(epoch from placed_at) AS "time", total AS value, status AS metric FROM orders ORDER BY 1, id`],
    [`SELECT name, email FROM people ORDER BY name LIMIT 100`, { 1: "email" }],
    [`SELECT brand, count(*), min(amount), max(amount) FROM payments GROUP BY brand`],
    [`SELECT width_bucket(total, 0, 400, 4) AS b, count(*) FROM orders GROUP BY b ORDER BY b`],
    [`SELECT * FROM open_orders ORDER BY id LIMIT 5`],
    [
      `SELECT a.status, b.n FROM (SELECT DISTINCT status FROM orders) a CROSS JOIN LATERAL (SELECT count(*) AS n FROM orders o WHERE o.status = a.status) b ORDER BY 1`,
    ],
    [
      `SELECT g.d::date, coalesce(sum(o.total), 0) FROM generate_series('2024-02-01'::date, '2024-02-03'::date, '1 day') g(d) LEFT JOIN orders o ON o.placed_at::date = g.d GROUP BY 1 ORDER BY 1`,
    ],
    [`SELECT status FROM orders UNION SELECT brand FROM payments ORDER BY 1`],
    [`SELECT id FROM orders EXCEPT SELECT order_id FROM payments ORDER BY 1`],
    [`SELECT string_agg(DISTINCT product, ', ' ORDER BY product) FROM items`],
    [
      `SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2, ordinal_position`,
    ],
    [
      `SELECT payments.id, payments.card, orders.status FROM payments JOIN orders ON orders.id = payments.order_id ORDER BY payments.id LIMIT 10`,
      { 1: "last" },
    ],
    [`SELECT count(email), count(DISTINCT city) FROM people`],
  ],
  "by hand": [
    [`select 1`],
    [`select * from people order by id limit 3`, { 2: "email", 3: "last" }],
    [`table payments order by id limit 2`, { 2: "last" }],
    [
      `select p.*, o.id from people p join orders o on o.person_id = p.id order by o.id limit 4`,
      { 2: "email", 3: "last" },
    ],
    [`select email as contact, upper(city) from people order by id`, { 0: "email" }],
    [`select e.contact from (select email as contact, id from people) e order by e.id`, { 0: "email" }],
    [`with m as (select id, email from people) select email from m order by id`, { 0: "email" }],
    [`select email from people where id = 1 union all select phone from people where id = 1`, { 0: "redact" }],
    [`select lower(email) from people where id = 2`, { 0: "redact" }],
    [`select coalesce(phone, 'none') from people where id = 2`, { 0: "redact" }],
    [`select email || ' ' || name from people where id = 2`, { 0: "redact" }],
    [`values (1, 'a'), (2, 'b')`],
    [`select now() is not null, current_user is not null`],
    [`select array_length(tags, 1), tags[1] from orders order by id limit 3`],
    [`select profile ->> 'lang', jsonb_typeof(profile) from people order by id limit 3`],
    [`select id, total from orders order by total desc nulls last, id limit 3`],
    [`select distinct on (person_id) person_id, id from orders order by person_id, id`],
    [`select count(*) filter (where status = 'new') from orders`],
    [`select to_char(placed_at, 'YYYY-MM') from orders order by id limit 1`],
    [`select o.id from orders o where not exists (select 1 from payments p where p.order_id = o.id) order by 1`],
    [`with recursive n(i) as (select 1 union all select i + 1 from n where i < 5) select * from n`],
    [`insert into orders (person_id) select id from people where city = 'Wien' returning status`],
    [`update people set city = 'Wels' where id = 3 returning name, email`, { 1: "email" }],
    [`delete from payments where id = 1 returning id, card`, { 1: "last" }],
    [
      `merge into orders o using payments p on o.id = p.order_id when matched and o.id = 2 then update set status = 'paid'`,
    ],
    [
      `insert into people (id, name, email) values (1, 'x', 'x@mail.example') on conflict (id) do update set name = excluded.name`,
    ],
    [`copy orders (id, status) to stdout`],
    [`copy people (name, city) to stdout (format csv, header)`],
    [`begin`],
    [`commit`],
    [`set search_path = public`],
    [`show search_path`],
    [`set statement_timeout = 10000`],
    [`reset statement_timeout`],
    [`prepare ordinary_p as select id, email from people where id = 1`],
    [`execute ordinary_p`, { 1: "email" }],
    [`deallocate ordinary_p`],
    [`explain select id from orders where id = 1`],
    [`vacuum orders`],
    [`analyze orders`],
    [`create temp table mine (a int, b text)`],
    [`insert into mine values (1, 'x')`],
    [`select * from mine`],
    [`drop table mine`],
    [`begin isolation level repeatable read`],
    [`lock table orders in access share mode`],
    [`rollback`],
    [`discard plans`],
    [`comment on table items is 'what was bought'`],
    [`create index items_product on items (product)`],
    [`drop index items_product`],
    [`alter table items add column note text`],
    [`create table notes (id serial primary key, body text)`],
    [`create view item_names as select distinct product from items`],
    [`grant select on items to public`],
    [`alter table items drop column note`],
    [`drop view item_names`],
    [`drop table notes`],
  ],
};

/** Migrations of those who may: they see what is there, so nothing holds them back. */
export const MIGRATIONS: readonly string[] = [
  `create table people_archive as select * from people where false`,
  `insert into people_archive select * from people where id < 3`,
  `alter table people add column email_lower text`,
  `update people set email_lower = lower(email)`,
  `create unique index people_email_lower on people (email_lower)`,
  `alter table payments alter column card type varchar(40)`,
  `alter table people add constraint phone_length check (length(phone) < 40)`,
  `create view contacts as select name, email from people`,
  `create function greet(text) returns text language sql as 'select ''hello '' || $1'`,
  `create trigger nothing before update on people for each row execute function suppress_redundant_updates_trigger()`,
  `alter table people disable trigger nothing`,
  `alter table people rename column city to town`,
  `create materialized view mails as select email from people`,
  `refresh materialized view mails`,
  `drop materialized view mails`,
  `do $$ begin update people set town = 'Graz' where town is null; end $$`,
  `truncate people_archive`,
  `drop table people_archive`,
];
