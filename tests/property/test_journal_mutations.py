"""The property test must notice when a rule is taken out of the journal: each mutation fails within its short run."""

from pathlib import Path
from types import ModuleType

import pytest

from engine.base.errors import BusError
from engine.journal import postgres, sqlite
from tests.postgres_server import Server
from tests.property.world import World

ON_SQLITE = {
    "sending: its state": ("SENDING", "state = 'claimed'", "state in ('claimed', 'sending')"),
    "settle: its attempt": ("SETTLE", "and attempt = ?", "and attempt >= ? - 99"),
    "settle: its state": ("SETTLE", "state in ('claimed', 'sending') and owner = ?", "coalesce(owner, '') <= ?"),
    "withdraw: nothing was read": ("WITHDRAW", "and not exists (select 1 from attempts", "and 1 or (select 1 from attempts"),
    "recover: in doubt": ("RECOVER", "then 'doubtful'", "then 'ready'"),
    "promote: one head": ("HEAD", "and not exists (select 1 from deliveries where lane = ?1 and head)", ""),
    "yield: to an earlier place": ("YIELD", "where", "where 0 and"),
    "split: its progress": ("SPLITTING", "and coalesce((select taken from splits where place = ?), 0) = ?", "and coalesce(?, ?) is not null"),
    "split: children are counted": ("SPLIT", "open = open + excluded.open", "open = excluded.open"),
    "child: counted once": ("CHILD_DONE", "open - 1", "open - 1 * (open > 1)"),
    "records: the guard": ("STANDS_AT", "coalesce(max(version), 0) = ?", "coalesce(max(version), 0) >= ? * 0"),
    "withdraw: has no children": ("WITHDRAW", "not exists (select 1 from splits", "1 or exists (select 1 from splits"),
}  # fmt: skip
ON_POSTGRES = {
    "the lane lock": ("LOCK_LANES", postgres.LOCK_LANES, "select 1"),
    "the fence": ("HOLDS", postgres.HOLDS, "select 1"),
    "sending: its state": ("SENDING", "d.state = 'claimed'", "d.state in ('claimed', 'sending')"),
    "sending: its owner": ("SENDING", "d.owner = $6", "coalesce(d.owner, '') <> $6 || 'x'"),
    "settle: its owner": ("SETTLE", "d.owner = $14", "d.owner <> $14 || 'x'"),
    "split: its progress": ("SPLITTING", "= $6", "<> $6 - 99"),
    "records: the guard": ("MOVED", "<> x.version", "<> x.version and false"),
}


async def play(module: ModuleType, mutation: tuple[str, str, str], world: World, patch: pytest.MonkeyPatch) -> bool:
    """Whether the world notices."""
    name, old, new = mutation
    statement = getattr(module, name)
    assert old in statement, f"{name} no longer holds {old!r}: change the mutation with the statement"
    with patch.context() as patched:
        patched.setattr(module, name, statement.replace(old, new))
        try:
            await world.run(120)
        except (AssertionError, BusError):
            return True
    return False


@pytest.mark.parametrize("rule", ON_SQLITE)
async def test_a_rule_taken_out_is_noticed_on_sqlite(
    rule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(12):
        world = World(f"sqlite:///{tmp_path / f'{seed}.db'}", seed, ("bus",))
        if await play(sqlite, ON_SQLITE[rule], world, monkeypatch):
            return
    pytest.fail(f"without {rule} everything still holds")


@pytest.mark.postgres
@pytest.mark.parametrize("rule", ON_POSTGRES)
async def test_a_rule_taken_out_is_noticed_on_postgresql(
    rule: str, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.journal import postgres as statements

    for seed in range(12):
        if await play(statements, ON_POSTGRES[rule], World(postgres.fresh(), seed, ("a", "b")), monkeypatch):
            return
    pytest.fail(f"without {rule} everything still holds")
