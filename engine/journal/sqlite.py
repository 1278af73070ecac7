"""The statements of delivery.md for SQLite. One writer at a time, so what a select saw still holds at the update."""

from engine.journal import audit

BEGIN = "begin immediate"

# Fence: no row means that this node was taken over.
FENCE = "select 1 from nodes where node = ? and epoch = ?"  # the file is held from `begin immediate` on: this stands
SEEN = "update nodes set seen = ? where node = ? and epoch = ?"

# What is true of the whole journal, once.
ESTABLISH = "insert into facts (name, value) values (?, ?) on conflict do nothing"
FACT = "select value from facts where name = ?"

# A node that starts: a new epoch, so that nothing of its former life can write.
JOIN = """
insert into nodes (node, epoch, batch, seen) values (?, 1, 0, ?)
on conflict (node) do update set epoch = epoch + 1, batch = 0, seen = excluded.seen returning epoch
"""

# At start, and when a node leaves: an attempt without outcome is in doubt, what was only claimed is not.
RECOVER = """
update deliveries set state = case state when 'sending' then 'doubtful' else 'ready' end, owner = null, due = ?
where owner is not null
"""

# At start, system by system: a question that died with the process must not hold its lane for the rest of its limit.
NEXT_SYSTEM = "select min(system) from deliveries where (state = 'ready' or state = 'doubtful') and system > ?"

# --- accept ---
KEY = "insert into keys (key, message, digest, until) values (?, ?, ?, ?) on conflict do nothing"
KNOWN = """
select k.message, k.digest, m.id, m.received, m.answer
from keys k left join messages m on m.seq = k.message where k.key = ?
"""
RENEW = "update keys set message = ?, digest = ?, until = ? where key = ?"
MESSAGE = """
insert into messages (seq, id, route, release, received, deadline, parent, open, key) values (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
BODY = "insert into bodies (place, data) values (?, ?)"
HELD = "select 1 from deliveries where lane = ? and holds limit 1"
DELIVERY = """
insert into deliveries (message, step, system, lane, state, holds, head, needs, due, first_due, attempt, owner)
values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)
"""
FIND = "insert into finds (hash, message) values (?, ?) on conflict do nothing"
RIDER = "insert into riders (name, value) values (?, ?) on conflict (name) do update set value = excluded.value"
FIRST_RIDER = "insert into riders (name, value) values (?, ?) on conflict do nothing"
NEXT_RIDER = "update riders set value = ? where name = ? and value = ?"

# --- split: no row, stale ---
SPLITTING = """
select 1 from deliveries where message = ? and step = ? and state = 'claimed' and owner = ? and first_due = ?
and coalesce((select taken from splits where place = ?), 0) = ?
"""
SPLIT = """
insert into splits (place, taken, open) values (?, ?, ?)
on conflict (place) do update set taken = excluded.taken, open = open + excluded.open
"""
# All children are made. With the last that is final the row goes, and what waited for it is free.
MADE = "update splits set freed = ? where place = ? and open > 0"
CHILD_DONE = "update splits set open = open - 1 where place = ?"
ALL_DONE = "delete from splits where place = ? and open = 0 and freed is not null returning freed"
NONE_LEFT = "delete from splits where place = ?"

# --- claim ---
# A due time beyond the longest policy comes from a clock that was wrong: it counts as due.
MEND = "update deliveries set due = ? where system = ? and state = '{state}' and due > ?"
MEND_READY, MEND_DOUBTFUL = MEND.format(state="ready"), MEND.format(state="doubtful")
_CLAIMED = """
d.message, d.step, m.id, m.route, m.release, d.system, d.lane, d.attempt, m.received, m.deadline, d.first_due,
d.attempt > 0 and exists (select 1 from attempts e where e.message = d.message and e.step = d.step and e.n > 0
  and (d.state != 'doubtful' or e.n < d.attempt) and (e.outcome is null or e.outcome = 'in_doubt')) as doubted,
