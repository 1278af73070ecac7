"""Waiting callers, through HTTP: what is told is what was committed, and a repeated key does nothing twice."""

import asyncio

import pytest
from calls_desk import App, states, until, write
from test_bus_over_http import running

from engine.app.commands import commands
from engine.base.metrics import RECEIVED


@pytest.fixture
def office(office_behind):
    return office_behind


@pytest.fixture
def folder(tmp_path, office):
    return write(tmp_path, office.url)


def app_of(bus, name="app"):
    return App(bus.listeners["channel"].address, name)


def repeated():
    return RECEIVED.labels("channel", "duplicate")._value.get()


async def code(asking):
    return (await asking)[1]["code"]


async def test_a_caller_hears_the_reply_and_a_repeat_hears_it_again(folder, office):
    async with running(folder) as bus:
        app = app_of(bus)
        status, said = await app.ask("save", "key-0001", who="P1", order="O1")
        assert (status, said["code"], said["data"]["number"]) == (200, "OK", "N1")
        assert said["backend"] == {"system": "office", "code": "0", "message": None}
        again = await app.ask("save", "key-0001", who="P1", order="O1")
        assert (again[0], again[1]["data"]) == (200, said["data"])
        assert again[1]["traceId"] != said["traceId"]
        assert (await bus.journal.steps(said["traceId"]))[0].route == "form.save", "its trace is the message"
    async with running(folder) as bus:
        assert (await app_of(bus).ask("save", "key-0001", who="P1", order="O1"))[1]["data"] == said["data"]
    assert office.names() == ["save"]


async def test_a_refusal_is_the_answer_whoever_asks_again(folder, office):
    office.answers["save"] = ["2", "1"]
    async with running(folder) as bus:
        app = app_of(bus)
        for _ in range(2):
            status, said = await app.ask("save", "key-0001", who="P1", order="O1")
            assert (status, said["code"]) == (409, "SLOT_SOLD_OUT")
            assert said["backend"] == {"system": "office", "code": "2", "message": None}, (
                "their words may name somebody"
            )
        status, said = await app.ask("save", "key-0002", who="P1", order="O1")
        assert (status, said["code"], said["data"]["reason"]) == (422, "BACKEND_REJECTED", "full")
        assert office.names() == ["save", "save"]


async def test_a_key_counts_for_its_caller_and_campus_and_stands_for_one_content(folder, office):
    async with running(folder) as bus:
        app = app_of(bus)
        _, first = await app.ask("save", "key-0001", who="P1", order="O1")
        status, said = await app.ask("save", "key-0001", who="P2", order="O1")
        assert (status, said["code"], said["data"]["taskId"]) == (409, "IDEMPOTENCY_CONFLICT", first["traceId"])
        for other in (app_of(bus, "other").ask("save", "key-0001", who="P1", order="O1"),
                      app.ask("save", "key-0001", campus="north", who="P1", order="O1"),
                      app.ask("book", "key-0001", who="P1", order="O1")):  # fmt: skip
            assert (await other)[1]["data"]["number"] != first["data"]["number"]
        assert office.names() == ["save", "save", "save", "book"]


async def test_what_cannot_be_mapped_is_said_at_once_and_nothing_is_sent(folder, office):
    async with running(folder) as bus:
        assert await code(app_of(bus).ask("save", "key-0001", order="O1")) == "VALIDATION_FAILED"
        assert await states(bus) == []
    assert office.names() == []


# --- the deadline --------------------------------------------------------------------------------


async def test_what_has_not_begun_in_time_is_taken_back_and_its_key_is_free(folder, office):
    office.hold("book")
    async with running(folder) as bus:
        app = app_of(bus)
        before = asyncio.create_task(app.ask("lined", "key-0001", who="P1", order="O1"))
        await until(lambda: office.arrived["book"])
        status, said = await app.ask("queued", "key-0002", who="P1", order="O2")
        assert (status, said["code"]) == (503, "BACKEND_UNAVAILABLE")
        assert await states(bus) == [["sending"], ["withdrawn"]]
        office.let_go("book")
        assert await code(before) == "OK"

        async def done():
            return await code(app.ask("queued", "key-0002", who="P1", order="O2")) == "OK"

        await until(done)
    assert office.names() == ["book", "save"], "it was done once, when its key was used again"


