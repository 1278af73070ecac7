"""A folder of texts to a library: everything found at once, bases laid under, releases from memory, examples run."""

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from mapping_desk import BOOKING, CONTEXT, ZONE, library, said

from engine.base.errors import BusError, Code
from engine.contract import Adapter, Options
from engine.mapping import show
from engine.mapping.differ import differences
from engine.mapping.examples import run
from engine.mapping.library import load
from engine.mapping.reference import markdown
from engine.model import Built, Effect
from engine.settings.problems import Problems

RESULT = "shape: result\nfields: {booking_no: {required: true}, queue_no: integer}\n"
HIS = """\
profile: his/acme
says: The HIS of the architecture page.
adapter: line
line: {speed: 3}
format: xml
settings: {hospital: The hospital's number at the vendor.}
tables:
  sex: {male: "1", female: "2", otherwise: "9"}
outgoing:
  book:
    takes: booking
    gives: result
    effect: change
    ask: {by: find, absent_after: 2m}
    line: {verb: BOOK}
    request:
      Request/Head/TranCode: =1002
      Request/Head/Hospital: $hospital
      Request/Head/ReqTime: received | date(%Y%m%d%H%M%S)
      Request/Body/CardNo: patient.card_no or patient.id
      Request/Body/Sex: patient.sex | table(sex)
      Request/Body/Fee: fee | fen_to_yuan
      Request/Body/Items/Item: {each: items, fields: {Code: code, Qty: quantity or =1}}
    address: {card: patient.id, kind: =book}
    reply:
      booking_no: Response/Body/RegNo
      queue_no: Response/Body/QueueNo | integer
    meaning:
      code: Response/Head/ResultCode
      text: Response/Head/ResultMsg
      delivered: ["0"]
      refused: {"1001": slot_taken}
    examples:
      - name: walk-in without a card
        at: 2026-11-20T09:00:00+08:00
        context: {hospital: H1}
        given: {patient: {id: P1, sex: male}, fee: 1200, items: [{code: A}]}
        request: <Request><Head><TranCode>1002</TranCode><Hospital>H1</Hospital><ReqTime>20261120090000</ReqTime></Head><Body><CardNo>P1</CardNo><Sex>1</Sex><Fee>12.00</Fee><Items><Item><Code>A</Code><Qty>1</Qty></Item></Items></Body></Request>
        address: {card: P1, kind: book}
        reply: <Response><Head><ResultCode>0</ResultCode></Head><Body><RegNo>R7</RegNo><QueueNo>3</QueueNo></Body></Response>
        gives: {booking_no: R7, queue_no: 3}
      - name: taken
        given: {patient: {id: P1}}
        reply: <Response><Head><ResultCode>1001</ResultCode></Head></Response>
        outcome: "refused: slot_taken"
  find:
    takes: booking
    effect: none
    line: {verb: FIND}
    request: {Request/CardNo: patient.id}
    meaning: {code: Response/ResultCode, delivered: ["0"], unsent: ["1"]}
incoming:
  stopped:
    match: input/kind == STOP
    gives: result
    read: {booking_no: input/reg_no}
    takes: result
    say: {response/ret_code: =0, response/reg_no: booking_no}
    examples:
      - name: one stopped
        message: <input><kind>STOP</kind><reg_no>R7</reg_no></input>
        gives: {booking_no: R7}
        answer: {booking_no: R7}
        says: <response><ret_code>0</ret_code><reg_no>R7</reg_no></response>
      - name: without a number
        message: <input><kind>STOP</kind></input>
        refused: booking_no
"""
TEXTS = {"shapes/booking.yaml": BOOKING, "shapes/result.yaml": RESULT, "his/acme.yaml": HIS}


class LineOptions(Options):
    """Options of an adapter that is none."""

    speed: int = 1
    """How fast."""


class VerbOptions(Options):
    """Options of its operations."""

    verb: str
    """What is called."""


LINE = {"line": Adapter("line", "An adapter for these tests.", LineOptions, VerbOptions, formats=("xml",))}


def texts(**changed):
    return TEXTS | changed


def loaded(files=None, problems=None, **options):
    return library(files or TEXTS, problems, adapters=LINE, **options)


def findings(files, **options):
    problems = Problems()
    loaded(files, problems, **options)
    return said(problems)


def test_a_profile_becomes_operations():
    profile = loaded().profiles["his/acme"]
    assert (profile.adapter, profile.format.name, profile.options.speed) == ("line", "xml", 3)
    book = profile.outgoing["book"]
    assert (book.effect, book.ask.by, book.ask.absent_after, book.options.verb) == (Effect.CHANGE, "find", 120, "BOOK")
    with pytest.raises(BusError) as caught:
        book.build({"patient": {"id": "P1"}, "fee": "1.5"}, CONTEXT)
    assert caught.value.spot == "fee"
    assert isinstance(book.build({"patient": {"id": "P1"}}, CONTEXT), Built)


