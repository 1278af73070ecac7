"""The grammar of routes.yaml: what is read, what is refused, and what is not carried yet."""

from engine.settings.carried import BEGINNINGS
from engine.settings.problems import Problems
from engine.settings.routes import load_routes

RESULT = """
routes:
  report.list: {to: reports.list, within: 5s, lane: patient.id}
  lab_result:
    from: lis.result
    key: {by: [sender.id, message_no], other_content: new}
    lane: {by: patient.id, name: patient}
    steps:
      store:  {to: reports.save, needs: []}
      notify: {to: notify.send, map: ready, needs: [store], when: status == final, retry: {for: 2h, then: park}}
    on_failure:
      tell: {to: notify.duty, when: store == refused, lane: none}
    answer: {after: accepted}
"""

WHOLE = """
routes:
  org.list: {to: his.departments, within: 5s, cache: 10m}
  report.list:
    gather:
      lab:  {to: lis.reports, within: 3s}
      exam: {to: pacs.reports, within: 3s, when: kind == EXAM}
    merge: {into: reports, unique: report_id, order: reported_at, missing: say}
    answer: {within: 4s}
  upload:
    from: warehouse.prescriptions
    schedule: {cron: "30 1 * * *", missed: run_once, batch: 500, empty: send}
    key: [record_id, version]
    amends: record_id
    steps:
      up:   {to: regulator.upload, refused: park, hold: nothing}
      mark: {to: ledger.mark}
  stopped:
    from: [his.stopped, his.stops]
    key: schedule_id
    steps:
      find: {to: his.bookings}
      each: {each: find.reply.bookings, to: route.one}
    answer: {after: find, late: undo}
"""


def load(text):
    problems = Problems()
    return load_routes(text, "routes.yaml", problems), [str(problem) for problem in problems]


def test_a_route_in_steps_and_one_in_a_line():
    text, found = load(RESULT)
    assert not found
    route = text.routes["lab_result"]
    assert route.from_ == ["lis.result"]
    assert (route.key.by, route.key.other_content) == (["sender.id", "message_no"], "new")
    assert (route.lane.by, route.lane.name) == ("patient.id", "patient")
    assert route.steps["store"].needs == []
    assert route.steps["notify"].retry.for_ == 7200
    assert route.on_failure["tell"].lane == "none"
    one = text.routes["report.list"]
    assert (one.lane.by, one.lane.name) == ("patient.id", None)
    assert one.all_steps()["call"].to == "reports.list"
    assert one.all_steps()["call"].within == 5
    assert str(text.where("routes", "lab_result", "steps", "notify", "to")) == "routes.yaml:10:16"


def test_short_and_long_keys_are_one():
    for written in ("no", "[no]", "{by: no}", "{by: [no]}"):
        text, found = load(f"routes: {{r: {{from: a.b, to: c.d, key: {written}}}}}")
        assert not found
        assert text.routes["r"].key.by == ["no"]


def test_every_mistake_at_once_with_its_place():
    _, found = load(
        "routes:\n"
        "  lab_result:\n"
        "    form: lis.result\n"
        "    key: [5]\n"
        "    steps:\n"
        "      a: {too: reports, needs: [b], within: 5, refused: parc}\n"
        "      b: {to: reports}\n"
        "    within: 5s\n"
        "    answer: {after: c}\n"
        "  x: {}\n"
        "  y.z: {to: a.b, steps: {c: {to: d.e}}}\n"
    )
    assert found == [
        "routes.yaml:2:3: nothing starts route 'lab_result' (write from: system.kind, like lis.result)",
        "routes.yaml:3:5: 'form' is not known here (did you mean 'from'?)",
        "routes.yaml:4:11: this must be text (put it in quotes)",
        "routes.yaml:6:7: 'to' is missing (The system and its operation, like `his.book`)",
        "routes.yaml:6:11: 'too' is not known here (did you mean 'to'?)",
        "routes.yaml:6:33: the earlier step 'b' is not known",
        "routes.yaml:6:37: a duration needs its unit, 5 could be anything (write 5s, 5m or 5h)",
        "routes.yaml:6:48: 'parc' is no value of 'refused' (did you mean 'park'?)",
        "routes.yaml:7:11: 'reports' names no operation (write system.operation, like his.book)",
        "routes.yaml:8:5: 'within' belongs to the one-line form (write it in a step)",
        "routes.yaml:9:21: the step 'c' is not known (known: a, accepted, b)",
        "routes.yaml:10:3: nothing starts route 'x' (write from: system.kind, like lis.result)",
        "routes.yaml:10:3: route 'x' leads nowhere (write to: system.operation, or steps:)",
        "routes.yaml:11:18: a route has 'to' or 'steps', not both (make it one more step)",
    ]


def test_compensation_cannot_wait_for_a_step_that_has_ended():
    route = (
        "routes:\n"
        "  r:\n"
        "    from: lis.result\n"
        "    steps: {a: {to: his.save}}\n"
        "    on_failure:\n"
        "      %s: {to: his.undo, needs: [a]}\n"
    )
    _, found = load(route % "b")
    assert found == [
        "routes.yaml:6:33: 'a' has ended, or never will, when on_failure runs (write when: a == delivered)"
    ]
    text, found = load(route.replace("needs: [a]}", "needs: []}\n      c: {to: his.note, needs: [b]}") % "b")
    assert (found, text is None) == ([], False)


def test_the_whole_grammar_is_read_and_what_is_not_carried_is_said():
    text, found = load(WHOLE)
    assert text is None
    unread = [line for line in found if "not carried yet" not in line]
    assert unread == []
    said = {line.split("'")[1] for line in found}
    assert said == {start.rstrip(".") for starts in BEGINNINGS.values() for start in starts if start in WHOLE}


def test_each_line_of_the_list_is_live():
    # a line for a key that no text can have would never be deleted
    for pattern in BEGINNINGS:
        key = pattern.rpartition(".")[2]
        assert key in {*WHOLE.replace("{", " ").replace(",", " ").replace(":", " ").split()}, pattern


def test_a_text_that_is_no_yaml_is_one_finding():
    text, found = load("routes: {a: [}")
    assert text is None
    assert len(found) == 1
    assert found[0].startswith("routes.yaml:1:14: this is not YAML")


def test_a_key_that_stands_twice_is_a_finding():
    _, found = load("routes:\n  a.b: {to: c.d}\n  a.b: {to: e.f}\n")
    assert found == ["routes.yaml:3:3: 'a.b' stands here twice (first at line 2)"]