async def test_too_late_to_take_back_the_outcome_comes_by_key(folder, office):
    office.hold("save")
    async with running(folder) as bus:
        app = app_of(bus)
        status, said = await app.ask("brief", "key-0001", who="P1", order="O1")
        assert (status, said["code"]) == (202, "RESULT_UNKNOWN")
        assert said["data"]["taskId"] == said["traceId"]
        status, again = await app.ask("brief", "key-0001", who="P1", order="O1")
        assert (status, again["code"], again["data"]["taskId"]) == (409, "IN_PROGRESS", said["traceId"])
        office.let_go("save")

        async def known():
            found = await app.ask("brief", "key-0001", who="P1", order="O1")
            return found if found[1]["code"] != "IN_PROGRESS" else None

        status, found = await until(known)
        assert (status, found["data"]["number"]) == (200, "N1")
    assert office.arrived["save"] == 1


async def test_who_repeats_while_the_first_waits_hears_what_he_hears(folder, office):
    office.hold("save")
    async with running(folder) as bus:
        app, before = app_of(bus), repeated()
        first = asyncio.create_task(app.ask("save", "key-0001", who="P1", order="O1"))
        await until(lambda: office.arrived["save"])
        second = asyncio.create_task(app.ask("save", "key-0001", who="P1", order="O1"))
        await until(lambda: repeated() > before)
        office.let_go("save")
        told = await asyncio.gather(first, second)
        assert [(status, said["data"]["number"]) for status, said in told] == [(200, "N1"), (200, "N1")]
    assert office.arrived["save"] == 1


async def test_who_hangs_up_takes_nothing_back(folder, office):
    office.hold("save")
    async with running(folder) as bus:
        app = app_of(bus)
        first = asyncio.create_task(app.ask("save", "key-0001", who="P1", order="O1"))
        await until(lambda: office.arrived["save"])
        first.cancel()
        await asyncio.wait([first])
        office.let_go("save")
        assert (await app.ask("save", "key-0001", who="P1", order="O1"))[1]["data"]["number"] == "N1"
    assert office.arrived["save"] == 1


# --- doubt ---------------------------------------------------------------------------------------


async def test_a_doubt_that_is_asked_about_ends_the_waiting(folder, office):
    office.answers["save"] = ["9"]  # neither yes nor no
    async with running(folder) as bus, asyncio.timeout(60):
        status, said = await app_of(bus).ask("save", "key-0001", who="P1", order="O1")
        assert (status, said["code"]) == (200, "OK")
    assert office.names() == ["save", "find"]


async def test_a_parked_step_is_told_at_once_and_a_person_decides(folder, office):
    office.answers["book"] = ["9", "9", "0"]
    async with running(folder) as bus, asyncio.timeout(60):
        app, tasks = app_of(bus), []
        for key in ("key-0001", "key-0002"):
            status, said = await app.ask("book", key, who="P1", order=key)
            assert (status, said["code"], said["data"]["reason"]) == (202, "RESULT_UNKNOWN", "it is a person's turn")
            tasks.append(said["data"]["taskId"])
        assert await code(app.ask("book", "key-0001", who="P1", order="key-0001")) == "IN_PROGRESS"
        await commands(bus)["drop"]({"id": tasks[0], "reason": "they have nothing"})
        await commands(bus)["retry"]({"id": tasks[1], "reason": "they have nothing"})
        assert await code(app.ask("book", "key-0001", who="P1", order="key-0001")) == "BACKEND_REJECTED"

        async def done():
            return await code(app.ask("book", "key-0002", who="P1", order="key-0002")) == "OK"

        await until(done)


async def test_who_stands_behind_a_doubt_is_told_so_at_once_and_nothing_is_done(folder, office):
    office.answers["book"] = ["9", "0"]
    async with running(folder) as bus, asyncio.timeout(60):
        app = app_of(bus)
        _, first = await app.ask("lined", "key-0001", who="P1", order="O1")
        status, second = await app.ask("lined", "key-0002", who="P1", order="O2")
        assert (status, second["code"], second["data"]["taskId"]) == (409, "STATE_CONFLICT", first["traceId"])
        assert await states(bus) == [["parked"], ["withdrawn"]]
        assert await code(app.ask("lined", "key-0003", who="P2", order="O3")) == "OK", "another line"
        await commands(bus)["retry"]({"id": first["traceId"], "reason": "they have nothing"})

        async def done():
            return await code(app.ask("lined", "key-0002", who="P1", order="O2")) == "OK"

        await until(done)


async def test_who_waits_in_a_line_is_told_when_its_head_falls_into_doubt(folder, office):
    office.answers["book"] = ["9"]
    office.hold("book")
    async with running(folder) as bus, asyncio.timeout(60):
        app = app_of(bus)
        first = asyncio.create_task(app.ask("lined", "key-0001", who="P1", order="O1"))
        await until(lambda: office.arrived["book"])
        second = asyncio.create_task(app.ask("lined", "key-0002", who="P1", order="O2"))

        async def stands():
            return await states(bus) == [["sending"], ["waiting"]]

        await until(stands)
        office.let_go("book")
        assert await code(first) == "RESULT_UNKNOWN"
        assert await code(second) == "STATE_CONFLICT"
    assert office.arrived["book"] == 1


