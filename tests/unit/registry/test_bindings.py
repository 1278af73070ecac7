"""Bindings: one user has so many patients, one patient so many users, whoever binds at the same moment."""

import asyncio

import pytest
from registry_desk import Node, fits

from engine.model import Verdict
from engine.settings.models import Config
from engine.settings.registry import Binding, Registry, RegistryAt
from tests.property.node import Node as Process

OPEN = Config(registry=Registry(binding=Binding(proof=False, per_user=3, per_patient=2)))
WHO = {"user_id": "u1", "patient_id": "P1", "name": "张三", "card_no": "C1", "relation": "本人"}


@pytest.fixture
async def free(opened):
    """A node whose site wants no proof."""
    node = Node(opened, config=OPEN)
    yield node
    await node.stop()


async def patients(node, user="u1", **more):
    listed = fits("registry.bindings", await node.ask("registry.bindings", user_id=user, **more))
    return [item["patient_id"] for item in listed["items"]]


async def test_a_binding_is_made_listed_found_and_ended(free):
    made = fits("registry.bind", await free.do("registry.bind", **WHO))
    assert (made["bound"], made["name"], made["is_default"]) == (True, "张三", True)
    assert await patients(free) == ["P1"]
    found = fits("registry.binding", await free.ask("registry.binding", user_id="u1", patient_id="P1"))
    assert found == made
    ended = fits("registry.unbind", await free.do("registry.unbind", user_id="u1", patient_id="P1"))
    assert (ended["bound"], "unbound_at" in ended) == (False, True)
    assert await patients(free) == []
    assert (await free.ask("registry.binding", user_id="u1", patient_id="P1")).value == {"bound": False}
    again = await free.do("registry.unbind", user_id="u1", patient_id="P1")
    assert (again.verdict, again.code) == (Verdict.REFUSED, "NOT_FOUND")


async def test_nobody_acts_for_a_patient_who_is_not_his(free):
    await free.do("registry.bind", **WHO)
    mine = await free.ask("registry.require_binding", user_id="u1", patient_id="P1")
    others = await free.ask("registry.require_binding", user_id="u2", patient_id="P1")
    assert (mine.verdict, others.code) == (Verdict.DELIVERED, "PERMISSION_DENIED")


async def test_the_same_id_at_two_applications_is_two_users(free):
    await free.do("registry.bind", **WHO, client="app-a")
    assert await patients(free, client="app-a") == ["P1"]
    assert await patients(free, client="app-b") == []
    theirs = await free.do("registry.unbind", user_id="u1", patient_id="P1", client="app-b")
    assert theirs.code == "NOT_FOUND"
    await free.do("registry.bind", **WHO, client="app-b")
    await free.do("registry.unbind", user_id="u1", patient_id="P1", client="app-b")
    assert await patients(free, client="app-a") == ["P1"]


async def test_who_is_bound_already_stays_as_he_is(free):
    first = (await free.do("registry.bind", **WHO)).value
    assert (await free.do("registry.bind", **{**WHO, "name": "李四"})).value == first
    assert await patients(free) == ["P1"]


async def test_both_limits_hold(free):
    for patient in ("P1", "P2", "P3"):
        assert (await free.do("registry.bind", **{**WHO, "patient_id": patient})).verdict is Verdict.DELIVERED
    one_more = await free.do("registry.bind", **{**WHO, "patient_id": "P4"})
    assert (one_more.code, one_more.backend_code) == ("BIND_LIMIT", "per_user")
    await free.do("registry.bind", **{**WHO, "user_id": "u2"})
    third = await free.do("registry.bind", **{**WHO, "user_id": "u3"})
    assert (third.code, third.backend_code) == ("BIND_LIMIT", "per_patient")
    await free.do("registry.unbind", user_id="u2", patient_id="P1")
    assert (await free.do("registry.bind", **{**WHO, "user_id": "u3"})).verdict is Verdict.DELIVERED


async def test_the_limit_holds_for_all_who_bind_at_once(free):
    outcomes = await asyncio.gather(
        *(free.do("registry.bind", **{**WHO, "patient_id": f"P{number}"}) for number in range(12))
    )
    assert sum(outcome.verdict is Verdict.DELIVERED for outcome in outcomes) == 3
    assert {outcome.code for outcome in outcomes if outcome.verdict is Verdict.REFUSED} == {"BIND_LIMIT"}
    assert len(await patients(free)) == 3