def test_its_examples_are_run_and_say_field_by_field_what_differs():
    assert [(result.case, result.differences) for result in run(loaded().profiles["his/acme"], ZONE)] == [
        ("walk-in without a card", ()), ("taken", ()), ("one stopped", ()), ("without a number", ()),
    ]  # fmt: skip
    wrong = (
        HIS.replace("<Sex>1</Sex>", "<Sex>2</Sex>")
        .replace("queue_no: 3}", "queue_no: 4}")
        .replace('"refused: slot_taken"', "in_doubt")
    )
    wrong = wrong.replace("refused: booking_no", "gives: {}").replace(
        "address: {card: P1, kind", "address: {cart: P1, kind"
    )
    found = list(run(loaded(texts(**{"his/acme.yaml": wrong})).profiles["his/acme"], ZONE))
    assert [str(difference) for result in found for difference in result.differences] == [
        "request.Request.Body.Sex: expected '2', got '1'",
        "address.cart: expected 'P1', got nothing",
        "address.card: expected nothing, got 'P1'",
        "gives.queue_no: expected 4, got 3",
        "outcome: expected 'in_doubt', got 'refused: slot_taken'",
        "message: expected 'no refusal', got 'booking_no: missing, from input/reg_no'",
    ]
    assert str(found[0].where) == "mappings/his/acme.yaml:34:9"


def test_the_order_of_elements_counts():
    swapped = HIS.replace("<Sex>1</Sex><Fee>12.00</Fee>", "<Fee>12.00</Fee><Sex>1</Sex>")
    found = next(run(loaded(texts(**{"his/acme.yaml": swapped})).profiles["his/acme"], ZONE))
    assert [difference.path for difference in found.differences] == [
        "request.Request.Body.(order)[1]",
        "request.Request.Body.(order)[2]",
    ]


def test_every_mistake_in_every_text_is_found_at_once():
    broken = HIS.replace("takes: booking\n    gives: result", "takes: boking\n    gives: result", 1)
    broken = broken.replace("speed: 3", "sped: 3").replace("verb: BOOK", "verbs: BOOK").replace("by: find", "by: fnd")
    broken = (
        broken.replace("says: The", "say: The").replace("$hospital", "$hospitl").replace("input/kind ==", "$token ==")
    )
    assert findings(texts(**{"his/acme.yaml": broken})) == [
        "mappings/his/acme.yaml:2:1: 'say' is not known here (did you mean 'says'?)",
    ]
    *lines, yaml = findings(
        texts(**{"his/acme.yaml": broken.replace("say: The", "says: The"), "tables/x.yaml": "t: {a: [}"})
    )
    assert lines == [
        "mappings/his/acme.yaml:4:8: 'sped' is not known here (did you mean 'speed'?)",
        "mappings/his/acme.yaml:11:5: there is no shape 'boking' (did you mean 'booking'?)",
        "mappings/his/acme.yaml:14:11: operation 'fnd' is not known (did you mean 'find'?)",
        "mappings/his/acme.yaml:15:11: 'verb' is missing (What is called)",
        "mappings/his/acme.yaml:15:12: 'verbs' is not known here (did you mean 'verb'?)",
        "mappings/his/acme.yaml:18:30: $hospitl is not known to the bus (did you mean 'hospital'?)",
        "mappings/his/acme.yaml:54:12: $token cannot be read here (only what the message itself says)",
    ]
    assert yaml.startswith("mappings/tables/x.yaml:1:9: this is not YAML")


@pytest.mark.parametrize(
    ("file", "text", "finding"),
    [
        ("his/acme.yaml", HIS.replace("his/acme", "his/other", 1), "his/acme.yaml:1:1: profile 'his/other' stands in another file (write profile: his/acme, or rename the file)"),
        ("his/acme.yaml", HIS.replace("adapter: line", "adapter: lin"), "his/acme.yaml:3:10: adapter 'lin' is not known (did you mean 'line'?)"),
        ("his/acme.yaml", HIS.replace("format: xml", "format: xlm"), "his/acme.yaml:5:1: format 'xlm' is not known (did you mean 'xml'?)"),
        ("his/acme.yaml", HIS.replace("format: xml", "format: xml\nxml: {charset: 7}"), "his/acme.yaml:6:7: 'charset': input should be a valid string"),
        ("shapes/result.yaml", RESULT.replace("shape: result", "shape: other"), "shapes/result.yaml:1:1: shape 'other' stands in another file (write result, or rename the file)"),
        ("his/acme.yaml", "- a\n", "his/acme.yaml:1:1: a text is a mapping of keys to values"),
        ("his/beta.yaml", "profile: his/beta\nlike: his/acm\nadapter: line\n", "his/beta.yaml:2:7: profile 'his/acm' is not known (did you mean 'his/acme'?)"),
        ("his/beta.yaml", "profile: his/beta\nlike: his/beta\n", "his/beta.yaml:2:7: 'his/beta' is like itself in the end (his/beta -> his/beta)"),
        ("between/n.yaml", "between: n\ntakes: booking\ngives: result\nfields: {booking_no: fe}\n", "between/n.yaml:4:22: shape 'booking' has no field 'fe' (did you mean 'fee'?)"),
    ],
)  # fmt: skip
def test_findings(file, text, finding):
    assert "mappings/" + finding in findings(texts(**{file: text}))


