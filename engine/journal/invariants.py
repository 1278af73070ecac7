"""What must be true of a journal after every commit (delivery.md §8), as statements that find what breaks it.

Each gives the numbers of messages concerned; none means that it holds. They run on both databases, for
`hisbus journal verify` and, after every commit, for the property test.
"""

_FINAL = "('delivered', 'refused', 'given_up', 'skipped', 'withdrawn')"
_UNDER_WAY = "('claimed', 'sending', 'doubtful')"

INVARIANTS = {
    "a lane with holders has exactly one head": """
        select min(message) from deliveries where holds and lane is not null
        group by lane having sum(case when head then 1 else 0 end) <> 1""",
    "at most one delivery of a lane is under way": f"""
        select min(message) from deliveries where lane is not null and state in {_UNDER_WAY}
        group by lane having count(*) > 1""",
    "a head that has not begun is the first of its lane": """
        select h.message from deliveries h where h.head and h.state = 'waiting' and h.lane is not null
        and exists (select 1 from deliveries o where o.lane = h.lane and o.holds
          and (o.message < h.message or o.message = h.message and o.step < h.step))""",
    "no head that needs nothing waits": """
        select message from deliveries where state = 'waiting' and head and needs = 0""",
    "only a head is ready or under way": f"""
        select message from deliveries where (state = 'ready' or state in {_UNDER_WAY}) and not head""",
    "what goes on holds its place, what is final does not": f"""
        select message from deliveries
        where (state in {_FINAL} and (holds or head)) or (not holds and state not in {_FINAL} and state <> 'parked')""",
    "nothing is started before what it needs": """
        select message from deliveries where needs < 0
        or needs > 0 and state not in ('waiting', 'skipped', 'withdrawn')""",
    "open counts the deliveries that are not final": f"""
        select m.seq from messages m where m.open <>
        (select count(*) from deliveries d where d.message = m.seq and d.state not in {_FINAL})""",
    "claimed and sending have an owner, nothing else has": """
        select message from deliveries where (owner is not null) <> (state in ('claimed', 'sending'))""",
    "every owner is a node of the present": """
        select message from deliveries where owner is not null
        and owner not in (select node || '/' || epoch from nodes)""",
    "what is sending or in doubt has its attempt": """
        select d.message from deliveries d where d.state in ('sending', 'doubtful') and not exists
        (select 1 from attempts a where a.message = d.message and a.step = d.step and a.n = d.attempt and d.attempt > 0)
        """,
    "attempts are counted without gaps": """
        select d.message from deliveries d where d.attempt <>
        (select count(*) from attempts a where a.message = d.message and a.step = d.step and a.n > 0)""",
    "only the last attempt may be without an end": """
        select d.message from deliveries d join attempts a on a.message = d.message and a.step = d.step
        where a.ended is null and (a.n <> d.attempt or d.state not in ('sending', 'doubtful'))""",
    "nothing of a withdrawn delivery can have been read": """
        select d.message from deliveries d join attempts a on a.message = d.message and a.step = d.step
        where d.state = 'withdrawn' and a.n > 0 and (a.outcome is null or a.outcome not in ('unavailable', 'unsent'))
        """,
    "the key of a withdrawn message is free": """
        select d.message from deliveries d join keys k on k.message = d.message where d.state = 'withdrawn'""",
    "a message under way has its body": """
        select m.seq from messages m where m.open > 0
        and not exists (select 1 from bodies b where b.place = m.seq * 4096)""",
    "a step waits for each child that is not final, and for no other": """
        select s.place / 4096 from splits s where s.open <>
        (select count(*) from messages m where m.parent = s.place and m.open > 0)""",
    "what waited for children goes with the last of them": """
        select place / 4096 from splits where open = 0 and freed is not null""",
    "a step makes children until it has ended": """
        select d.message from splits s join deliveries d on d.message = s.place / 4096
        and d.step = s.place - s.place / 4096 * 4096 - 1
        where (s.freed is null) <> (d.state in ('ready', 'claimed', 'parked'))""",
    "every split has its step": """
        select s.place / 4096 from splits s left join deliveries d on d.message = s.place / 4096
        and d.step = s.place - s.place / 4096 * 4096 - 1 where d.message is null""",
    "a withdrawn step has made no children": """
        select d.message from messages m join deliveries d on d.message = m.parent / 4096
        and d.step = m.parent - m.parent / 4096 * 4096 - 1 where d.state = 'withdrawn'""",
    "what carries the content of a later message has it": """
        select a.place / 4096 from amendments a join deliveries d on d.message = a.place / 4096
        and d.step = a.place - a.place / 4096 * 4096 - 1
        where d.state not in ('delivered', 'refused', 'given_up', 'skipped', 'withdrawn')
        and not exists (select 1 from bodies b where b.place = a.newer * 4096)""",
    "every delivery has its message": """
        select d.message from deliveries d left join messages m on m.seq = d.message where m.seq is null""",
}