async def test_a_system_that_is_left_alone_is_said_at_once(folder, office, unused_tcp_port):
    settings = folder / "config" / "desk.yaml"
    written = settings.read_text().replace(office.url, f"http://127.0.0.1:{unused_tcp_port}")
    settings.write_text(
        written.replace("secrets:", "delivery: {breaker: {after: 1, pause: 1h}}\nstop: {grace: 200ms}\nsecrets:")
    )
    async with running(folder) as bus, asyncio.timeout(60):
        app = app_of(bus)
        first = asyncio.create_task(app.ask("save", "key-0001", who="P1", order="O1"))
        await until(lambda: bus.delivery.shut("office", "main"))
        status, said = await app.ask("save", "key-0002", who="P2", order="O2")
        assert (status, said["code"], said["data"]["reason"]) == (503, "BACKEND_UNAVAILABLE", "breaker_open")
        assert (await states(bus))[1] == ["withdrawn"]
        first.cancel()


async def test_who_is_dropped_by_a_person_is_told_so(folder, office):
    office.answers["save"] = ["5"]  # busy: it is tried again and again
    async with running(folder) as bus, asyncio.timeout(60):
        asking = asyncio.create_task(app_of(bus).ask("save", "key-0001", who="P1", order="O1"))

        async def ready():
            return await states(bus) == [["ready"]]

        await until(ready)
        (id_,) = (await bus.journal.store.fetch("select id from messages"))[0]
        await commands(bus)["drop"]({"id": id_, "reason": "the patient has called"})
        assert await code(asking) == "BACKEND_REJECTED"


# --- several steps -------------------------------------------------------------------------------


async def test_the_answer_is_the_step_that_is_named_and_the_work_goes_on(folder, office):
    office.hold("book")
    async with running(folder) as bus:
        status, _ = await app_of(bus).ask("steps", "key-0001", who="P1", order="O1", kind="a")
        assert (status, office.names()) == (200, ["save", "tell"])
        office.let_go("book")

        async def done():
            return await states(bus) == [["delivered", "delivered", "delivered"]]

        await until(done)


async def test_a_step_that_is_skipped_answers_when_it_would_have_been_its_turn(folder, office):
    office.hold("save")
    async with running(folder) as bus:
        asking = asyncio.create_task(app_of(bus).ask("steps", "key-0001", who="P1", order="O1", kind="b"))
        await until(lambda: office.arrived["save"])
        assert not asking.done()
        office.let_go("save")
        assert (await asking)[0] == 200
        assert (await states(bus))[0][1] == "skipped"


@pytest.mark.parametrize(("failing", "said"), [("save", "SLOT_SOLD_OUT"), ("tell", "SLOT_SOLD_OUT")])
async def test_the_first_failure_of_what_is_waited_for_is_the_answer(folder, office, failing, said):
    office.answers[failing] = ["2"]
    async with running(folder) as bus:
        app = app_of(bus)
        assert await code(app.ask("steps", "key-0001", who="P1", order="O1", kind="a")) == said
        undo = "delivered" if failing == "tell" else "skipped"

        async def undone():
            return (await states(bus))[0][-1] == undo

        await until(undone)
        assert await code(app.ask("steps", "key-0001", who="P1", order="O1", kind="a")) == said
    assert "book" not in office.names()


async def test_what_is_done_too_late_is_undone_and_the_key_says_so(folder, office):
    office.hold("save")
    async with running(folder) as bus:
        app = app_of(bus)
        assert await code(app.ask("undone", "key-0001", who="P1", order="O1")) == "RESULT_UNKNOWN"
        office.let_go("save")

        async def undone():
            return await states(bus) == [["delivered", "skipped", "delivered"]]

        await until(undone)
        status, said = await app.ask("undone", "key-0001", who="P1", order="O1")
        assert (status, said["code"], said["data"]["reason"]) == (
            504,
            "BACKEND_TIMEOUT",
            "done after its time: it is undone",
        )
    assert office.ledger == [("save", office.ledger[0][1]), ("undo", {"who": "P1", "number": "N1"})]


async def test_an_answer_after_accepted_names_the_task(folder, office):
    async with running(folder) as bus:
        app = app_of(bus)
        status, said = await app.ask("later", "key-0001", who="P1", order="O1")
        assert (status, said["data"]["task"]) == (200, said["traceId"])
        assert (await app.ask("later", "key-0001", who="P1", order="O1"))[1]["data"] == said["data"]

        async def done():
            return await states(bus) == [["delivered", "delivered"]]

        await until(done)
    assert office.names() == ["save", "tell"]
