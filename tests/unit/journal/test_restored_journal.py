"""A restored journal knows what may have been done since its backup, on both databases, over as many restarts as come."""

from datetime import timedelta

import pytest

from engine.journal import backup
from engine.journal.backup import back_up, restore
from engine.journal.verbs import body_place
from engine.model import State, Then, Verdict
from tests.unit.journal.made import Opener, message


def quiet(*_):
    return None


async def test_what_is_from_before_a_restore_is_unheard_of_until_it_is_tried(opener, url, tmp_path, request):
    opened = await opener.open(keys=str(tmp_path / "keys"))
    for number in range(3):
        _, claimed = await opened.taken(message(raw=b"%d" % number))
        assert not await opened.journal.unheard(claimed)
    await back_up(url, tmp_path / "copy", quiet)
    opener.clock.advance(timedelta(hours=1))
    file = f"sqlite:///{tmp_path / 'back.db'}"
    place = file if url.startswith("sqlite") else request.getfixturevalue("postgres").fresh()
    await restore(place, tmp_path / "copy", opener.clock, quiet)
    again = Opener(place, opener.clock)
    first = await again.open(keys=str(tmp_path / "keys"))
    await first.journal.close()
    back = await again.open(keys=str(tmp_path / "keys"))
    old = await back.journal.claim("his", 10)
    assert [await back.journal.unheard(one) for one in old] == [True, True, True]
    sent = await back.send(old[0])
    assert not await back.journal.unheard(sent)
    await back.settle(sent, Verdict.UNAVAILABLE, Then(State.READY, due=opener.clock.now(), holds=True))
    (once_more,) = await back.journal.claim("his", 10)
    assert not await back.journal.unheard(once_more)
    now = opener.clock.now()
    _, child = await back.taken(message(received=now, parent=body_place(old[1].seq, 0)))
    _, grandchild = await back.taken(message(received=now, parent=body_place(child.seq, 0)))
    _, new = await back.taken(message(received=now))
    assert [await back.journal.unheard(one) for one in (child, grandchild, new)] == [True, True, False]
    await again.close()


async def test_a_restore_that_is_cut_off_leaves_no_journal_in_place(tmp_path, clock, monkeypatch):
    """SQLite's; PostgreSQL's is one transaction."""
    opener = Opener(f"sqlite:///{tmp_path / 'journal.db'}", clock)
    opened = await opener.open()
    await opened.taken(message())
    await back_up(opener.url, tmp_path / "copy", quiet)
    place = tmp_path / "back.db"

    def cut_off(_connection):
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(backup, "migrate_file", cut_off)
        with pytest.raises(KeyboardInterrupt):
            backup._put_file(tmp_path / "copy", place, "1")
    assert not place.exists()
    await restore(f"sqlite:///{place}", tmp_path / "copy", opener.clock, quiet)
    assert sorted(file.name for file in tmp_path.glob("back.db*")) == ["back.db"]
    await opener.close()
