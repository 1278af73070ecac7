"""The tables of the HIS, beside those of the rest of the hospital. Money is fen, times are microseconds UTC.

A slot is no row: its number and time follow from its schedule. What is taken is an order that `holds` a number,
and no number of a schedule is held twice, which the index below sees to whatever the program does.
"""

SCHEMA = """
create table if not exists his_patients (
  patient text primary key, country text not null, occupation text not null, marital text not null,
  live_address text not null, register_address text not null, birth_address text not null,
  contact_name text not null, contact_phone text not null, contact_relation text not null,
  guardian_name text not null, guardian_id_no text not null, guardian_phone text not null,
  created_at integer not null, updated_at integer not null, channel text not null);
create index if not exists patients_document on patients (id_type, id_number);
create index if not exists patients_card on patients (card_no);
create index if not exists patients_mobile on patients (mobile);
create table if not exists his_blacklist (patient text primary key, reason text not null);

create table if not exists his_schedules (
  code text primary key, campus text not null, department text not null, doctor text, day text not null,
  session text not null, begins text not null, ends text not null, type text not null, room text not null,
  reg_fee integer not null, checkup_fee integer not null, service_fee integer not null, other_fee integer not null,
  total integer not null, timed integer not null, stopped integer not null default 0,
  orders integer not null default 0);
create index if not exists his_schedules_day on his_schedules (campus, day, department);
create table if not exists his_days (day text primary key);

create table if not exists his_orders (
  id integer primary key autoincrement, schedule text not null, queue_no integer not null, patient text not null,
  campus text not null, channel text not null, operator text not null, state text not null, holds integer not null,
  lock_serial text, lock_platform text not null default '', book_platform text not null default '',
  cancel_platform text not null default '', code text, adm_no text, reg_fee integer not null, fee integer not null,
  paid integer not null default 0, locked_at integer, locked_until integer, booked_at integer, ended_at integer,
  checked_in_at integer, turn integer, called_at integer, visited_at integer, stop integer);
create unique index if not exists his_orders_slot on his_orders (schedule, queue_no) where holds = 1;
create unique index if not exists his_orders_lock on his_orders (lock_serial);
create unique index if not exists his_orders_code on his_orders (code);
create unique index if not exists his_orders_adm on his_orders (adm_no);
create index if not exists his_orders_locked on his_orders (locked_until) where state = 'locked';
create index if not exists his_orders_patient on his_orders (patient);
create index if not exists his_orders_lock_platform on his_orders (lock_platform);
create index if not exists his_orders_book_platform on his_orders (book_platform);

create table if not exists his_acts (
  id integer primary key autoincrement, at integer not null, act text not null, order_id integer not null,
  campus text not null, patient text not null, schedule text not null, queue_no integer not null,
  serial text not null, platform text not null, channel text not null);
create index if not exists his_acts_order on his_acts (order_id);

create table if not exists his_stops (
  id integer primary key autoincrement, schedule text not null, campus text not null, doctor text,
  begins text not null, ends text not null, reason text not null, replacement text, at integer not null);
create index if not exists his_stops_schedule on his_stops (schedule);
create table if not exists his_pushes (
  id integer primary key autoincrement, stop integer not null, body text not null, state text not null,
  attempts integer not null default 0, due integer not null, at integer not null, ended_at integer,
  outcome text not null default '');
"""
