"""Back to a former release: with one act, over restarts, on every node, and whole wherever the bus is killed."""

import asyncio
import contextlib
import json
import shutil
import sys
from pathlib import Path

import pytest
from calls_desk import until
from offices import served
from reloads_desk import Desk, Office, Sender

from engine.app.commands import commands
from engine.app.switching import By
from engine.base.errors import BusError
from engine.settings.problems import TextsRefused
from tests.postgres_server import postgres

__all__ = ["postgres"]

ROOT = Path(__file__).parents[3]
ME = By("tester", "the platform refuses everything since noon")


@pytest.fixture
async def office():
    async with served(Office()) as found:
        yield found


@pytest.fixture
def desk(tmp_path, office):
    return Desk(tmp_path, office.url)


async def stamped(bus, office, name="L"):
    """Under which release a message is taken now."""
    sender = Sender(name)
    await sender.connect(bus)
    number = f"{name}-{len(office.ledger)}"
    await sender.write(number)
    await sender.answered(number)
    await sender.close()
    await until(lambda: number in office.numbers())
    return next(body["sent_by"] for body in office.ledger if body["no"] == number)


async def test_back_to_the_release_before_and_no_start_brings_the_other_one_again(desk, office):
    async with desk.running() as bus:
        good = bus.release.digest
        desk.stamp(2)
        bad = (await bus.switching.reload(ME)).release
        outcome = await bus.switching.rollback(None, ME)
        assert (outcome.release, outcome.before, outcome.on_disk) == (good, bad, bad)
        assert await stamped(bus, office) == "R0"
    async with desk.running() as bus:
        assert bus.release.digest == good
        assert await stamped(bus, office) == "R0"
        desk.change("config/desk.yaml", "breaker: {after: 1000}", "breaker: {after: 999}")
        outcome = await bus.switching.reload(ME)  # settings change under the release that is in force
        assert (outcome.release, outcome.renewed) == (good, ("office",))
        desk.stamp(4)
        assert (await bus.switching.reload(ME)).before == good
        assert await stamped(bus, office) == "R4"
        desk.stamp(2)
        again = await bus.switching.reload(ME, again=True)
        assert (again.release, await stamped(bus, office)) == (bad, "R2")
    async with desk.running() as bus:
        assert bus.release.digest == bad


async def test_a_release_is_named_by_the_beginning_of_its_hash(desk, office):
    async with desk.running() as bus:
        first = bus.release.digest
        for number in (2, 4):
            desk.stamp(number)
            await bus.switching.reload(ME)
        assert (await bus.switching.rollback(first[:8], ME)).release == first
        for named, why in (("ffffff", "no release"), (first[:3], "no release"), (first[:12], "is in force")):
            with pytest.raises(BusError, match=why):
                await bus.switching.rollback(named, ME)


async def test_a_former_release_that_does_not_fit_the_settings_any_more_changes_nothing(desk, office):
    async with desk.running() as bus:
        desk.put("mappings/desk/lab.yaml", desk.text("mappings/desk/lis.yaml").replace("desk/lis", "desk/lab"))
        desk.change("config/desk.yaml", "profile: desk/lis", "profile: desk/lab")
        now = (await bus.switching.reload(ME)).release
        with pytest.raises(TextsRefused) as refused:
            await bus.switching.rollback(None, ME)
        assert "the profile 'desk/lab' is not known" in str(next(iter(refused.value.problems)))
        assert (bus.release.digest, await stamped(bus, office)) == (now, "R0")


async def test_people_are_told_what_is_in_force_and_what_was_found(desk, office):
    async with desk.running() as bus:
        ask = commands(bus)
        desk.stamp(2)
        assert (await ask["status"]({}))["on_disk"] != bus.release.digest[:12]
        done = await ask["reload"]({"who": "tester"})
        assert done["release"] == bus.release.digest
        status = await ask["status"]({})
        assert (status["release"], status["on_disk"]) == (done["release"][:12], done["release"][:12])
        with pytest.raises(BusError, match="needs its reason"):
            await ask["rollback"]({"who": "tester"})
        await ask["rollback"]({"who": "tester", "reason": "as before"})
        assert (await ask["status"]({}))["withdrawn"]
        desk.put("routes.yaml", "routes: [")
        (finding,) = json.loads(json.dumps(await ask["reload"]({})))["findings"]
        assert finding["where"]["file"] == "routes.yaml"


@pytest.mark.postgres
async def test_nodes_switch_each_for_itself_and_carry_what_the_others_took(desk, office, tmp_path, postgres):
    address = postgres.fresh().replace("bus@", "")
    journal = f'journal: {{url: "{address}", node: a, login: {{user: bus, password: {{secret: bus}}}}}}'
    desk.change("config/desk.yaml", "journal: {reserve: 1MB}", journal)
    desk.put("keys/bus", "trusted by its socket")
    shutil.copytree(desk.folder, tmp_path / "b")
    other = Desk(tmp_path / "b")
    other.change("config/desk.yaml", "node: a", "node: b")
    async with desk.running() as first, other.running() as second:
        desk.stamp(2)
        bad = (await first.switching.reload(ME)).release
        assert [await stamped(first, office, "L"), await stamped(second, office, "M")] == ["R2", "R0"]
        nodes = (await commands(second)["status"]({}))["nodes"]
        assert nodes == {"a": bad[:12], "b": second.release.digest[:12]}
        await first.switching.rollback(None, ME)
    other.stamp(2)
    async with other.running() as second:  # what one node left, no other node starts with
        assert await stamped(second, office, "N") == "R0"


PROGRAM = """
import asyncio, os, signal, sys
from pathlib import Path

from engine.app.switching import By
from engine.base import log
from tests.unit.routing.reloads_desk import Desk

site, point = Desk(Path(sys.argv[1])), sys.argv[2]
at_all = False

def crash(here):
    if at_all and here == point:
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    global at_all
    log.set_up("error")
    async with site.running(crash=crash) as bus:
        site.stamp(2)
        await bus.switching.reload(By("tester"))
        at_all = True
        await bus.switching.rollback(None, By("tester", "as before"))

asyncio.run(main())
"""


@pytest.mark.parametrize(("point", "after"), [("before-take-commit", "R2"), ("after-take-commit", "R0")])
async def test_a_bus_that_is_killed_in_a_switch_starts_whole(desk, office, point, after):
    """A rollback is one commit: before it nothing has happened, after it the start holds to it."""
    paths = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests/unit/routing'}", "PATH": ""}
    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(desk.folder), point, cwd=ROOT, env=paths
    )
    try:
        async with asyncio.timeout(60):
            assert await killed.wait() == -9
    finally:
        with contextlib.suppress(ProcessLookupError):
            killed.kill()
    async with desk.running() as bus:
        assert await stamped(bus, office) == after
