"""The statements of delivery.md for PostgreSQL: one for each kind of mark, with arrays.

Read committed. A statement sees what was committed before it began, so everything that two nodes could
both decide is locked by the opening, a statement earlier. Two batches take what they share in one
order (the node's row, lanes, messages, keys), so they cannot deadlock but over a key that one frees
and the other takes, or over parents whose last children end on both: the database then ends one of them, and it
is run again.
"""

from engine.journal import audit

NOW = "(extract(epoch from clock_timestamp()) * 1000000)::bigint"
"""The database's clock: nodes judge each other by it alone."""

# --- nodes ---
# A name is held by a lock of the session, which the server lets go of only when the session is over.
NAME = "select pg_try_advisory_lock(hashtextextended('hisbus node ' || current_schema() || '/' || $1, 0))"
END_SESSION = "select pg_terminate_backend($1)"
ESTABLISH = "insert into facts (name, value) values ($1, $2) on conflict do nothing"
FACT = "select value from facts where name = $1"
JOIN = f"""
insert into nodes (node, epoch, batch, seen) values ($1, 1, 0, {NOW})
on conflict (node) do update set epoch = nodes.epoch + 1, batch = 0, seen = excluded.seen returning epoch
"""
ALIVE = f"select count(*) from nodes where seen > {NOW} - $1"
COMMITTED = "select batch from nodes where node = $1"
SEEN = f"update nodes set seen = {NOW} where node = $1 and epoch = $2"
LEAVE = "update nodes set seen = 0 where node = $1 and epoch = $2"
_RECOVER = """
update deliveries set state = case state when 'sending' then 'doubtful' else 'ready' end, owner = null, due = {due}
"""
RECOVER = _RECOVER.format(due="$2") + "where owner is not null and split_part(owner, '/', 1) = $1"
# For a node that is alone: nobody is asking now. Beside others, a question may be theirs: it comes due by itself.
ASK_ANEW = "update deliveries set due = $1 where state = 'doubtful' and due > $1"
# Whoever wins the epoch of a node not seen for long takes what it had. A node that left has seen = 0.
TAKE_OVER = f"""
with dead as (
  update nodes set epoch = epoch + 1, seen = 0
  where node <> $1 and seen > 0 and seen < {NOW} - $3 returning node, epoch)
{_RECOVER.format(due="$2")} from dead where owner is not null and owner = dead.node || '/' || (dead.epoch - 1)
"""

# --- day keys, where no folder is set for them ---
DAY_KEY = "select wrapped from day_keys where day = $1"
NEW_DAY_KEY = "insert into day_keys (day, wrapped) values ($1, $2) on conflict do nothing"
FORGET_DAY_KEY = "delete from day_keys where day = $1"
DAYS = "select day from day_keys order by day"

# --- the opening, sent at once as text: numbers and the node's name only ---
BEGIN = "begin"
FENCE = f"update nodes set batch = {{batch}}, seen = {NOW} where node = '{{node}}' and epoch = {{epoch}}"
LOCK_LANES = "select pg_advisory_xact_lock(h) from unnest(array[{lanes}]::bigint[]) h"
LOCK_MESSAGES = "select seq from messages where seq = any(array[{messages}]::bigint[]) order by seq for update"
# Its row count says whether the fence held: no row, this node was taken over.
HOLDS = "select 1 from nodes where node = '{node}' and epoch = {epoch}"

# Lanes of messages whose marks name none (withdrawn, skipped, acted on). They never change.
LANES = "select distinct lane from deliveries where message = any($1::bigint[]) and lane is not null"

# Arrays of one statement are joined by hashing; what stands in tables is looked up row by row.
HASH_ARRAYS = "set local enable_hashjoin = on"