def test_a_text_that_is_not_utf8_is_a_finding():
    from engine.mapping.library import load_texts

    problems = Problems()
    load_texts({"shapes/a.yaml": "shape: 张".encode("gbk")}, LINE, problems, ZONE)
    assert said(problems) == ["mappings/shapes/a.yaml: is not UTF-8 (texts are UTF-8 files)"]


def test_a_profile_like_another_says_only_what_differs():
    beta = """\
profile: his/beta
like: his/acme
tables: {sex: {male: M, female: F}}
outgoing:
  book:
    request: {Request/Body/Fee: fee, Request/Head/ReqTime: null}
    examples: []
  find: null
incoming: null
"""
    assert findings(texts(**{"his/beta.yaml": beta})) == [
        "mappings/his/acme.yaml:14:11: operation 'find' is not known (known: book)",
    ]
    beta = beta.replace("  find: null\n", "")
    made = loaded(texts(**{"his/beta.yaml": beta}))
    built = (
        made.profiles["his/beta"].outgoing["book"].build({"patient": {"id": "P1", "sex": "male"}, "fee": 5}, CONTEXT)
    )
    assert built.body.decode() == (
        "<Request><Head><TranCode>1002</TranCode></Head><Body><CardNo>P1</CardNo><Sex>M</Sex><Fee>5</Fee><Items/></Body></Request>"
    )
    assert list(made.profiles["his/beta"].outgoing) == ["book", "find"]
    assert not made.profiles["his/beta"].incoming


def test_a_folder_and_its_texts_in_memory_are_the_same(tmp_path):
    folder = tmp_path / "mappings"
    for name, text in TEXTS.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (folder / "his" / "acme.wsdl").write_bytes(b"<wsdl/>")
    (folder / ".cache").write_bytes(b"no text")
    problems = Problems()
    made = load(folder, LINE, problems, ZONE)
    assert not problems
    assert sorted(made.texts) == ["his/acme.wsdl", "his/acme.yaml", "shapes/booking.yaml", "shapes/result.yaml"]
    assert made.profiles["his/acme"].folder == str(folder / "his")
    again = library({name: text.decode() for name, text in made.texts.items()}, adapters=LINE)
    assert {name: each.source for name, each in again.maps.items()} == {
        name: each.source for name, each in made.maps.items()
    }


def test_maps_between_shapes():
    text = """\
between: told
takes: booking
gives: result
fields: {booking_no: patient.id, queue_no: items(0).quantity}
examples:
  - {name: one, given: {patient: {id: P1}}, gives: {booking_no: P1}}
"""
    made = loaded(texts(**{"between/told.yaml": text}))
    assert made.between["told"]({"patient": {"id": "P1"}, "items": [{"quantity": 2}]}, CONTEXT) == {
        "booking_no": "P1",
        "queue_no": 2,
    }
    assert made.between_ends["told"] == ("booking", "result")
    assert made.shapes["booking"].find == {"patient": "patient.id"}


def test_tables_of_the_site_are_hidden_by_a_profiles_own():
    common = {"tables/common.yaml": "sex: {male: x}\nkind: {book: B}\n"}
    text = HIS.replace("kind: =book", "kind: channel | table(kind)").replace("kind: book}", "kind: B}")
    text = text.replace("given: {patient: {id: P1, sex: male}", "given: {channel: book, patient: {id: P1, sex: male}")
    made = loaded(texts(**common, **{"his/acme.yaml": text}))
    assert all(result.fine for result in run(made.profiles["his/acme"], ZONE))


