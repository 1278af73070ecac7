"""Reading statements, the same for both databases: values are $1, $2 … in order."""

from engine import records

ANSWER = "select id, received, answer from messages where seq = $1"
HELD_BY = """
select m.id from deliveries d join deliveries h on h.lane = d.lane and h.head and h.lane is not null
join messages m on m.seq = h.message
where d.message = $1 and d.state = 'waiting' and d.needs = 0 and not d.head and h.state in ('doubtful', 'parked')
order by d.step limit 1
"""
RAW = "select m.id, m.received, b.data from messages m left join bodies b on b.place = $2 where m.seq = $1"
PARTS = "select data from parts where id = $1 and part = $2 order by n"
OUTCOMES = """
select m.id, m.received, d.step, d.state, d.outcome, d.code, a.reply
from deliveries d join messages m on m.seq = d.message
left join attempts a on a.message = d.message and a.step = d.step and a.ended is not null and a.ended =
  (select max(ended) from attempts where message = d.message and step = d.step)
where d.message = $1 order by d.step, case when a.n = 0 then 1 else 0 end, a.n
"""
EARLIER = """
select m.seq, d.step, m.id, m.route, m.release, d.system, d.lane, d.attempt, m.received, m.deadline, d.state,
d.why, coalesce(d.outcome, '') = 'in_doubt' or coalesce(d.outcome, '') <> 'refused' and exists (
  select 1 from attempts e where e.message = d.message and e.step = d.step and e.n > 0
  and (e.outcome is null or e.outcome = 'in_doubt')), coalesce(a.newer, 0)
from finds f join messages m on m.seq = f.message join deliveries d on d.message = m.seq
left join amendments a on a.place = d.message * 4096 + 1 + d.step
where f.hash = $1 and f.message < $2 order by m.seq desc, d.step
"""
NEWER = """
select m.seq, d.step, m.id, m.route, m.release, d.system, d.lane, d.attempt, m.received, m.deadline, d.state
from amendments a join messages m on m.seq = a.newer join deliveries d on d.message = m.seq
where a.place = $1 order by d.step limit 1
"""
TAKEN = "select taken from splits where place = $1"
RIDER = "select value from riders where name = $1"
RELEASE = "select content from releases where digest = $1"
# Open messages of each, by the indexes that hold nothing else, as in OPEN_DAYS.
RELEASES = """
select r.digest, r.at, coalesce(o.count, 0) from releases r left join (
  select release, count(*) as count from messages where seq in (
    select message from deliveries where state = 'ready' or state = 'doubtful'
    union select message from deliveries where owner is not null
    union select message from deliveries where state = 'parked'
    union select message from deliveries where holds and lane is not null) group by release) o on o.release = r.digest
order by r.at desc, r.digest
"""
RECORD = "select key, version, value, until from records where key = $1"
RECORDS = "select key, version, value, until from records where owner = $1 order by version, key"
NEXT_DUE = """
select min(due) from (
  select min(due) as due from deliveries where system = $1 and state = 'ready'
  union all select min(due) from deliveries where system = $1 and state = 'doubtful') as waiting
"""
BACKLOG = """
select system, state, count(*) from deliveries where state = 'ready' group by system, state
union all select system, state, count(*) from deliveries where state = 'doubtful' group by system, state
union all select system, state, count(*) from deliveries where state = 'parked' group by system, state
"""
# What moves by itself, and what stands behind such a one in its line; what waits for a person does not count.
UNDER_WAY = f"""
select count(*) from (select 1 from messages where route = $1 and seq in (
  select message from deliveries where (state = 'ready' or state = 'doubtful')
    and coalesce(why, '') <> '{records.EARLIER_IN_DOUBT}'
  union select message from deliveries where owner is not null
  union select d.message from deliveries d join deliveries h on h.lane = d.lane and h.head and h.lane is not null
    where d.holds and d.lane is not null and d.state = 'waiting'
    and (h.state = 'ready' or h.state = 'doubtful' or h.owner is not null)) limit $2) as counted
"""
FACT = "select value from facts where name = $1"
MESSAGE = "select id, received from messages where seq = $1"
STEPS = """
select m.seq, d.step, m.id, m.route, m.release, d.system, d.lane, d.attempt, m.received, m.deadline, d.state
from messages m join deliveries d on d.message = m.seq where m.id = $1 order by d.step
"""

# --- what upkeep walks through ---
FIRST_BODY = "select min(place) from bodies"
OLDEST = """
select seq, received, open from messages where seq > $1 and seq < (select max(seq) from messages) order by seq limit $2
"""
# Open deliveries, by the indexes that hold nothing else; who waits in no line has another of its message among them.
OPEN_DAYS = """
select distinct m.received / $1 from messages m join (
  select message from deliveries where state = 'ready' or state = 'doubtful'
  union select message from deliveries where owner is not null
  union select message from deliveries where state = 'parked'
  union select message from deliveries where holds and lane is not null
  union select a.newer from amendments a join deliveries d on d.message = a.place / 4096
    and d.step = a.place - a.place / 4096 * 4096 - 1
    where d.state not in ('delivered', 'refused', 'given_up', 'skipped', 'withdrawn')) d on d.message = m.seq
"""
OLDEST_RECEIVED = "select received from messages where seq = (select min(seq) from messages)"
KEYS = "select key, until from keys where key > $1 order by key limit $2"
