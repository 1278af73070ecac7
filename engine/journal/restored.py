"""What a restore leaves behind: a journal as old as its backup, whose open deliveries may have been done since.

The life between backup and loss is unknown to the journal. So what is from before the restore, or descends from it, is
nobody's to send before it was asked about: delivery records such an attempt as in doubt (`engine/delivery/send.py`).
"""

RESTORED = "restored"
"""The fact that holds the instant of the last restore, in microseconds UTC."""

FORGET = f"delete from facts where name = '{RESTORED}'"
REMEMBER = f"insert into facts (name, value) values ('{RESTORED}', $1)"

UNHEARD = """
with recursive up (received, parent) as (
  select received, parent from messages where seq = $1
  union all select m.received, m.parent from up join messages m on m.seq = up.parent / 4096)
select 1 from up where received < $3 and not exists
  (select 1 from attempts where message = $1 and step = $2 and n > 0 and at >= $3) limit 1
"""
"""A row: the delivery $1/$2 is of a message from before $3, or of one made by such a one, and was not tried since."""