# --- accept: everything of new messages at once, each key at most once ---
# k: keys whose other content is a conflict; r: keys that move to a message with other content. Neither returns
# a row where the key is taken and stays: then nothing of that message is inserted.
ACCEPT = """
with n as materialized (
  select nextval('message_seq') as seq, a.* from (
    select * from unnest($3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::int[],
      $10::bytea[], $11::boolean[], $12::bytea[], $13::bigint[], $14::bytea[]) with ordinality
      as a(id, route, release, received, deadline, parent, open, key, moves, digest, until, content, place)
    order by place) a),
k as (
  insert into keys (key, message, digest, until)
  select key, seq, digest, until from n where key is not null and not moves order by key
  on conflict do nothing returning message, false as renewed),
r as (
  insert into keys as old (key, message, digest, until)
  select key, seq, digest, until from n where key is not null and moves order by key
  on conflict (key) do update set message = excluded.message, digest = excluded.digest, until = excluded.until
    where old.digest <> excluded.digest returning message, xmax <> 0 as renewed),
f as materialized (
  select n.*, coalesce(t.renewed, false) as renewed from n
  left join (select * from k union all select * from r) t on t.message = n.seq
  where n.key is null or t.message is not null),
m as (
  insert into messages (seq, id, route, release, received, deadline, parent, open, key)
  select seq, id, route, release, received, deadline, parent, open, key from f),
b as (insert into bodies (place, data) select seq * 4096, content from f),
s as (
  select f.seq, x.*, x.lane is null or
    (row_number() over (partition by x.lane, x.skipped order by f.seq, x.step) = 1
     and (select 1 from deliveries o where o.lane = x.lane and o.holds limit 1) is null) as h
  from unnest($15::int[], $16::smallint[], $17::text[], $18::bytea[], $19::smallint[], $20::bigint[], $21::boolean[],
    $22::boolean[]) as x(place, step, system, lane, needs, due, skipped, room) join f on f.place = x.place),
d as (
  insert into deliveries (message, step, system, lane, state, holds, head, needs, due, first_due, attempt, owner)
  select seq, step, system, lane, case when skipped then 'skipped' when not h or needs > 0 then 'waiting'
      when room then 'claimed' else 'ready' end,
    not skipped, h and not skipped, needs, greatest(due, $2), greatest(due, $2), 0,
    case when h and needs = 0 and room and not skipped then $1 end
  from s returning message, step, state),
w as (
  insert into finds (hash, message) select distinct y.hash, f.seq
  from unnest($23::int[], $24::bytea[]) as y(place, hash) join f on f.place = y.place)
select n.seq, f.renewed, c.steps from n left join f on f.seq = n.seq
left join (select message, array_agg(step) as steps from d where state = 'claimed' group by message) c
  on c.message = n.seq
order by n.place
"""
KNOWN = """
select k.key, k.message, k.digest, m.id, m.received, m.answer from keys k left join messages m on m.seq = k.message
where k.key = any($1::bytea[])
"""
RIDER = """
insert into riders (name, value) select * from unnest($1::text[], $2::bytea[])
on conflict (name) do update set value = excluded.value
"""
FIRST_RIDER = "insert into riders (name, value) values ($1, $2) on conflict do nothing"
NEXT_RIDER = "update riders set value = $2 where name = $1 and value = $3"

# --- split: no row, stale ---
SPLITTING = """
select 1 from deliveries where message = $1 and step = $2 and state = 'claimed' and owner = $3 and first_due = $4
and coalesce((select taken from splits where place = $5), 0) = $6
"""
SPLIT = """
insert into splits as old (place, taken, open) values ($1, $2, $3)
on conflict (place) do update set taken = excluded.taken, open = old.open + excluded.open
"""
# All children are made. With the last that is final the row goes, and what waited for it is free. The row's lock
# makes the nodes take turns: whoever ends the last child sees that all are made, or the other way round.
MADE = """
update splits s set freed = x.freed from unnest($1::bigint[], $2::text[]) as x(place, freed) where s.place = x.place
"""
KEPT = """
with over as (delete from splits where place = any($1::bigint[]) and open = 0)
select place from splits where place = any($1::bigint[]) and open > 0
"""
CHILDREN_DONE = """
update splits s set open = s.open - x.done from unnest($1::bigint[], $2::int[]) as x(place, done)
where s.place = x.place
"""
ALL_DONE = (
    "delete from splits where place = any($1::bigint[]) and open = 0 and freed is not null returning place, freed"
)

