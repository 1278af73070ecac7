"""A whole bus that asks by the clock: each thing found once, lost questions asked again, one of two buses asks."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web
from routing_desk import FORM, Loaded, findings
from test_bus_over_http import running

import adapters
from engine.app.check import check
from engine.app.scenarios.loading import load
from engine.app.scenarios.player import play
from engine.base.ids import SystemIds
from engine.cli.site import Adapters
from engine.routing.release import Site, build, read_texts
from engine.routing.timing import Run
from engine.settings.problems import Problems
from engine.settings.systems import Retry
from tests.postgres_server import postgres

__all__ = ["postgres"]

OFFICE = """
profile: desk/office
adapter: http
format: json
outgoing:
  list:
    takes: window
    gives: forms
    effect: none
    http: {method: GET, path: /list, query: [from, to, campus]}
    address: {from: from, to: to, campus: campus}
    reply: {forms: {each: forms, fields: {patient.id: who, order_no: order, kind: kind}}}
    meaning: {status: {"503": unavailable}, code: code, delivered: ["0"], refused: {"9": not_now}}
  save:
    takes: form
    effect: change
    http: {path: /save}
    request: {who: patient.id, order: order_no, campus: $campus}
    meaning: {code: code, delivered: ["0"]}
incoming:
  found:
    gives: form
    poll: {by: list, each: forms, back: 1h, ahead: 7d}
"""
WINDOW = "shape: window\nfields: {from: instant, to: instant, campus: text}\n"
FORMS = """
shape: forms
fields: {forms: {type: list, fields: {patient: {fields: {id: text}}, order_no: text, kind: {type: code, codes: [a, b]}}}}
"""
ROUTES = """
routes:
  found:
    from: office.found
    schedule: {every: %s}
    key: order_no
    steps: {save: {to: office.save}}
