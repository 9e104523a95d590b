/** A pair: of the first the condition holds for Ann, of the second it does not. */
const guess = (sql: (condition: string) => string): readonly [string, string] => [
  sql("ssn like 'ZQXS%'"),
  sql("ssn like 'ZQXT%'"),
];

/** Pairs of statements whose answers differ only because a guess is right or wrong. */
export const ORACLES: Readonly<Record<string, readonly (readonly [right: string, wrong: string])[]>> = {
  "parts of writes": [
    [
      "insert into sink (t) values ('a'), ('b') limit (select count(*) from people where ssn like 'ZQXS%')",
      "insert into sink (t) values ('a'), ('b') limit (select count(*) from people where ssn like 'ZQXT%')",
    ],
    [
      "insert into sink (t) values ('a'), ('b') offset (select count(*) from people where ssn like 'ZQXS%')",
      "insert into sink (t) values ('a'), ('b') offset (select count(*) from people where ssn like 'ZQXT%')",
    ],
    [
      "select count(*) from plain tablesample system (100) repeatable ((select 1 / count(*) from people where ssn like 'ZQXS%'))",
      "select count(*) from plain tablesample system (100) repeatable ((select 1 / count(*) from people where ssn like 'ZQXT%'))",
    ],
  ],
  "how many rows a function gives": [
    [
      "select count(*) from people p, unnest(string_to_array(p.ssn, 'ZQXS')) u",
      "select count(*) from people p, unnest(string_to_array(p.ssn, 'ZQXT')) u",
    ],
    [
      "select 1, regexp_matches(ssn, '^ZQXS') is null from people",
      "select 1, regexp_matches(ssn, '^ZQXT') is null from people",
    ],
    [
      "select 1, unnest(string_to_array(ssn, 'ZQXS')) from people",
      "select 1, unnest(string_to_array(ssn, 'ZQXT')) from people",
    ],
    [
      "select 1 from people p, string_to_table(p.ssn, 'ZQXS') u",
      "select 1 from people p, string_to_table(p.ssn, 'ZQXT') u",
    ],
    [
      "select 1 from people p, lateral (select regexp_split_to_table(p.ssn, 'ZQXS')) u",
      "select 1 from people p, lateral (select regexp_split_to_table(p.ssn, 'ZQXT')) u",
    ],
    [
      "select 1 from people p, unnest(regexp_match(p.ssn, 'ZQXS')) u",
      "select 1 from people p, unnest(regexp_match(p.ssn, 'ZQXT')) u",
    ],
    [
      "select 1 from people p, xmltable('/a[starts-with(text(), ''ZQXD'')]' passing p.doc columns v text path '.') x",
      "select 1 from people p, xmltable('/a[starts-with(text(), ''ZQXE'')]' passing p.doc columns v text path '.') x",
    ],
    [
      `select 1 from people p, json_table(p.note, '$ ? (@.k starts with "ZQXN")' columns (n for ordinality)) x`,
      `select 1 from people p, json_table(p.note, '$ ? (@.k starts with "ZQXO")' columns (n for ordinality)) x`,
    ],
    [
      `select 1, jsonb_path_query(note, '$ ? (@.k starts with "ZQXN")') is null from people`,
      `select 1, jsonb_path_query(note, '$ ? (@.k starts with "ZQXO")') is null from people`,
    ],
  ],
  "names in FROM": [
    [
      "select (select count(*) from (select 'a' as ssn) n join (plain a join plain b on ssn like 'ZQXS%') on true) from people where id = 1",
      "select (select count(*) from (select 'a' as ssn) n join (plain a join plain b on ssn like 'ZQXT%') on true) from people where id = 1",
    ],
    [
      "select (select count(*) from (select 0 as pin) n, plain tablesample bernoulli (least(greatest(pin - 918273600, 0), 100)) repeatable (1)) from people where id = 1",
      "select (select count(*) from (select 0 as pin) n, plain tablesample bernoulli (least(greatest(pin - 918273645, 0), 100)) repeatable (1)) from people where id = 1",
    ],
  ],
  "keys in brackets": [
    [
      "select count(*), ssn like 'ZQXS%' from people group by (2, 2)",
      "select count(*), ssn like 'ZQXT%' from people group by (2, 2)",
    ],
    [
      "select count(*), ssn like 'ZQXS%' from people group by rollup ((2, 2))",
      "select count(*), ssn like 'ZQXT%' from people group by rollup ((2, 2))",
    ],
  ],
  "what is NULL": [
    [
      "select nullif(ssn, 'ZQXSSN84213') from people where id = 1",
      "select nullif(ssn, 'nothing') from people where id = 1",
    ],
    [
      "select case when ssn like 'ZQXS%' then 'a' end from people",
      "select case when ssn like 'ZQXT%' then 'a' end from people",
    ],
    ["select substring(ssn from '^ZQXS') from people", "select substring(ssn from '^ZQXT') from people"],
    ["select note ->> 'k' from people", "select note ->> 'l' from people"],
    [
      "select max(name) filter (where ssn like 'ZQXS%') from people",
      "select max(name) filter (where ssn like 'ZQXT%') from people",
    ],
  ],
  "what fails only for some values": [
    guess(
      (right) =>
        `select array[string_to_array(case when ${right} then 'a' else 'a,b' end, ','), array['a']] from people where id = 1`,
    ),
    guess((right) => `select array_agg(string_to_array(case when ${right} then 'a' else 'a,b' end, ',')) from people`),
    guess(
      (right) =>
        `select array_cat(string_to_array(case when ${right} then 'a' else 'a,b' end, ','), array[['a', 'b']]) from people where id = 1`,
    ),
    guess(
      (right) =>
        `select string_to_array(case when ${right} then 'a' else 'a,b' end, ',') || array[['a', 'b']] from people where id = 1`,
    ),
    guess(
      (right) =>
        `select array_append(case when ${right} then array[[1]] else array[1] end, 5) from people where id = 1`,
    ),
    guess(
      (right) =>
        `select array_prepend(5, case when ${right} then array[[1]] else array[1] end) from people where id = 1`,
    ),
    guess(
      (right) =>
        `select sum(case when ${right} then 1.5e308::float8 else 0 end) from people, generate_series(1, 2) where id = 1`,
    ),
    guess(
      (right) =>
        `select avg(case when ${right} then 1.5e308::float8 else 0 end) from people, generate_series(1, 2) where id = 1`,
    ),
    guess((right) => `select stddev(case when ${right} then 1.5e308::float8 else 0 end) from people where id < 3`),
    guess(
      (right) =>
        `select sum(x) from (select case when ${right} then 1.5e308::float8 else 0 end as x from people where id = 1) s, generate_series(1, 2)`,
    ),
    guess((right) => `select abs(case when ${right} then -2147483648 else 0 end) from people where id = 1`),
    guess(
      (right) => `select repeat(case when ${right} then 'aaaaaaaaaa' else '' end, 500000000) from people where id = 1`,
    ),
    guess((right) => `select format(case when ${right} then '%Z' else 'a' end, 'x') from people where id = 1`),
    guess(
      (right) =>
        `select substring('abc' from 1 for x) from (select case when ${right} then -1 else 1 end x from people where id = 1) s`,
    ),
    guess(
      (right) =>
        `select substring('abc' from x) from (select case when ${right} then '(' else 'a' end x from people where id = 1) s`,
    ),
    guess(
      (right) =>
        `select date_trunc('year', case when ${right} then '4714-11-24 00:00:00 BC'::timestamp else '2000-01-01'::timestamp end) from people where id = 1`,
    ),
    guess(
      (right) =>
        `select age(case when ${right} then 'infinity'::timestamp else '2000-01-01'::timestamp end, 'infinity'::timestamp) from people where id = 1`,
    ),
    guess((right) => `select json_object_agg(case when ${right} then null else 'a' end, 1) from people where id = 1`),
    guess((right) => `select jsonb_object_agg(case when ${right} then null else 'a' end, 1) from people where id = 1`),
    guess((right) => `select json_object(case when ${right} then null else 'a' end value 1) from people where id = 1`),
    guess(
      (right) => `select json_objectagg(case when ${right} then null else 'a' end value 1) from people where id = 1`,
    ),
    guess(
      (right) =>
        `select json_object('a' value 1, case when ${right} then 'a' else 'b' end value 1 with unique keys) from people where id = 1`,
    ),
    guess(
      (right) =>
        `select json_array(case when ${right} then 'aaaaaaaaaaaaaaaaaaaa' else 'a' end returning varchar(10)) from people where id = 1`,
    ),
    guess(
      (right) =>
        `select to_tsvector('simple', case when ${right} then repeat('x', 3000) else 'a' end) from people where id = 1`,
    ),
    guess(
      (right) =>
        `select to_tsvector('simple', repeat(case when ${right} then 'x' else 'a ' end, 3000)) from people where id = 1`,
    ),
    guess((right) => `select bit_or(case when ${right} then b'1' else b'11' end) from people where id < 3`),
    guess(
      (right) => `select (case when ${right} then row(1) else row('a'::text) end) = row(1) from people where id = 1`,
    ),
    guess((right) => `select max(case when ${right} then row(1) else row('a'::text) end) from people where id < 3`),
    guess(
      (right) =>
        `select greatest(case when ${right} then row(1) else row('a'::text) end, row(1)) from people where id = 1`,
    ),
    guess((right) => `select 'ab' like case when ${right} then E'a\\\\' else 'a' end from people where id = 1`),
    guess((right) => `select 'ab' ilike case when ${right} then E'a\\\\' else 'a' end from people where id = 1`),
    guess((right) => `select 'ab' ~~ case when ${right} then E'a\\\\' else 'a' end from people where id = 1`),
    guess(
      (right) =>
        `select sum(case when ${right} then 'infinity'::interval else '-infinity'::interval end) from people where id < 3`,
    ),
    guess((right) => `select 1 || case when ${right} then array[[1]] else array[1] end from people where id = 1`),
    guess(
      (right) => `select 'a'::text || case when ${right} then '{{a}}'::text[] else '{a}' end from people where id = 1`,
    ),
    guess((right) => `select name || case when ${right} then '{{a}}'::text[] else '{a}' end from people where id = 1`),
    guess(
      (right) =>
        `select ('a' || name) || case when ${right} then '{{a}}'::text[] else '{a}' end from people where id = 1`,
    ),
    guess((right) => `select 'a' ~ any (select case when ${right} then '(' else 'a' end from people where id = 1)`),
    guess((right) => `select 'a' ~ any (array[case when ${right} then '(' else 'a' end]) from people where id = 1`),
    guess(
      (right) => `select 'ab' like any (array[case when ${right} then E'a\\\\' else 'a' end]) from people where id = 1`,
    ),
    guess(
      (right) => `select json_array(case when ${right} then '{' else '1' end format json) from people where id = 1`,
    ),
    guess(
      (right) =>
        `select percentile_cont(case when ${right} then 2.0 else 0.5 end) within group (order by id) from people where id = 1 group by ssn`,
    ),
    guess(
      (right) =>
        `select (case when ${right} then s1 else s2 end) = row(1) from people, (select 1) s1, (select 'a'::text) s2 where people.id = 1`,
    ),
    guess((right) => `update people set ssn = case when ${right} then 'x' else ssn end where id = 1`),
    [
      "update people set ssn = nullif(ssn, 'ZQXSSN84213') where id = 1",
      "update people set ssn = nullif(ssn, 'nothing') where id = 1",
    ],
    [
      "merge into people p using plain q on q.id = p.id when matched then update set ssn = nullif(p.ssn, 'ZQXSSN84213')",
      "merge into people p using plain q on q.id = p.id when matched then update set ssn = nullif(p.ssn, 'nothing')",
    ],
    [
      "insert into people (id, ssn) select 77, nullif(ssn, 'ZQXSSN84213') || 'xxxx' from people where id = 1",
      "insert into people (id, ssn) select 77, nullif(ssn, 'nothing') || 'xxxx' from people where id = 1",
    ],
  ],
  "what is counted": [
    [
      "select count(case when ssn like 'ZQXS%' then 1 end) from people",
      "select count(case when ssn like 'ZQXT%' then 1 end) from people",
    ],
    ["select count(nullif(ssn, 'ZQXSSN84213')) from people", "select count(nullif(ssn, 'nothing')) from people"],
    [
      "select count(x) from (select json_arrayagg(1) filter (where ssn = 'ZQXSSN84213') as x from people group by id) s",
      "select count(x) from (select json_arrayagg(1) filter (where ssn = 'nothing') as x from people group by id) s",
    ],
    [
      "select count(x) over () from (select substring(ssn from '^ZQXS') as x from people) s",
      "select count(x) over () from (select substring(ssn from '^ZQXT') as x from people) s",
    ],
    [
      "select count(x) from (select ssn as x from people union all select nullif(ssn, 'ZQXSSN84213') from people) s",
      "select count(x) from (select ssn as x from people union all select nullif(ssn, 'nothing') from people) s",
    ],
    [
      "select ntile((case when ssn = 'ZQXSSN84213' then 2 else 1 end)) over (order by id) from people",
      "select ntile((case when ssn = 'nothing' then 2 else 1 end)) over (order by id) from people",
    ],
  ],
  inference: [
    ["select id from people where ssn = 'ZQXSSN84213'", "select id from people where ssn = 'ZQXSSN84214'"],
    ["select id from people where ssn like 'ZQXS%'", "select id from people where ssn like 'ZQXT%'"],
    ["select id from people where ssn ~ '^ZQXS'", "select id from people where ssn ~ '^ZQXT'"],
    [
      "select id from people where ssn between 'ZQXS' and 'ZQXT'",
      "select id from people where ssn between 'ZQXT' and 'ZQXU'",
    ],
    ["select id from people where ssn in ('ZQXSSN84213')", "select id from people where ssn in ('nothing')"],
    [
      "select id from people where ssn = any (array['ZQXSSN84213'])",
      "select id from people where ssn = any (array['nothing'])",
    ],
    [
      "select id from people where (id, ssn) = (1, 'ZQXSSN84213')",
      "select id from people where (id, ssn) = (1, 'nothing')",
    ],
    ["select count(*) from people where ssn = 'ZQXSSN84213'", "select count(*) from people where ssn = 'nothing'"],
    [
      "select count(*) filter (where ssn = 'ZQXSSN84213') from people",
      "select count(*) filter (where ssn = 'nothing') from people",
    ],
    [
      "select exists (select 1 from people where ssn = 'ZQXSSN84213')",
      "select exists (select 1 from people where ssn = 'nothing')",
    ],
    [
      "select id from people group by id, ssn having ssn = 'ZQXSSN84213'",
      "select id from people group by id, ssn having ssn = 'nothing'",
    ],
    [
      "select p.id from people p join (values ('ZQXSSN84213')) v(ssn) using (ssn)",
      "select p.id from people p join (values ('nothing')) v(ssn) using (ssn)",
    ],
    [
      "select p.id from people p natural join (values ('ZQXSSN84213')) v(ssn)",
      "select p.id from people p natural join (values ('nothing')) v(ssn)",
    ],
    [
      "select 1 from people p join (select 'ZQXSSN84213' as g) v on v.g = p.ssn",
      "select 1 from people p join (select 'nothing' as g) v on v.g = p.ssn",
    ],
    [
      "select count(*) from (select ssn from people intersect select 'ZQXSSN84213') s",
      "select count(*) from (select ssn from people intersect select 'nothing') s",
    ],
    [
      "select count(*) from (select ssn from people except select 'ZQXSSN84213') s",
      "select count(*) from (select ssn from people except select 'nothing') s",
    ],
    [
      "select count(*) from (select 'ZQXSSN84213' union select ssn from people) s",
      "select count(*) from (select 'nothing' union select ssn from people) s",
    ],
    [
      "select count(distinct x) from (select ssn as x from people union all select 'ZQXSSN84213') s",
      "select count(distinct x) from (select ssn as x from people union all select 'nothing') s",
    ],
    [
      "select p.id from people p where p::text like '%ZQXSSN84213%'",
      "select p.id from people p where p::text like '%nothing%'",
    ],
    [
      'select id from people where note @> \'{"k": "ZQXNOTE5571"}\'',
      'select id from people where note @> \'{"k": "nothing"}\'',
    ],
    [
      "select id from people where note @? '$.k ? (@ starts with \"ZQX\")'",
      "select id from people where note @? '$.k ? (@ starts with \"nothing\")'",
    ],
    ["select id from people where pin > 918273640", "select id from people where pin > 918273650"],
    ["select id from people where born < '1871-03-10'", "select id from people where born < '1871-03-09'"],
    ["select id from people where tags && '{ZQXTAG1188}'", "select id from people where tags && '{nothing}'"],
    ["select id from people where ip << '203.0.113.0/24'", "select id from people where ip << '203.0.114.0/24'"],
    ["select id from people where (addr).tax = 'ZQXTAX4431'", "select id from people where (addr).tax = 'nothing'"],
    ["select id from people where span @> 918273645::bigint", "select id from people where span @> 1::bigint"],
    ["select id from people order by ssn", "select id from people order by name desc"],
    ["select id from people order by 1 - length(ssn)", "select id from people order by name desc"],
    ["select rank() over (order by ssn) from people", "select rank() over (order by 1) from people"],
    [
      "select id, row_number() over (order by ssn desc) from people",
      "select id, row_number() over (order by id) from people",
    ],
    [
      "select count(*) over (partition by ssn = 'ZQXSSN84213') from people",
      "select count(*) over (partition by ssn = 'nothing') from people",
    ],
    ["select id from people limit (select length(ssn) - 10 from people where id = 1)", "select id from people limit 2"],
    [
      "select id from people offset (select pin - 918273645 from people where id = 1)",
      "select id from people offset 1",
    ],
    [
      "select count(*) from people, generate_series(1, length(ssn)) where id = 1",
      "select count(*) from people, generate_series(1, 5) where id = 1",
    ],
    [
      "select 1 from generate_series(1, (select pin - 918273643 from people where id = 1))",
      "select 1 from generate_series(1, 5)",
    ],
    [
      "select case when ssn = 'ZQXSSN84213' then 1 else 0 end from people where id = 1",
      "select case when ssn = 'nothing' then 1 else 0 end from people where id = 1",
    ],
    ["select ssn = 'ZQXSSN84213' from people where id = 1", "select ssn = 'nothing' from people where id = 1"],
    ["select bool_or(ssn = 'ZQXSSN84213') from people", "select bool_or(ssn = 'nothing') from people"],
    ["select sum((ssn = 'ZQXSSN84213')::int) from people", "select sum((ssn = 'nothing')::int) from people"],
    [
      "select position('SSN8' in ssn) from people where id = 1",
      "select position('nope' in ssn) from people where id = 1",
    ],
    [
      "select 1 / (case when ssn = 'ZQXSSN84213' then 0 else 1 end) from people where id = 1",
      "select 1 / (case when ssn = 'nothing' then 0 else 1 end) from people where id = 1",
    ],
    ["update people set name = name where ssn = 'ZQXSSN84213'", "update people set name = name where ssn = 'nothing'"],
    [
      "delete from guesses using people where people.ssn = 'ZQXSSN84213' and g = 'seed'",
      "delete from guesses using people where people.ssn = 'nothing' and g = 'seed'",
    ],
    [
      "update plain set a = a from people where people.id = plain.id and people.ssn = 'ZQXSSN84213'",
      "update plain set a = a from people where people.id = plain.id and people.ssn = 'nothing'",
    ],
    [
      "merge into plain using people p on p.id = plain.id and p.ssn = 'ZQXSSN84213' when matched then update set a = a",
      "merge into plain using people p on p.id = plain.id and p.ssn = 'nothing' when matched then update set a = a",
    ],
    [
      "merge into plain using people p on p.id = plain.id when matched and p.ssn = 'ZQXSSN84213' then update set a = a",
      "merge into plain using people p on p.id = plain.id when matched and p.ssn = 'nothing' then update set a = a",
    ],
    ["select w from people_expr where w like 'ZQXSSN84213%'", "select w from people_expr where w like 'nothing%'"],
    ["select id from people_v where mail = 'zqxmail77@corp.example'", "select id from people_v where mail = 'nothing'"],
    ["select id from people_mv where m = 'ZQXSSN84213'", "select id from people_mv where m = 'nothing'"],
    ["select 1 from parted where ssn = 'ZQXSSN84213'", "select 1 from parted where ssn = 'nothing'"],
    ["select 1 from child where ssn = 'ZQXSSN84213'", "select 1 from child where ssn = 'nothing'"],
    [
      "copy (select id from people where ssn = 'ZQXSSN84213') to stdout",
      "copy (select id from people where ssn = 'nothing') to stdout",
    ],
    ["select distinct left(ssn, 1) = 'Z' from people", "select distinct left(ssn, 1) = 'Y' from people"],
    [
      "select name from people where id in (select id from people where ssn = 'ZQXSSN84213')",
      "select name from people where id in (select id from people where ssn = 'nothing')",
    ],
    [
      "select (select count(*) from people q where q.ssn = p.ssn and q.ssn = 'ZQXSSN84213') from people p",
      "select (select count(*) from people q where q.ssn = p.ssn and q.ssn = 'nothing') from people p",
    ],
    [
      "with c as (select id from people where ssn = 'ZQXSSN84213') select * from c",
      "with c as (select id from people where ssn = 'nothing') select * from c",
    ],
    [
      "insert into guesses select name from people where ssn = 'ZQXSSN84213'",
      "insert into guesses select name from people where ssn = 'nothing'",
    ],
    [
      "select count(*) from people group by grouping sets ((ssn), ())",
      "select count(*) from people group by grouping sets (())",
    ],
    ["select max(id) from people group by left(ssn, 1)", "select max(id) from people"],
    ["select array_agg(id order by ssn) from people", "select array_agg(id order by ssn desc) from people"],
    [
      "select first_value(id) over (order by ssn) from people",
      "select first_value(id) over (order by ssn desc) from people",
    ],
    [
      "select coalesce(nullif(ssn = 'ZQXSSN84213', false), false) from people where id = 1",
      "select coalesce(nullif(ssn = 'x', false), false) from people where id = 1",
    ],
  ],
};
