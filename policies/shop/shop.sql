-- The shop's tables, for policy tests and for the demo.
create table customers (
  id integer primary key,
  full_name text not null,
  email text not null,
  phone text,
  national_id text,
  city text,
  created_at timestamptz not null default now()
);

create table orders (
  id integer primary key,
  customer_id integer not null references customers (id),
  status text not null default 'new',
  total_cents integer not null default 0,
  placed_at timestamptz not null default now()
);

create table order_items (
  id integer primary key,
  order_id integer not null references orders (id),
  product text not null,
  quantity integer not null,
  price_cents integer not null
);

create table payments (
  id integer primary key,
  order_id integer not null references orders (id),
  card_number text not null,
  card_brand text not null,
  amount_cents integer not null,
  paid_at timestamptz not null default now()
);

create table staff (
  id integer primary key,
  full_name text not null,
  email text not null,
  role text not null,
  salary_cents integer not null
);
