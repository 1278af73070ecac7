"""Schedules over reloads: what stays as it was goes on with what it is at, what goes is asked for no more."""

from functools import partial

from calls_desk import until
from test_schedules import office, write

from engine.app.bus import Bus
from engine.app.check import check_settings
from engine.app.switching import By
from engine.cli.site import Adapters
from engine.settings.problems import Problems

__all__ = ["office"]

ME = By("tester", "a test")


def change(file, old, new):
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def schedules(bus):
    return [name for name in bus.supervisor.names if name.startswith("schedule/")]


async def test_a_run_under_way_ends_as_it_began_and_what_goes_is_asked_for_no_more(tmp_path, office):
    folder = write(tmp_path, office, "1h")
    office.forms["main"] = [{"who": "P1", "order": "O1", "kind": "a"}]
    office.open.clear()
    reread = partial(check_settings, folder, "desk", {})
    bus = Bus(folder, reread(Problems()), Adapters(), reread=reread)
    await bus.start()
    try:
        await until(lambda: len(office.asked) == 2)
        change(folder / "routes.yaml", "key: order_no", "key: order_no  # the same")
        await bus.switching.reload(ME)
        office.open.set()
        await until(lambda: office.saved and not bus.schedules.failing)
        change(folder / "routes.yaml", "every: 1h", "every: 2h")
        await bus.switching.reload(ME)
        await until(lambda: len(schedules(bus)) == 2)
        change(folder / "config/desk.yaml", "campuses: [main, north]", "campuses: [main]")
        await bus.switching.reload(ME)
        await until(lambda: schedules(bus) == ["schedule/found/office.found/main"])
    finally:
        await bus.stop()
    assert (len(office.asked), len(office.saved)) == (2, 1), "each run ended, and its last is known"