"""
CONFIG = """
site: {campuses: [main, north]}
systems: {office: {profile: desk/office, url: "%s"}}
secrets: [{files: keys}]
journal: %s
log: {level: error}
"""


class Office:
    """Knows forms by campus, and keeps what it was asked and given."""

    def __init__(self):
        self.forms = {"main": [], "north": []}
        self.asked = []
        self.saved = []
        self.answers = []
        """What is answered instead, one after the other: a status, or a body."""
        self.open = asyncio.Event()
        """While it is not set, nobody is answered."""
        self.open.set()

    async def list(self, request):
        self.asked.append(dict(request.query))
        await self.open.wait()
        if self.answers:
            said = self.answers.pop(0)
            return web.Response(status=said) if isinstance(said, int) else web.json_response(said)
        return web.json_response({"code": "0", "forms": self.forms[request.query["campus"]]})

    async def save(self, request):
        self.saved.append(json.loads(await request.read()))
        return web.json_response({"code": "0"})

    def of(self, campus):
        return [asked for asked in self.asked if asked["campus"] == campus]


@pytest.fixture
async def office():
    found = Office()
    app = web.Application()
    app.add_routes([web.get("/list", found.list), web.post("/save", found.save)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    yield found
    await runner.cleanup()


def write(folder, office, every, journal="{reserve: 1MB}"):
    texts = {
        "mappings/shapes/form.yaml": FORM,
        "mappings/shapes/forms.yaml": FORMS,
        "mappings/shapes/window.yaml": WINDOW,
        "mappings/desk/office.yaml": OFFICE,
        "routes.yaml": ROUTES % every,
        "config/desk.yaml": CONFIG % (office.url, journal),
        "keys/journal_key": "k" * 64,
        "keys/bus": "trusted by its socket",
    }
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


async def until(true):
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - what is waited for is another task's doing
            await asyncio.sleep(0.01)


def ended(bus):
    """Whether both campuses were asked, and that is committed."""
    return len(bus.schedules._last) == 2 and not bus.schedules.failing


async def kept(bus):
    rows = await bus.journal.store.fetch("select route from messages")
    return Counter(route for (route,) in rows)


async def test_what_is_found_becomes_a_message_once_at_its_campus(tmp_path, office):
    office.forms["main"] = [{"who": "P1", "order": "O1"}, {"order": "nobody's"}, {"who": "P2", "order": "O2"}]
    office.forms["north"] = [{"who": "P3", "order": "O1", "kind": "b"}]
    async with running(write(tmp_path, office, "20ms")) as bus:
        await until(lambda: len(office.saved) >= 3 and min(len(office.of("main")), len(office.of("north"))) >= 5)
        office.forms["main"].append({"who": "P4", "order": "O4"})
        await until(lambda: len(office.saved) >= 4)
        assert await kept(bus) == {"found": 4, "refused": 1}
    by_order = sorted((one["order"], one["campus"], one["who"]) for one in office.saved)
    assert by_order == [("O1", "main", "P1"), ("O1", "north", "P3"), ("O2", "main", "P2"), ("O4", "main", "P4")]


async def test_a_run_counts_once_it_is_committed_with_what_it_found(tmp_path, office):
    office.forms["main"] = [{"who": "P1", "order": "O1"}]
    name = "schedule/found/office.found/main"
    async with running(write(tmp_path, office, "1h")) as bus:
        await until(lambda: office.saved and ended(bus))
        run = Run.read(await bus.journal.rider(name))
        assert (run.heard, run.tries, run.since) == (True, 0, run.begun)
    async with running(tmp_path) as bus:
        assert Run.read(await bus.journal.rider(name)) == run
        await asyncio.sleep(0.2)
    assert len(office.asked) == 2, "it was asked a moment ago, by the life before"


@pytest.mark.parametrize(
    "answer", [503, 500, {"code": "9"}, {"code": "7"}, {"code": "0", "forms": [{"who": "P1", "kind": "z"}]}]
)
async def test_a_question_without_an_answer_is_not_forgotten(tmp_path, office, answer):
    office.answers = [answer] * 2
    office.forms["main"] = [{"who": "P1", "order": "O1"}]
    async with running(write(tmp_path, office, "20ms")) as bus:
        await until(lambda: office.saved)
        await until(lambda: not bus.schedules.failing)
        assert (await kept(bus))["found"] == 1
    assert not office.answers


async def test_a_run_that_another_life_began_and_did_not_end_is_asked_again(tmp_path, office):
    name = "schedule/found/office.found/main"
    async with running(write(tmp_path, office, "1h")) as bus:
        await until(lambda: ended(bus))
        run = Run.read(await bus.journal.rider(name))
        died = Run(run.begun - 120_000_000, run.begun - 7_200_000_000, heard=True, tries=1)
        assert await bus.journal.take(name, await bus.journal.rider(name), died.write())
    async with running(tmp_path) as bus:
        await until(lambda: len(office.of("main")) == 2)
        await until(lambda: not bus.schedules.failing)
    first, second = office.of("main")
    assert second["from"] < first["from"], "since the last run that ended well"
    assert len(office.of("north")) == 1


@pytest.mark.postgres
async def test_one_of_two_buses_asks(tmp_path, office, postgres):
    url = postgres.fresh().replace("bus@", "")
    journal = f'{{url: "{url}", node: NODE, login: {{user: bus, password: {{secret: bus}}}}}}'
    sites = [running(write(tmp_path / node, office, "1h", journal.replace("NODE", node))) for node in ("a", "b")]
    buses = await asyncio.gather(*(site.__aenter__() for site in sites))
    try:
        await until(lambda: len(office.asked) >= 2)
        for bus in buses:
            for campus in ("main", "north"):
                name = f"schedule/found/office.found/{campus}"
                await until(lambda bus=bus, name=name: name in bus.schedules._last)
        await asyncio.sleep(0.2)
    finally:
        await asyncio.gather(*(site.__aexit__(None, None, None) for site in sites))
    assert Counter(asked["campus"] for asked in office.asked) == {"main": 1, "north": 1}


def test_a_schedule_asks_something_that_can_be_asked():
    flow = "routes:\n  filed:\n    from: source.form\n    schedule: {every: 1m}\n    steps: {save: {to: office.save}}\n"
    assert any("nothing that starts this route is asked for" in one for one in findings(flow))
    assert any("no cron line" in one for one in cron("61 * * * *"))


def cron(line):
    """The findings of this site with a schedule of that line."""
    with TemporaryDirectory() as folder:
        texts = read_texts(write(Path(folder), SimpleNamespace(url="http://127.0.0.1:1"), "1m"))
    texts["routes.yaml"] = texts["routes.yaml"].replace(b"{every: 1m}", b'{cron: "%s"}' % line.encode())
    problems = Problems()
    known = Loaded({"http": adapters.load("http")})
    build(texts, Site({"office": "desk/office"}, known, ZoneInfo("Asia/Shanghai"), Retry()), problems)
    return [str(one) for one in problems]


def test_a_cron_line_runs_at_its_times_and_a_missed_one_once(tmp_path, office):
    """On a clock that is moved: nothing at the start, then each time that comes, however many have passed."""
    office.url = "http://127.0.0.1:9"
    site = write(tmp_path, office, "1m")
    routes = site / "routes.yaml"
    routes.write_text(routes.read_text().replace("{every: 1m}", '{cron: "30 1 * * *"}'), encoding="utf-8")
    problems = Problems()
    checked = check(site, "desk", {}, Adapters(), SystemIds(), problems)
    assert checked is not None, list(map(str, problems))
    (site / "x.yaml").write_text(NIGHTS, encoding="utf-8")
    scenario = load(site / "x.yaml", site, checked, problems)
    assert scenario is not None, list(map(str, problems))
    assert [str(one) for one in play(scenario, site, checked, Adapters()).differences] == []


NIGHTS = """
scenario: nights
at: 2026-11-20T09:00:00+08:00
schedules: [found]
events:
  - nothing: office
  - advance: 16h
  - nothing: office
  - advance: 30m
  - expect: office.list
    address: {to: "2026-11-28T01:30:00+08:00"}
    reply: &none {code: "0", forms: []}
  - expect: office.list
    reply: *none
  - advance: 3d
  - expect: office.list
    address: {from: "2026-11-21T00:30:00+08:00"}
    reply: *none
  - expect: office.list
    unavailable: true
  - nothing: office
  - advance: 1m
  - expect: office.list
    address: {from: "2026-11-21T00:30:00+08:00"}
    reply: *none
  - advance: 10h
  - nothing: office
"""
