"""Systems that misbehave: each case ends, on every adapter, in what the reference says of it."""

from fnmatch import fnmatchcase
from pathlib import Path

import pytest

import adapters
from engine.contract import Adapter, Failure, InDoubt, Refused, Unavailable
from tests.contract.misbehaving import CASES, GENEROUS, NAME, NOT_SQL, ONLY_SQL, WIRES
from tests.contract.stands import WIRE, Stand

DESTINATIONS = sorted(name for name in adapters.NAMES if adapters.load(name).destination)


def possible(adapter: str) -> set[str]:
    return set(CASES) - (NOT_SQL if adapter == "sql" else ONLY_SQL)


PAIRS = [
    pytest.param(kind, case, marks=[pytest.mark.postgres] if kind == "postgres" else [], id=f"{kind}: {case}")
    for kind in WIRE
    for case in CASES
    if case in possible("sql" if kind == "postgres" else kind)
]


def failure_of(adapter: Adapter, case: str) -> Failure | None:
    """What the reference says that a case ends in; None: in a reply."""
    return next((one for one in adapter.failures if case in one.cases), None)


@pytest.mark.parametrize("name", DESTINATIONS)
def test_the_reference_says_of_every_case_what_it_ends_in(name: str) -> None:
    adapter = adapters.load(name)
    said = [case for one in adapter.failures for case in one.cases] + list(adapter.replies)
    assert sorted(said) == sorted(possible(name)), "each once, and none that no test brings about"


@pytest.mark.asyncio(loop_factories=["uvloop"])
@pytest.mark.parametrize(("stand", "case"), PAIRS, indirect=["stand"])
async def test_ends_as_the_reference_says(stand: Stand, case: str, tmp_path: Path) -> None:
    adapter = adapters.load(stand.adapter)
    said = failure_of(adapter, case)
    by_limit = said is not None and said.why == "timeout"
    call = stand.call("m1", timeout=WIRES[adapter.name].short if by_limit else GENEROUS)
    if said is None:
        reply = await CASES[case](stand, call, tmp_path)
        wanted = NAME.decode("gb18030").encode() if adapter.name == "soap" else NAME
        assert case != "wrong charset" or wanted in reply.body
        return
    with pytest.raises((Unavailable, InDoubt, Refused)) as ended:
        await CASES[case](stand, call, tmp_path)
    assert type(ended.value) is said.raised
    assert fnmatchcase(ended.value.why, said.why)
    if said.raised is Unavailable:
        assert "m1" not in await stand.ledger(), "said to be unread"
    elif case != "an error for an hour":
        assert (await stand.ledger()).count("m1") == 1, "sent again by itself"