d.attempt = 0 and exists (select 1 from bodies b where b.place = d.message * 4096 + 1 + d.step) as amended
"""
CLAIMABLE = f"""
select {_CLAIMED} from deliveries d join messages m on m.seq = d.message
where d.system = ? and d.state = 'ready' and d.due <= ? order by d.due, d.message, d.step limit ?
"""
TAKE = "update deliveries set state = 'claimed', owner = ? where message = ? and step = ? and state = 'ready'"
ASKABLE = f"""
select {_CLAIMED}, coalesce(a.at, 0) from deliveries d join messages m on m.seq = d.message
left join attempts a on a.message = d.message and a.step = d.step and a.n = d.attempt
where d.system = ? and d.state = 'doubtful' and d.due <= ? order by d.due, d.message, d.step limit ?
"""
ASK = "update deliveries set due = ? where message = ? and step = ? and state = 'doubtful'"
UNCLAIM = """
update deliveries set state = 'ready', owner = null
where message = ? and step = ? and state = 'claimed' and owner = ? and attempt = ?
"""

# --- sending: no row, do not send ---
# `first_due` tells this claim from one that a person took away meanwhile and gave again.
SENDING = """
update deliveries set state = 'sending', attempt = attempt + 1
where message = ? and step = ? and state = 'claimed' and owner = ? and first_due = ? returning attempt
"""
ATTEMPT = "insert into attempts (message, step, n, at, sealed) values (?, ?, ?, ?, ?)"
FIRST_BODY = "insert into bodies (place, data) values (?, ?) on conflict (place) do nothing"

# --- settle: no row, stale ---
_SETTLE = """
update deliveries set state = ?, holds = ?, head = head and ?, due = ?, outcome = ?, code = ?, why = ?, owner = null
where message = ? and step = ? and
"""
SETTLE = _SETTLE + "state in ('claimed', 'sending') and owner = ? and attempt = ? and first_due = ?"
# The answer to a question. A person may have parked it meanwhile: only a decisive answer ends that.
ANSWERED = _SETTLE + "(state = 'doubtful' or state = 'parked' and outcome = 'in_doubt' and ?) and attempt = ?"
END = """
update attempts set ended = ?, outcome = ?, code = ?, reply = ?
where message = ? and step = ? and n = ? and (ended is null or ?)
"""
# An outcome that came without a call (a local system, a map that failed) is kept as attempt 0.
WITHOUT_CALL = """
insert into attempts (message, step, n, at, ended, outcome, code, reply) values (?, ?, 0, ?, ?, ?, ?, ?)
on conflict (message, step, n) do update set
ended = excluded.ended, outcome = excluded.outcome, code = excluded.code, reply = excluded.reply
"""
LATE = "insert into evidence (message, step, n, at, outcome, code, reply) values (?, ?, ?, ?, ?, ?, ?)"
REPLACED = """
insert into evidence (message, step, n, at, outcome, code, reply)
select message, step, n, ended, outcome, code, reply from attempts
where message = ? and step = ? and n = ? and ended is not null
"""
# Whether a record is as it was when the settle was decided upon; 0: somebody was quicker.
STANDS_AT = "select coalesce(max(version), 0) = ? from records where key = ?"
RECORD = """
insert into records (key, kind, owner, version, value, until) values (?, ?, ?, ?, ?, ?)
on conflict (key) do update set
owner = excluded.owner, version = excluded.version, value = excluded.value, until = excluded.until
"""
NO_RECORD = "delete from records where key = ?"
FREED = "update deliveries set needs = needs - 1 where message = ? and step = ? and state = 'waiting'"
SKIP = """
update deliveries set state = 'skipped', holds = 0, head = 0
where message = ? and step = ? and state = 'waiting' returning lane
"""
# Steps of `on_failure` are there already when a second step of the message fails.
ADD = """
insert into deliveries (message, step, system, lane, state, holds, head, needs, due, first_due, attempt)
values (?, ?, ?, ?, 'waiting', 1, ?, ?, ?, 0, 0) on conflict do nothing
"""
OPEN = "update messages set open = open - ?, answer = coalesce(answer, ?) where seq = ? returning open, parent"

# --- promote ---
# A step that came later or back to its place stands before a head that has not begun: without this, two lines
# could each wait for the other.
YIELD = """
update deliveries set head = 0 where lane = ?1 and head and state = 'waiting' and (message, step) >
  (select message, step from deliveries where lane = ?1 and holds order by message, step limit 1)
"""
# The next head of a line that was let go of. A line whose head still stands keeps it.
HEAD = """
update deliveries set head = 1 where (message, step) =
  (select message, step from deliveries where lane = ?1 and holds order by message, step limit 1)