def test_a_seal_is_made_by_whoever_knows_how():
    asked = []

    def factory(node, problems):
        asked.append(node.plain())
        return lambda built, path, context: (built.body, {"X-Signature": "s"})

    text = HIS.replace("says: The", "seal: {like: site, values: {a: A, b: B}}\nsays: The").replace(
        "    line: {verb: FIND}", "    line: {verb: FIND}\n    seal: {values: {b: other}}"
    )
    operations = loaded(texts(**{"his/acme.yaml": text}), seal_factory=factory).profiles["his/acme"].outgoing
    assert asked == [
        {"like": "site", "values": {"a": "A", "b": "B"}},
        {"like": "site", "values": {"a": "A", "b": "other"}},
    ]
    assert operations["book"].seal(Built(b"x"), "POST /", CONTEXT) == (b"x", {"X-Signature": "s"})


def test_what_an_address_needs_is_made_and_never_missing():
    text = """profile: his/rest
adapter: http
format: json
outgoing:
  get: {effect: none, takes: booking, http: {method: GET, path: "/p/{id}/{kind}"}, address: {id: patient.card_no, kint: =a}}
  put: {effect: none, takes: booking, http: {method: GET, path: "/p/{id}"}}
"""
    problems = Problems()
    library(TEXTS | {"his/rest.yaml": text, "his/acme.yaml": "{}"}, problems)
    assert [line for line in said(problems) if "rest" in line] == [
        "mappings/his/rest.yaml:5:84: the address needs 'kind', which nothing makes (did you mean 'kint'?)",
        "mappings/his/rest.yaml:6:3: the address needs 'id', which nothing makes (write address: {id: its source})",
    ]
    made = library({"shapes/booking.yaml": BOOKING, "his/rest.yaml": text.replace("kint", "kind").split("  put")[0]})
    with pytest.raises(BusError, match="address id: missing"):
        made.profiles["his/rest"].outgoing["get"].build({"patient": {"id": "1"}}, CONTEXT)


def test_xml_has_one_root():
    text = HIS.replace("Request/Body/Fee:", "Reqest/Body/Fee:")
    assert findings(texts(**{"his/acme.yaml": text})) == [
        "mappings/his/acme.yaml:22:7: XML has one root, 'Request', not 'Reqest'"
    ]


def test_one_mapping_is_shown_field_by_field():
    made = loaded()
    profile = made.profiles["his/acme"]
    shown = show.outgoing(made, profile, profile.outgoing["book"], {"patient": {"id": "P1"}, "fee": 1200}, CONTEXT)
    assert [(seen.target, seen.source, seen.value) for seen in shown.fields][3:6] == [
        ("Request/Body/CardNo", "patient.card_no or patient.id", "P1"),
        ("Request/Body/Sex", "patient.sex | table(sex)", None),
        ("Request/Body/Fee", "fee | fen_to_yuan", "12.00"),
    ]
    assert shown.result.startswith(b"<Request>")
    assert shown.address == {"card": "P1", "kind": "book"}
    stopped = show.outgoing(made, profile, profile.outgoing["book"], {"patient": {"id": "P1"}, "fee": "x"}, CONTEXT)
    assert (stopped.error.spot, stopped.fields[-1].target) == ("fee", "kind")
    read = show.incoming(made, profile, None, b"<input><kind>STOP</kind><reg_no>R7</reg_no></input>", CONTEXT)
    assert (read.map, read.result) == ("his/acme incoming.stopped.read", {"booking_no": "R7"})
    assert show.incoming(made, profile, None, b"<x/>", CONTEXT).error.code is Code.UNSUPPORTED_MESSAGE


def test_many_profiles_load_in_a_moment_of_work():
    files = texts(**{f"his/v{n}.yaml": HIS.replace("his/acme", f"his/v{n}", 1) for n in range(15)})
    start = time.process_time()
    loaded(files)
    assert time.process_time() - start < 20  # half a second of work


def test_the_reference_holds_every_function_with_its_examples():
    page = markdown()
    assert "#### `left(count)`" in page
    assert "| `12.345` | `\\| yuan_to_fen` | *refused* |" in page
    assert "value := " in page


@pytest.mark.parametrize(
    ("expected", "got", "lines"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": True}, ["a: expected 1, got True"]),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1]}}, ["a.b[1]: expected 2, got nothing"]),
        ({"a": None}, {}, ["a: expected None, got nothing"]),
        ([], {}, ["the whole: expected [], got {}"]),
    ],
)
def test_differences(expected, got, lines):
    assert [str(difference) for difference in differences(expected, got)] == lines


def test_the_site_of_this_repository_is_checked_by_the_same_loader():
    import adapters

    folder = Path(__file__).resolve().parents[3] / "mappings"
    problems = Problems()
    made = load(
        folder, {name: adapters.load(name) for name in adapters.NAMES}, problems, ZONE, lambda node, _: SimpleNamespace
    )
    assert not problems, said(problems)
    assert [result for profile in made.profiles.values() for result in run(profile, ZONE) if not result.fine] == []