async def test_the_limit_holds_over_two_nodes(opener, url):
    if url.startswith("sqlite"):
        return  # one process writes an embedded journal
    nodes = [Node(await opener.open(node=name), config=OPEN) for name in ("a", "b")]
    try:
        outcomes = await asyncio.gather(
            *(
                node.do("registry.bind", **{**WHO, "patient_id": f"P{place}{number}"})
                for number in range(4)
                for place, node in enumerate(nodes)
            )
        )
        assert sum(outcome.verdict is Verdict.DELIVERED for outcome in outcomes) == 3
        assert len(await patients(nodes[0])) == 3
    finally:
        for node in nodes:
            await node.stop()


async def test_one_patient_is_the_default_and_another_when_he_goes(free):
    for patient in ("P1", "P2", "P3"):
        await free.do("registry.bind", **{**WHO, "patient_id": patient, "is_default": patient == "P2"})
    assert await patients(free) == ["P2", "P1", "P3"]
    await free.do("registry.unbind", user_id="u1", patient_id="P2")
    listed = (await free.ask("registry.bindings", user_id="u1")).value["items"]
    assert [(item["patient_id"], item["is_default"]) for item in listed] == [("P1", True), ("P3", False)]


async def test_campuses_know_nothing_of_each_other(opened):
    config = Config(
        registry=OPEN.registry.model_copy(
            update={"at": {"north": RegistryAt(binding=Binding(per_user=1, proof=False))}}
        )
    )
    node = Node(opened, config=config)
    await node.do("registry.bind", **WHO)
    assert await patients(node, campus="north") == []
    await node.do("registry.bind", campus="north", **WHO)
    over = await node.do("registry.bind", campus="north", **{**WHO, "patient_id": "P2"})
    assert over.code == "BIND_LIMIT", "the campus's own limit"
    await node.stop()


async def test_a_proof_is_needed_and_used_up(node):
    assert (await node.do("registry.bind", **WHO, mobile="13800001234")).code == "SMS_CODE_INVALID"
    sent = fits("registry.issue_code", await node.do("registry.issue_code", mobile="13800001234", scene="bind"))
    proof = fits(
        "registry.verify_code", await node.do("registry.verify_code", ticket=sent["ticket"], code=sent["code"])
    )
    token = proof["proof_token"]
    stolen = await node.do("registry.bind", **WHO, mobile="13900001234", proof_token=token)
    assert stolen.code == "SMS_CODE_INVALID", "it was made for another number"
    elsewhere = {"mobile": "13800001234", "mobile_on_file": "13900001234", "proof_token": token}
    assert (await node.do("registry.bind", **WHO, **elsewhere)).code == "SMS_CODE_INVALID"
    assert (await node.do("registry.bind", **WHO, mobile="13800001234", proof_token=token)).verdict is Verdict.DELIVERED
    other = {**WHO, "patient_id": "P2"}
    assert (await node.do("registry.bind", **other, mobile="13800001234", proof_token=token)).code == "SMS_CODE_INVALID"


async def test_what_is_missing_is_said_by_its_name(free):
    outcome = await free.do("registry.bind", user_id="u1")
    assert (outcome.verdict, outcome.code, outcome.backend_code) == (Verdict.REFUSED, "VALIDATION_FAILED", "patient_id")


@pytest.mark.parametrize("point", ["before-settle-commit", "after-settle-commit"])
async def test_a_bind_whose_caller_died_is_there_exactly_once(opener, point):
    died, process = asyncio.Event(), Process("bus", None)

    def crash(at):
        try:
            process.crash(at)
        except BaseException:
            died.set()
            raise

    opened = await opener.open(crash=crash)
    process.journal = opened.journal
    dying = Node(opened, config=OPEN)
    process.dies_at = point
    await dying.begin("registry.bind", **WHO)
    async with asyncio.timeout(60):
        await died.wait()
    opened.journal._closed = True
    await dying.supervisor.stop(0)
    await process.killed()
    node = Node(await opener.open(), config=OPEN)
    node.plan.meant = dying.plan.meant
    async with asyncio.timeout(60):
        while await patients(node) != ["P1"]:  # noqa: ASYNC110 - looked up, there is no event
            await asyncio.sleep(0.01)
    users = await node.opened.journal.store.fetch("select count(*) from records where kind = 'binding'")
    assert users[0][0] == 1
    assert (await node.do("registry.bind", **{**WHO, "user_id": "u2"})).verdict is Verdict.DELIVERED
    assert (await node.do("registry.bind", **{**WHO, "user_id": "u3"})).code == "BIND_LIMIT", "it counts once"
    await node.stop()
