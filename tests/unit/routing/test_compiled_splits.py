"""Routes that send to routes, as texts: what they compile to, and what is found wrong in them."""

import pytest
from routing_desk import site
from split_desk import ROUTES, SPLIT_TEXTS

from engine.model import State, Then
from engine.routing.plan import deliveries, follow
from engine.routing.release import build
from engine.settings.problems import Problems


def made(routes):
    problems = Problems()
    texts = {name: text.encode() for name, text in {**SPLIT_TEXTS, "routes.yaml": routes}.items()}
    return build(texts, site(), problems), [str(one) for one in problems]


def release(routes):
    found, findings = made(routes)
    assert found is not None, findings
    return found


def test_a_split_is_a_step_of_the_bus_itself():
    routes = release(ROUTES).routes
    find, each, done = routes["stopped"].steps
    assert (each.system, each.operation, each.makes.route, each.needs) == (
        "route",
        "booking_stopped",
        "booking_stopped",
        (0,),
    )
    bookings = [{"no": "B1"}, {"no": "B2"}]
    assert each.makes.items({"find": {"reply": {"bookings": bookings}}}) == bookings
    assert list(each.makes.items({"find": {"reply": {}}})) == []
    assert (find.makes, done.makes, done.reads) == (None, None, {"find", "each"})
    child = routes["booking_stopped"]
    assert (child.sources, child.shape) == ((), "booking")
    assert child.key.of({"no": "B1", "begin": "8"}) == "B1\x1f8"


def test_what_needs_a_split_is_freed_by_its_last_child():
    route = release(ROUTES).routes["stopped"]
    assert deliveries(route, {"schedule": "S1"}, "main")[1].system == "route"
    ended = follow(route, 1, Then(State.DELIVERED), {}, "main", failing=False)
    assert (ended.freed, ended.awaited) == ((), (2,))
    dropped = follow(route, 1, Then(State.GIVEN_UP), {}, "main", failing=False)
    assert (dropped.skip, dropped.awaited) == ((2,), ())
    assert follow(route, 0, Then(State.DELIVERED), {}, "main", failing=False).awaited is None


def test_items_may_stand_in_the_message_itself_or_be_the_message():
    own = ROUTES.replace("each: find.reply.bookings", "each: bookings")
    each = release(own).routes["stopped"].steps[1]
    assert each.makes.items({"bookings": [{"no": "B1"}]}) == [{"no": "B1"}]
    whole = """
routes:
  first: {from: source.stopped, to: route.second}
  second: {from: route, steps: {find: {to: office.find}}}
"""
    routes = release(whole).routes
    assert routes["first"].steps[0].makes.items is None
    assert routes["second"].shape == "stop"


@pytest.mark.parametrize(
    ("wrong", "said", "place", "words"),
    [
        ("to: route.booking_stopped", "to: route.booking_stoped", "8:", "booking_stopped"),
        ("to: route.booking_stopped", "to: route.stopped", "", "from: route"),
        ("to: route.booking_stopped, map: booking_of_stop", "to: office.done", "8:14", "messages of another route"),
        ("each: find.reply.bookings", "each: find.reply.booking", "8:14", "bookings"),
        ("each: find.reply.bookings", "each: find.outcome", "8:14", "no list"),
        ("each: find.reply.bookings", "each: find.reply.count", "8:14", "no list"),
        ("each: find.reply.bookings", "each: codes", "8:14", "no list of objects"),
        ("to: route.booking_stopped, map", "needs: [], to: route.booking_stopped, map", "8:14", "need not be done"),
        ("to: route.booking_stopped, map", "within: 3s, to: route.booking_stopped, map", "8:", "not called"),
        ("map: booking_of_stop}", "map: booking_of_stops}", "8:", "booking_of_stop"),
        ("from: route\n", "from: [route, source.other]\n", "", ""),
        ("key: schedule\n", "key: schedule\n    lane: schedule\n", "10:", "lane: none"),
        ("by: no, name", "by: number, name", "13:", "no field"),

    ],
)  # fmt: skip
def test_a_mistake_has_its_place_and_its_mend(wrong, said, place, words):
    assert wrong in ROUTES
    _, found = made(ROUTES.replace(wrong, said, 1))
    assert found
    hit = [one for one in found if one.startswith(f"routes.yaml:{place}") and words in one]
    assert hit, found


def test_a_step_that_waits_for_children_stands_in_no_line_nor_what_needs_it():
    lane = ROUTES.replace("key: schedule\n", "key: schedule\n    lane: schedule\n")
    later = lane.replace(
        "needs: [each]}",
        "needs: [each], lane: none}\n      after: {to: office.done}\n      aside: {to: office.find, needs: [find]}",
    )
    _, found = made(later)
    assert len(found) == 1, found
    assert "'after' waits for a step that waits for other messages" in found[0]
    assert not made(later.replace("after: {to: office.done}", "after: {to: office.done, lane: none}"))[1]


def test_routes_that_lead_back_to_themselves_would_never_end():
    circle = ROUTES.replace(
        "cancel: {to: office.cancel, needs: [],",
        "again: {to: route.booking_stopped}\n      cancel: {to: office.cancel,",
    )
    _, found = made(circle)
    assert any("leads back to itself" in one for one in found), found


def test_items_that_do_not_fit_their_route_want_a_map():
    _, found = made(ROUTES.replace(", map: booking_of_stop", ""))
    assert found == []
    unfit = {
        **SPLIT_TEXTS,
        "mappings/shapes/booking.yaml": SPLIT_TEXTS["mappings/shapes/booking.yaml"] + "  fee: {required: true}\n",
    }
    problems = Problems()
    texts = {**unfit, "routes.yaml": ROUTES.replace(", map: booking_of_stop", "")}
    build({name: text.encode() for name, text in texts.items()}, site(), problems)
    assert any("is no booking: it needs fee" in str(one) for one in problems)


def test_a_route_that_nobody_sends_to_is_a_finding():
    _, found = made(ROUTES + "  lonely: {from: route, steps: {tell: {to: office.tell}}}\n")
    assert any("no step sends to route 'lonely'" in one for one in found)


def test_a_channel_operation_may_send_to_a_route():
    release, found = made(ROUTES + "  stop.ask: {to: route.booking_stopped}\n")
    assert not found
    route = release.routes["stop.ask"]
    assert (route.shape, route.answer.step) == ("booking", 0)
