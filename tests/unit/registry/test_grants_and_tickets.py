"""What patients allow, and the tickets by which partners learn of it."""

import asyncio

from registry_desk import fits

from engine.model import Verdict
from engine.registry.grants import evidence

GRANT = {"patient_id": "P1", "scope": "cloud_imaging", "purpose": "查看影像"}
TICKET = {"partner_id": "imaging", "target": "cloud-imaging", "patient_id": "P1", "scope": "cloud_imaging"}


async def allowed(node, **more):
    asked = {"patient_id": "P1", "scope": "cloud_imaging", **more}
    return fits("registry.granted", await node.ask("registry.granted", **asked))["granted"]


async def test_a_grant_stands_until_it_is_revoked(node):
    assert not await allowed(node)
    refused = await node.ask("registry.require_grant", patient_id="P1", scope="cloud_imaging")
    assert refused.code == "CONSENT_REQUIRED"
    made = fits("registry.grant", await node.do("registry.grant", **GRANT))
    assert made["evidence_hash"] == evidence(made)
    assert await allowed(node)
    assert not await allowed(node, patient_id="P2")
    assert not await allowed(node, scope="ems")
    ended = fits("registry.revoke", await node.do("registry.revoke", grant_id=made["grant_id"]))
    assert (ended["evidence_hash"], "revoked_at" in ended) == (made["evidence_hash"], True)
    assert not await allowed(node)
    assert (await node.do("registry.revoke", grant_id=made["grant_id"])).value == ended


async def test_a_grant_ends_by_itself_and_is_kept_as_evidence(node):
    made = (await node.do("registry.grant", **GRANT, valid_to=node_time(node, hours=1))).value
    assert await allowed(node)
    node.later(hours=1)
    assert not await allowed(node)
    node.later(days=2 * 365)
    assert (await node.do("registry.revoke", grant_id=made["grant_id"])).verdict is Verdict.DELIVERED


async def test_the_same_grant_is_given_once_however_often_it_is_asked(node):
    outcomes = await asyncio.gather(*(node.do("registry.grant", **GRANT) for _ in range(5)))
    assert len({outcome.value["grant_id"] for outcome in outcomes}) == 1
    longer = (await node.do("registry.grant", **GRANT, valid_to=node_time(node, days=1))).value
    assert longer["grant_id"] != outcomes[0].value["grant_id"]


async def test_a_consent_is_to_one_version_of_a_text(node):
    text = {"scope": "telemedicine", "template_id": "T1", "template_version": "2"}
    await node.do("registry.grant", patient_id="P1", **text)
    assert await allowed(node, **text)
    assert not await allowed(node, **{**text, "template_version": "3"})


async def test_another_patients_grant_is_not_there(node):
    made = (await node.do("registry.grant", **GRANT)).value
    assert (await node.do("registry.revoke", grant_id=made["grant_id"], patient_id="P2")).code == "NOT_FOUND"
    assert await allowed(node)


async def test_a_ticket_is_resolved_once_by_its_partner(node):
    await node.do("registry.grant", **GRANT)
    issued = await node.do("registry.issue_ticket", **TICKET, context={"doctor_id": "D1"})
    made = fits("registry.issue_ticket", issued)
    brought = {"ticket": made["ticket"], "partner_id": "imaging"}
    for other in ({"partner_id": "another"}, {"ticket": "guessed"}):
        assert (await node.do("registry.resolve_ticket", **{**brought, **other})).code == "AUTH_EXPIRED"
    assert (await node.do("registry.resolve_ticket", campus="north", **brought)).code == "AUTH_EXPIRED"
    told = fits("registry.resolve_ticket", await node.do("registry.resolve_ticket", **brought))
    assert (told["patient_id"], told["scope"], told["context"]) == ("P1", "cloud_imaging", {"doctor_id": "D1"})
    assert (await node.do("registry.resolve_ticket", **brought)).code == "AUTH_EXPIRED"


async def test_of_two_who_resolve_at_once_one_is_told(node):
    made = (await node.do("registry.issue_ticket", partner_id="nav", target="navigation")).value
    brought = {"ticket": made["ticket"], "partner_id": "nav"}
    outcomes = await asyncio.gather(*(node.do("registry.resolve_ticket", **brought) for _ in range(4)))
    assert sorted(outcome.code for outcome in outcomes) == ["", *["AUTH_EXPIRED"] * 3]


async def test_a_ticket_grows_old(node):
    made = (await node.do("registry.issue_ticket", partner_id="nav", target="navigation")).value
    node.later(seconds=120)
    late = await node.do("registry.resolve_ticket", ticket=made["ticket"], partner_id="nav")
    assert late.code == "AUTH_EXPIRED"


async def test_what_the_patient_no_longer_allows_no_ticket_tells(node):
    assert (await node.do("registry.issue_ticket", **TICKET)).code == "CONSENT_REQUIRED"
    grant = (await node.do("registry.grant", **GRANT)).value
    made = (await node.do("registry.issue_ticket", **TICKET)).value
    await node.do("registry.revoke", grant_id=grant["grant_id"])
    told = await node.do("registry.resolve_ticket", ticket=made["ticket"], partner_id="imaging")
    assert told.code == "CONSENT_REQUIRED"


def node_time(node, **after):
    """An instant from now, as documents have it."""
    from datetime import timedelta

    from engine.base.clock import from_micros

    return (from_micros(node.clock.now()) + timedelta(**after)).isoformat(timespec="seconds")