# --- claim ---
# A due time beyond the longest policy comes from a clock that was wrong: it counts as due.
MEND = "update deliveries set due = $1 where system = $2 and (state = 'ready' or state = 'doubtful') and due > $3"
_CLAIMED = """
d.message, d.step, m.id, m.route, m.release, d.system, d.lane, d.attempt, m.received, m.deadline, d.first_due,
d.attempt > 0 and exists (select 1 from attempts e where e.message = d.message and e.step = d.step and e.n > 0
  and (d.state <> 'doubtful' or e.n < d.attempt) and (e.outcome is null or e.outcome = 'in_doubt')) as doubted,
d.attempt = 0 and exists (select 1 from bodies b where b.place = d.message * 4096 + 1 + d.step) as amended
"""
_DUE = """
with c as materialized (
  select message, step, due from deliveries where system = $1 and state = '{state}' and due <= $2
  order by due, message, step limit $3 for update skip locked),
d as (
  update deliveries d set {change} from c where d.message = c.message and d.step = c.step returning d.*, c.due as was)
"""
CLAIM = f"""
{_DUE.format(state="ready", change="state = 'claimed', owner = $4")}
select {_CLAIMED} from d join messages m on m.seq = d.message order by d.was, d.message, d.step
"""
ASK = f"""
{_DUE.format(state="doubtful", change="due = $4")}
select {_CLAIMED}, coalesce(a.at, 0) from d join messages m on m.seq = d.message
left join attempts a on a.message = d.message and a.step = d.step and a.n = d.attempt
order by d.was, d.message, d.step
"""
UNCLAIM = """
update deliveries d set state = 'ready', owner = null
from unnest($1::bigint[], $2::smallint[], $3::int[]) as x(message, step, n)
where d.message = x.message and d.step = x.step and d.state = 'claimed' and d.owner = $4 and d.attempt = x.n
"""

# --- sending: no row, do not send ---
# `first_due` tells this claim from one that a person took away meanwhile and gave again.
SENDING = """
with x as materialized (
  select * from unnest($1::bigint[], $2::smallint[], $3::bytea[], $4::bytea[], $7::bigint[])
    as x(message, step, sealed, body, first_due)),
s as (
  update deliveries d set state = 'sending', attempt = attempt + 1 from x
  where d.message = x.message and d.step = x.step and d.state = 'claimed' and d.owner = $6
    and d.first_due = x.first_due
  returning d.message, d.step, d.attempt, d.first_due, x.sealed, x.body),
a as (insert into attempts (message, step, n, at, sealed) select message, step, attempt, $5, sealed from s),
b as (
  insert into bodies (place, data) select message * 4096 + 1 + step, body from s where body is not null
  on conflict (place) do nothing)
select message, step, attempt, first_due from s
"""

