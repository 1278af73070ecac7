"""A whole bus in this process, fed and answered over HTTP: steps, conditions on outcomes, replies read later, compensation."""

import asyncio
import base64
import json
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from offices import served
from routing_desk import write

from engine.app.bus import Bus
from engine.app.check import check
from engine.app.commands import commands
from engine.base.errors import BusError
from engine.base.ids import SystemIds
from engine.cli.site import Adapters
from engine.journal.interface import Act
from engine.model import State, Then
from engine.settings.layers import load_config
from engine.settings.problems import Problems

ROUTES = """
routes:
  filed:
    from: source.form
    key: {by: order_no, other_content: conflict}
    lane: patient.id
    steps:
      save: {to: office.save}
      tell: {to: office.tell, map: note_of_form, when: save == delivered and kind == a}
    on_failure:
      undo: {to: office.undo, when: save == delivered}
      note: {to: office.tell, map: note_of_form}
"""
CONFIG = """
site: {campuses: [main, north]}
systems:
  source: {profile: desk/source, listen: "127.0.0.1:0"}
  office: {profile: desk/office, url: "%s"}
secrets: [{files: keys}]
journal: {reserve: 1MB}
log: {level: error}
"""


class Office:
    """The system behind: keeps what it was asked and answers what it is told to."""

    def __init__(self):
        self.ledger = []
        self.answers = {}
        self.under_way = 0
        self.open = asyncio.Event()
        self.open.set()

    async def serve(self, request):
        name = request.path.strip("/")
        self.under_way += 1
        await self.open.wait()
        self.under_way -= 1
        self.ledger.append((name, json.loads(await request.read())))
        code = self.answers.get(name, ["0"])
        return web.json_response({"code": code.pop(0) if len(code) > 1 else code[0], "no": f"N{len(self.ledger)}"})

    def names(self):
        return [name for name, _ in self.ledger]


@pytest.fixture
async def office():
    async with served(Office()) as found:
        yield found


@asynccontextmanager
async def running(folder):
    problems = Problems()
    loaded = load_config(folder, "desk", {}, problems)
    assert loaded is not None, list(map(str, problems))
    bus = Bus(folder, loaded, Adapters())
    await bus.start()
    try:
        yield bus
    finally:
        await bus.stop()


@pytest.fixture
def folder(tmp_path, office):
    write(tmp_path, ROUTES, CONFIG % office.url)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "journal_key").write_text("k" * 64)
    return tmp_path


async def post(bus, **form):
    async with (
        aiohttp.ClientSession() as session,
        session.post(bus.listeners["source"].address, json={"type": "form", **form}) as answer,
    ):
        return answer.status, await answer.json()


async def ended(bus):
    """The states of a message's steps once all have ended."""
    for _ in range(200):
        rows = await bus.journal.store.fetch(
            "select d.step, d.state from deliveries d join messages m on m.seq = d.message where m.route = 'filed' order by m.seq, d.step"
        )
        states = {step: State(state) for step, state in rows}
        if states and all(state.value not in {"waiting", "ready", "claimed", "sending"} for state in states.values()):
            return [state.value for _, state in sorted(states.items())]
        await asyncio.sleep(0.02)
    raise AssertionError(states)


async def settled(bus, step):
    """The state of a step once nobody works on it."""
    for _ in range(200):
        rows = await bus.journal.store.fetch("select state from deliveries where step = $1", step)
        if rows and rows[0][0] not in {"waiting", "ready", "claimed", "sending"}:
            return rows[0][0]
        await asyncio.sleep(0.02)
    raise AssertionError(rows)


async def test_a_form_goes_its_way_and_a_repeat_is_not_done_twice(folder, office):
    async with running(folder) as bus:
        status, body = await post(bus, who="P1", order="O1", kind="a")
        assert (status, body["code"]) == (200, "OK")
        assert await ended(bus) == ["delivered", "delivered"]
        assert (await post(bus, who="P1", order="O1", kind="a"))[0] == 200
        assert office.names() == ["save", "tell"]
        assert office.ledger[1][1] == {"to": "P1", "about": "O1"}


async def test_the_same_key_with_other_content_is_a_conflict_and_kept(folder, office):
    async with running(folder) as bus:
        await post(bus, who="P1", order="O1", kind="a")
        status, body = await post(bus, who="P2", order="O1", kind="a")
        assert (status, body["code"]) == (409, "IDEMPOTENCY_CONFLICT")
        assert office.names().count("save") == 1
        routes = dict(await bus.journal.store.fetch("select route, count(*) from messages group by route"))
        assert routes == {"filed": 1, "refused": 1}


async def test_a_condition_on_an_outcome_skips_its_step(folder, office):
    async with running(folder) as bus:
        await post(bus, who="P1", order="O1", kind="b")
        assert await ended(bus) == ["delivered", "skipped"]
        assert office.names() == ["save"]