and not exists (select 1 from deliveries where lane = ?1 and head) returning message, step
"""
_FREE = f"""
select {_CLAIMED}, d.due from deliveries d join messages m on m.seq = d.message
where d.state = 'waiting' and d.head and d.needs = 0 and d.message = ?
"""
FREE_STEP = _FREE + "and d.step = ?"
FREE_MESSAGE = _FREE + "order by d.step"
GO = "update deliveries set state = ?, owner = ?, due = ?, first_due = ? where message = ? and step = ?"

# --- withdraw: no row, too late ---
WITHDRAW = """
update deliveries set state = 'withdrawn', holds = 0, head = 0, owner = null
where message = ?1 and state in ('waiting', 'ready', 'claimed')
and not exists (select 1 from deliveries where message = ?1 and state not in ('waiting', 'ready', 'claimed', 'skipped'))
and not exists (select 1 from splits where place between ?1 * 4096 and ?1 * 4096 + 4095)
and not exists (select 1 from attempts
  where message = ?1 and n > 0 and (outcome is null or outcome not in ('unavailable', 'unsent')))
returning lane
"""
FREE_KEY = "delete from keys where key = (select key from messages where seq = ?1) and message = ?1"

# --- acts of people ---
STANDS = """
select d.state, d.holds, d.lane, d.outcome, d.attempt from deliveries d where d.message = ? and d.step = ?
"""
CHANGE = """
update deliveries set state = ?, holds = ?, head = case when not ? then 0 when lane is null then 1 else head end,
due = ?, outcome = ?, code = coalesce(?, code), why = ?, owner = null where message = ? and step = ?
"""
OPEN_ENDED = """
update attempts set ended = ?, outcome = 'in_doubt' where message = ? and step = ? and n = ? and ended is null
"""
NEW_BODY = "insert into bodies (place, data) values (?, ?) on conflict (place) do update set data = excluded.data"
FORGET_BODY = "delete from bodies where place = ?"
ACT = "insert into acts (id, at, message, step, verb, said) values (?, ?, ?, ?, ?, ?)"

# --- the rest ---
PART = "insert into parts (id, part, n, at, data) values (?, ?, ?, ?, ?)"
RELEASE = "insert into releases (digest, at, content) values (?, ?, ?) on conflict do nothing"
FORGET_RELEASE = "delete from releases where digest = ?"
READ = f"insert into reads ({', '.join(audit.COLUMNS)}) values ({', '.join('?' for _ in audit.COLUMNS)})"
LAST_READ = "select n, mac from reads where node = ? and n is not null order by n desc limit 1"

# --- prune: only messages with no open delivery ---
# What an amended step still carries stays.
FINISHED = """
select seq from messages where seq = ?1 and open = 0 and not exists (
  select 1 from amendments a join deliveries d on d.message = a.place / 4096 and d.step = a.place % 4096 - 1
  where a.newer = ?1 and d.state not in ('delivered', 'refused', 'given_up', 'skipped', 'withdrawn'))
"""
PRUNE_BODY = (
    "delete from bodies where place between ?1 * 4096 and ?1 * 4096 + 4095",
    "update attempts set sealed = null, reply = null where message = ?1",
    "update evidence set reply = null where message = ?1",
    "update messages set answer = null where seq = ?1",
    "delete from parts where id = (select id from messages where seq = ?1)",
)
PRUNE_WHOLE = (
    *PRUNE_BODY,
    FREE_KEY,
    "delete from finds where message = ?1",
    "delete from evidence where message = ?1",
    "delete from attempts where message = ?1",
    "delete from deliveries where message = ?1",
    "delete from splits where place between ?1 * 4096 and ?1 * 4096 + 4095",
    "delete from amendments where place between ?1 * 4096 and ?1 * 4096 + 4095 or newer = ?1",
    "delete from messages where seq = ?1",
)
# The key of an open message stays: who repeats it must not begin what may be done already.
FORGET = """
delete from keys where key = ? and until < ?
and not exists (select 1 from messages m where m.seq = keys.message and m.open > 0)
"""
SWEEP_PARTS = "delete from parts where at < ? and id not in (select id from messages)"
SWEEP_RECORDS = """
delete from records where key in (select key from records where until < ? order by until limit 1000)
"""
SWEEP_READS = """
delete from reads where id in (select id from reads order by id limit 1000)
and id < (select coalesce(min(id), 9223372036854775807) from (select id, at from reads order by id limit 1000)
  where at >= ?)
"""