# --- settle: no row, stale ---
# The answer to a question. A person may have parked it meanwhile: only a decisive answer ends that.
SETTLE = """
with x as materialized (
  select * from unnest($1::bigint[], $2::smallint[], $3::int[], $4::text[], $5::boolean[], $6::bigint[], $7::text[],
    $8::text[], $9::text[], $10::bytea[], $11::boolean[], $12::boolean[], $15::bigint[])
    as x(message, step, n, state, holds, due, outcome, code, why, reply, question, decisive, first_due)),
d as (
  update deliveries d set state = x.state, holds = x.holds, head = d.head and x.holds, due = x.due,
    outcome = x.outcome, code = x.code, why = x.why, owner = null from x
  where d.message = x.message and d.step = x.step and d.attempt = x.n and case when x.question
    then d.state = 'doubtful' or d.state = 'parked' and d.outcome = 'in_doubt' and x.decisive
    else d.state in ('claimed', 'sending') and d.owner = $14 and d.first_due = x.first_due end
  returning d.message, d.step, d.lane, x.n, x.outcome, x.code, x.reply, x.question),
r as (
  insert into evidence (message, step, n, at, outcome, code, reply)
  select a.message, a.step, a.n, a.ended, a.outcome, a.code, a.reply from d join attempts a
    on a.message = d.message and a.step = d.step and a.n = d.n where d.question and a.ended is not null),
a as (
  update attempts a set ended = $13, outcome = d.outcome, code = d.code, reply = d.reply from d
  where a.message = d.message and a.step = d.step and a.n = d.n and (a.ended is null or d.question)
  returning a.message, a.step)
select d.message, d.step, d.lane, a.message is not null as called from d
left join a on a.message = d.message and a.step = d.step
"""
# An outcome that came without a call (a local system, a map that failed) is kept as attempt 0.
WITHOUT_CALL = """
insert into attempts (message, step, n, at, ended, outcome, code, reply)
select message, step, 0, $6, $6, outcome, code, reply
from unnest($1::bigint[], $2::smallint[], $3::text[], $4::text[], $5::bytea[]) as x(message, step, outcome, code, reply)
on conflict (message, step, n) do update set
ended = excluded.ended, outcome = excluded.outcome, code = excluded.code, reply = excluded.reply
"""
REPLACED = """
insert into evidence (message, step, n, at, outcome, code, reply)
select message, step, n, ended, outcome, code, reply from attempts
where message = $1 and step = $2 and n = $3 and ended is not null
"""
LATE = """
insert into evidence (message, step, n, at, outcome, code, reply)
select message, step, n, $7, outcome, code, reply from unnest($1::bigint[], $2::smallint[], $3::int[], $4::text[],
  $5::text[], $6::bytea[]) as x(message, step, n, outcome, code, reply)
"""
# Settles whose records are not as they were when they were decided upon: somebody was quicker.
MOVED = """
select x.place from unnest($1::int[], $2::bytea[], $3::bigint[]) as x(place, key, version)
where coalesce((select r.version from records r where r.key = x.key), 0) <> x.version
"""
RECORDS = """
insert into records (key, kind, owner, version, value, until)
select * from unnest($1::bytea[], $2::text[], $3::bytea[], $4::bigint[], $5::bytea[], $6::bigint[])
on conflict (key) do update set
owner = excluded.owner, version = excluded.version, value = excluded.value, until = excluded.until
"""
NO_RECORDS = "delete from records where key = any($1::bytea[])"
FREED = """
update deliveries d set needs = needs - x.count from (
  select message, step, count(*) from unnest($1::bigint[], $2::smallint[]) as x(message, step) group by message, step) x
where d.message = x.message and d.step = x.step and d.state = 'waiting'
"""
SKIP = """
update deliveries d set state = 'skipped', holds = false, head = false
from unnest($1::bigint[], $2::smallint[]) as x(message, step)
where d.message = x.message and d.step = x.step and d.state = 'waiting' returning d.message, d.lane
"""
# Steps of `on_failure` are there already when a second step of the message fails.
ADD = """
insert into deliveries (message, step, system, lane, state, holds, head, needs, due, first_due, attempt)
select message, step, system, lane, 'waiting', true, lane is null, needs, $6, 0, 0
from unnest($1::bigint[], $2::smallint[], $3::text[], $4::bytea[], $5::smallint[])
  as x(message, step, system, lane, needs)
on conflict do nothing returning message
"""
OPEN = """
update messages m set open = open - x.done, answer = coalesce(m.answer, x.answer)
from unnest($1::bigint[], $2::int[], $3::bytea[]) as x(seq, done, answer) where m.seq = x.seq
returning m.seq, m.open, m.parent
"""

# --- promote ---
# A step that came later or back to its place stands before a head that has not begun: without this, two lines
# could each wait for the other.
YIELD = """
update deliveries d set head = false from unnest($1::bytea[]) l(lane)
where d.lane = l.lane and d.head and d.state = 'waiting' and exists (select 1 from deliveries o
  where o.lane = l.lane and o.holds and (o.message, o.step) < (d.message, d.step))
"""
# The next head of each line that was let go of. A line whose head still stands keeps it.
HEAD = """
update deliveries d set head = true from unnest($1::bytea[]) l(lane) cross join lateral
  (select message, step from deliveries where lane = l.lane and holds order by message, step limit 1) first
where d.message = first.message and d.step = first.step
and not exists (select 1 from deliveries where lane = l.lane and head) returning d.message, d.step
"""
_FREE = f"""
select {_CLAIMED}, d.due from deliveries d join messages m on m.seq = d.message
where d.state = 'waiting' and d.head and d.needs = 0 and
"""
FREE = f"""
{_FREE} (d.message, d.step) in (select * from unnest($1::bigint[], $2::smallint[])) union
{_FREE} d.message = any($3::bigint[]) order by 1, 2
"""
GO = """
update deliveries d set state = case when x.mine then 'claimed' else 'ready' end,
  owner = case when x.mine then $5 end, due = x.due, first_due = x.due
from unnest($1::bigint[], $2::smallint[], $3::boolean[], $4::bigint[]) as x(message, step, mine, due)
where d.message = x.message and d.step = x.step
"""