async def test_compensation_reads_the_reply_of_the_step_it_undoes(folder, office):
    office.answers["tell"] = ["9", "0"]  # 9: neither yes nor no, so in doubt; a person drops it
    async with running(folder) as bus:
        await post(bus, who="P1", order="O1", kind="a")
        assert await ended(bus) == ["delivered", "parked"]
        rows = await bus.journal.store.fetch("select id from messages where route = 'filed'")
        delivery = (await bus.journal.steps(rows[0][0]))[1]
        then = await bus.planner.ended(delivery, Then(State.GIVEN_UP))
        act = Act("drop", delivery.seq, delivery.step, "tester", "they never got it")
        bus.delivery.spread(await bus.journal.act(act, then, bus.delivery.room))
        assert await ended(bus) == ["delivered", "given_up", "delivered", "delivered"]
        assert office.ledger[2] == ("undo", {"who": "P1", "number": "N1"})
        assert office.names() == ["save", "tell", "undo", "tell"]


async def test_a_refusal_starts_compensation_whose_condition_is_false(folder, office):
    office.answers["save"] = ["1"]
    async with running(folder) as bus:
        await post(bus, who="P1", order="O1", kind="a")
        assert await ended(bus) == ["refused", "skipped", "skipped", "delivered"]
        assert office.names() == ["save", "tell"]


async def test_bad_input_gets_a_typed_answer_and_is_kept(folder, office):
    async with running(folder) as bus:
        async with aiohttp.ClientSession() as session:
            for raw, wanted in (
                (b"{", "NOT_READABLE"),
                (b'{"type": "form"}', "VALIDATION_FAILED"),
                (b'{"type": "nothing"}', "UNSUPPORTED_MESSAGE"),
                (b'{"type": "other"}', "UNSUPPORTED_MESSAGE"),
            ):
                async with session.post(bus.listeners["source"].address, data=raw) as answer:
                    body = await answer.json()
                    assert (answer.status >= 400, body["code"]) == (True, wanted)
        kept = await bus.journal.store.fetch("select count(*) from messages where route = 'refused'")
        assert kept[0][0] == 4
    assert office.ledger == []


async def test_what_was_accepted_goes_on_after_a_restart(folder, office):
    office.answers["save"] = ["9"]
    async with running(folder) as bus:
        await post(bus, who="P1", order="O1", kind="a")
        assert await settled(bus, 0) == "parked"
    office.answers = {}
    async with running(folder) as bus:
        rows = await bus.journal.store.fetch("select id from messages where route = 'filed'")
        delivery = (await bus.journal.steps(rows[0][0]))[0]
        act = Act("retry", delivery.seq, delivery.step, "tester", "they have nothing")
        bus.delivery.spread(await bus.journal.act(act, None, bus.delivery.room))
        assert await ended(bus) == ["delivered", "delivered"]
        assert office.names() == ["save", "save", "tell"]


async def test_a_profile_reads_what_the_site_settings_give_it(folder, office):
    profile = folder / "mappings/desk/office.yaml"
    text = profile.read_text().replace("format: json", "format: json\nsettings: {desk_no: number of the desk}", 1)
    profile.write_text(text.replace("request: {who: patient.id,", "request: {desk: $desk_no, who: patient.id,", 1))
    config = folder / "config/desk.yaml"
    at = "at: {north: {settings: {desk_no: D9}}}"
    config.write_text(
        config.read_text().replace(
            "{profile: desk/office,", f"{{profile: desk/office, settings: {{desk_no: D1}}, {at},"
        )
    )
    async with running(folder) as bus:
        await post(bus, who="P1", order="O1", kind="b")
        await post(bus, who="P1", order="O2", kind="b", campus="north")
        assert await ended(bus) == ["delivered", "skipped"]
        assert [body["desk"] for _, body in office.ledger] == ["D1", "D9"]


def test_names_that_nobody_gives_are_findings(folder):
    profile = folder / "mappings/desk/office.yaml"
    profile.write_text(
        profile.read_text().replace("format: json", "format: json\nsettings: {desk_no: number of the desk}", 1)
    )
    problems = Problems()
    assert check(folder, "desk", {}, Adapters(), SystemIds(), problems) is None
    assert ["desk/office' reads $desk_no" in str(one) for one in problems] == [True]


async def test_a_corrected_body_takes_the_place_of_the_refused_one(folder, office):
    routes = folder / "routes.yaml"
    routes.write_text(routes.read_text().replace("save: {to: office.save}", "save: {to: office.save, refused: park}"))
    office.answers["save"] = ["1", "0"]
    async with running(folder) as bus:
        await post(bus, who="P1", order="O1", kind="b")
        assert await settled(bus, 0) == "parked"
        message = (await bus.journal.store.fetch("select id from messages where route = 'filed'"))[0][0]
        body = base64.b64encode(b'{"who": "P9"}').decode()
        done = await commands(bus)["retry"]({"id": message, "reason": "the number was wrong", "body": body})
        assert done["step"] == "save"
        assert await ended(bus) == ["delivered", "skipped"]
        assert office.ledger[-1] == ("save", {"who": "P9"})


async def test_a_body_in_doubt_stays_as_it_was_sent(folder, office):
    office.answers["save"] = ["9"]
    async with running(folder) as bus:
        await post(bus, who="P1", order="O1", kind="b")
        assert await settled(bus, 0) == "parked"
        message = (await bus.journal.store.fetch("select id from messages where route = 'filed'"))[0][0]
        with pytest.raises(BusError, match="in doubt"):
            await commands(bus)["retry"]({"id": message, "step": "save", "reason": "a guess", "body": "e30="})
        assert office.names() == ["save"]