# --- withdraw: no row, too late ---
WITHDRAW = """
update deliveries d set state = 'withdrawn', holds = false, head = false, owner = null
where d.message = any($1::bigint[]) and d.state in ('waiting', 'ready', 'claimed')
and not exists (select 1 from deliveries o
  where o.message = d.message and o.state not in ('waiting', 'ready', 'claimed', 'skipped'))
and not exists (select 1 from splits s where s.place between d.message * 4096 and d.message * 4096 + 4095)
and not exists (select 1 from attempts a
  where a.message = d.message and a.n > 0 and (a.outcome is null or a.outcome not in ('unavailable', 'unsent')))
returning d.message, d.lane
"""
FREE_KEYS = """
delete from keys k using messages m where m.seq = any($1::bigint[]) and k.key = m.key and k.message = m.seq
"""

# --- acts of people ---
STANDS = "select state, holds, lane, outcome, attempt from deliveries where message = $1 and step = $2 for update"
CHANGE = """
update deliveries set state = $3, holds = $4,
  head = case when not $4 then false when lane is null then true else head end,
  due = $5, outcome = $6, code = coalesce($7, code), why = $8, owner = null
where message = $1 and step = $2
"""
OPEN_ENDED = """
update attempts set ended = $4, outcome = 'in_doubt' where message = $1 and step = $2 and n = $3 and ended is null
"""
NEW_BODY = "insert into bodies (place, data) values ($1, $2) on conflict (place) do update set data = excluded.data"
FORGET_BODY = "delete from bodies where place = $1"
ACT = "insert into acts (id, at, message, step, verb, said) values ($1, $2, $3, $4, $5, $6)"

# --- the rest ---
PART = """
insert into parts (id, part, n, at, data)
select id, part, n, $5, data from unnest($1::text[], $2::text[], $3::int[], $4::bytea[]) as x(id, part, n, data)
"""
RELEASE = "insert into releases (digest, at, content) values ($1, $2, $3) on conflict do nothing"
FORGET_RELEASE = "delete from releases where digest = $1"
READ = f"""
insert into reads ({", ".join(audit.COLUMNS)})
select * from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
  $9::bytea[], $10::text[], $11::int[], $12::boolean[], $13::bigint[], $14::text[], $15::bigint[], $16::bytea[],
  $17::bytea[])
"""
LAST_READ = "select n, mac from reads where node = $1 and n is not null order by n desc limit 1"

# --- prune: only messages with no open delivery ---
# What an amended step still carries stays.
FINISHED = """
select seq from messages where seq = any($1::bigint[]) and open = 0 and not exists (
  select 1 from amendments a join deliveries d on d.message = a.place / 4096 and d.step = a.place % 4096 - 1
  where a.newer = seq and d.state not in ('delivered', 'refused', 'given_up', 'skipped', 'withdrawn'))
order by seq for update
"""
PRUNE_BODY = (
    """delete from bodies b using unnest($1::bigint[]) s(seq)
    where b.place between s.seq * 4096 and s.seq * 4096 + 4095""",
    "update attempts set sealed = null, reply = null where message = any($1::bigint[])",
    "update evidence set reply = null where message = any($1::bigint[])",
    "update messages set answer = null where seq = any($1::bigint[])",
    "delete from parts p using messages m where m.seq = any($1::bigint[]) and p.id = m.id",
)
PRUNE_WHOLE = (
    *PRUNE_BODY,
    FREE_KEYS,
    "delete from finds where message = any($1::bigint[])",
    "delete from evidence where message = any($1::bigint[])",
    "delete from attempts where message = any($1::bigint[])",
    "delete from deliveries where message = any($1::bigint[])",
    """delete from splits p using unnest($1::bigint[]) s(seq)
    where p.place between s.seq * 4096 and s.seq * 4096 + 4095""",
    """delete from amendments a using unnest($1::bigint[]) s(seq)
    where a.place between s.seq * 4096 and s.seq * 4096 + 4095 or a.newer = s.seq""",
    "delete from messages where seq = any($1::bigint[])",
)
# The key of an open message stays: who repeats it must not begin what may be done already.
FORGET = """
delete from keys k where k.key = any($1::bytea[]) and k.until < $2
and not exists (select 1 from messages m where m.seq = k.message and m.open > 0)
"""
SWEEP_PARTS = "delete from parts where at < $1 and id not in (select id from messages)"
SWEEP_RECORDS = """
delete from records where key in (select key from records where until < $1 order by until limit 1000)
"""
SWEEP_READS = """
delete from reads where id in (select id from reads order by id limit 1000)
and id < (select coalesce(min(id), 9223372036854775807) from (select id, at from reads order by id limit 1000) oldest
  where at >= $1)
"""
