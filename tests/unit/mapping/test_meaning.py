"""What replies mean: status, absence, codes, values; and that a reply that cannot be read is never taken for a yes."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_desk import library, said

from engine.contract import Reply
from engine.model import Context, Verdict
from engine.settings.problems import Problems

SHAPES = {
    "shapes/ask.yaml": "shape: ask\nfields: {no: text}\n",
    "shapes/answer.yaml": "shape: answer\nfields: {no: {required: true}, count: integer}\n",
}


def operation(
    meaning, effect="change", adapter="http", extra="", reply="reply: {no: data.no, count: data.n}\n    gives: answer"
):
    """One operation with a meaning, of a real profile."""
    options = {"http": "http: {method: POST, path: /x}", "sql": "sql: {statement: 'select 1', kind: query}"}[adapter]
    text = f"""
profile: his/a
adapter: {adapter}
format: {"row" if adapter == "sql" else "json"}
outgoing:
  do:
    takes: ask
    effect: {effect}
    {options}
    request: {{no: no}}
    {reply}
    {extra}
    meaning: {meaning}
"""
    return library(SHAPES | {"his/a.yaml": text}).profiles["his/a"].outgoing["do"]


CODES = '{code: code, text: msg, delivered: ["0"], refused: {"1001": slot_taken}, unavailable: ["99"], unsent: ["404"], in_doubt: ["5"]}'


@pytest.mark.parametrize(
    ("body", "verdict", "code", "backend"),
    [
        (b'{"code":"0","msg":"ok","data":{"no":"R7","n":"3"}}', Verdict.DELIVERED, "", "0"),
        (b'{"code":0,"data":{"no":"R7"}}', Verdict.DELIVERED, "", "0"),
        (b'{"code":"1001","msg":"sold"}', Verdict.REFUSED, "slot_taken", "1001"),
        (b'{"code":"99"}', Verdict.UNAVAILABLE, "said_unavailable", "99"),
        (b'{"code":"404"}', Verdict.UNSENT, "said_unsent", "404"),
        (b'{"code":"5"}', Verdict.IN_DOUBT, "said_in_doubt", "5"),
        (b'{"code":"7"}', Verdict.IN_DOUBT, "said_in_doubt", "7"),
        (b"{}", Verdict.IN_DOUBT, "said_in_doubt", ""),
        (b'{"code":"0","data":{}}', Verdict.IN_DOUBT, "reply_unreadable", ""),
        (b'{"code":"0","data":"?"}', Verdict.IN_DOUBT, "reply_unreadable", ""),
        (b"<html>502</html>", Verdict.IN_DOUBT, "reply_unreadable", ""),
        (b"", Verdict.IN_DOUBT, "reply_unreadable", ""),
        (b'{"code":["0"]}', Verdict.IN_DOUBT, "said_in_doubt", ""),
    ],
)
def test_codes_of_a_change(body, verdict, code, backend):
    outcome = operation(CODES).understand(Reply(body=body, status=200))
    assert (outcome.verdict, outcome.code, outcome.backend_code, outcome.reply) == (verdict, code, backend, body)


WORDS = """{code: code, text: msg, delivered: ["0"], refused: {"1": no}, in_doubt: ["-1"],
              words: {查询不到: delivered, 已约满: SOLD_OUT, 满: full, 繁忙: unavailable}}"""


@pytest.mark.parametrize(
    ("code", "msg", "verdict", "word"),
    [
        ("1", "该时段号源已约满!", Verdict.REFUSED, "SOLD_OUT"),
        ("1", "号满", Verdict.REFUSED, "full"),
        ("1", "系统繁忙", Verdict.UNAVAILABLE, "said_unavailable"),
        ("1", "查询不到相关数据", Verdict.DELIVERED, ""),
        ("1", "不允许", Verdict.REFUSED, "no"),
        ("1", "", Verdict.REFUSED, "no"),
        ("0", "查询成功, 已约满", Verdict.DELIVERED, ""),
        ("-1", "号源已约满", Verdict.REFUSED, "SOLD_OUT"),
        ("-1", "<UNDEFINED>LockOrder+12", Verdict.IN_DOUBT, "said_in_doubt"),
        ("-9", "已约满", Verdict.IN_DOUBT, "said_in_doubt"),
    ],
)
def test_words_make_a_known_code_exact_and_nothing_else(code, msg, verdict, word):
    body = json.dumps({"code": code, "msg": msg, "data": {"no": "R7"}}).encode()
    outcome = operation(WORDS).understand(Reply(body=body, status=200))
    assert (outcome.verdict, outcome.code, outcome.backend_text) == (verdict, word, msg)


def test_a_profile_says_once_what_its_replies_mean():
    text = """
profile: his/a
adapter: http
format: json
meaning: {code: code, delivered: ["0"], refused: {"1": no, "2": never}, otherwise: refused}
outgoing:
  do:
    effect: change
    http: {method: POST, path: /x}
    meaning: {delivered: ["0", "5"], refused: {"1": exact}, otherwise: null}
  see:
    effect: none
    http: {method: GET, path: /x}
"""
    made = library({"his/a.yaml": text}).profiles["his/a"].outgoing
    said = {
        name: [made[name].understand(Reply(body=b'{"code":"%d"}' % code)) for code in (0, 1, 2, 5, 7)] for name in made
    }
    assert [(each.verdict.value, each.code) for each in said["do"]] == [
        ("delivered", ""), ("refused", "exact"), ("refused", "never"), ("delivered", ""), ("in_doubt", "said_in_doubt"),
    ]  # fmt: skip
    assert [(each.verdict.value, each.code) for each in said["see"]] == [
        ("delivered", ""), ("refused", "no"), ("refused", "never"), ("refused", "rejected"), ("refused", "rejected"),
    ]  # fmt: skip


def test_a_profile_says_once_what_its_requests_begin_with():
    text = """
profile: his/a
adapter: http
format: xml
settings: {user: who we are}
request: {R/Trade: $token, R/User: $user}
outgoing:
  do:
    takes: ask
    effect: change
    http: {method: POST, path: /x}
    request: {R/No: no, R/Trade: =1001}
  see:
    takes: ask
    effect: none
    http: {method: POST, path: /x}
    request: {R/User: null, R/USER: $user}
"""
    made = library(SHAPES | {"his/a.yaml": text}).profiles["his/a"].outgoing
    context = Context(received=None, now=None, values={"token": "t1", "user": "bus"})
    assert {name: made[name].build({"no": "7"}, context).body for name in made} == {
        "do": b"<R><Trade>1001</Trade><User>bus</User><No>7</No></R>",
        "see": b"<R><Trade>t1</Trade><USER>bus</USER></R>",
    }


def test_the_reply_becomes_our_shape_and_their_words_are_kept():
    outcome = operation(CODES).understand(Reply(body=b'{"code":"0","msg":"ok","data":{"no":"R7","n":"3"}}'))
    assert outcome.value == {"no": "R7", "count": 3}
    assert outcome.backend_text == "ok"


def test_a_read_that_cannot_be_read_may_be_asked_again():
    run = operation(CODES, effect="none").understand
    for body in (b"?", b'{"code":"0","data":{}}'):
        outcome = run(Reply(body=body, status=200))
        assert (outcome.verdict, outcome.code) == (Verdict.UNAVAILABLE, "BACKEND_FORMAT")


@pytest.mark.parametrize(
    ("status", "verdict", "code"),
    [
        (200, Verdict.DELIVERED, ""),
        (204, Verdict.DELIVERED, ""),
        (400, Verdict.REFUSED, "rejected"),
        (404, Verdict.UNSENT, "http_404"),
        (409, Verdict.REFUSED, "duplicate"),
        (422, Verdict.REFUSED, "rejected"),
        (429, Verdict.UNAVAILABLE, "http_429"),
        (500, Verdict.IN_DOUBT, "http_500"),
        (503, Verdict.UNAVAILABLE, "http_503"),
        (302, Verdict.IN_DOUBT, "http_302"),
    ],
)
def test_http_statuses(status, verdict, code):
    run = operation('{status: {"404": unsent, "409": duplicate, "503": unavailable}}', reply="").understand
    outcome = run(Reply(body=b"", status=status))
    assert (outcome.verdict, outcome.code) == (verdict, code)
    assert outcome.backend_code == ("" if status < 300 else str(status))


def test_a_status_that_is_read_goes_on_to_the_code():
    run = operation('{status: {5xx: read}, code: code, refused: {"1": full}, otherwise: refused}', reply="").understand
    assert run(Reply(body=b'{"code":"1"}', status=500)).code == "full"
    assert run(Reply(body=b'{"code":"2"}', status=500)).code == "rejected"
    assert run(Reply(body=b"<html>", status=500)).verdict is Verdict.IN_DOUBT


def test_a_refusal_by_status_keeps_their_code_and_words():
    outcome = operation(CODES, reply="").understand(Reply(body=b'{"code":"77","msg":"no"}', status=400))
    assert (outcome.verdict, outcome.backend_code, outcome.backend_text) == (Verdict.REFUSED, "77", "no")


def test_rows_and_counts_of_databases():
    reply = "reply: {no: rows(0).NO}\n    gives: answer"
    run = operation("{absent: rows empty}", effect="none", adapter="sql", reply=reply).understand
    found = run(Reply(rows=[{"NO": "R7"}], count=1))
    assert (found.verdict, found.value) == (Verdict.DELIVERED, {"no": "R7"})
    assert found.reply == b'{"rows":[{"NO":"R7"}],"count":1}'
    assert run(Reply(rows=[], count=0)).verdict is Verdict.UNSENT
    changed = operation(
        '{code: count, delivered: ["1"], refused: {"0": not_found}}', adapter="sql", reply=""
    ).understand
    assert changed(Reply(count=1)).verdict is Verdict.DELIVERED
    assert changed(Reply(count=0)).code == "not_found"
    assert changed(Reply(count=2)).verdict is Verdict.IN_DOUBT


def test_bytes_in_a_column_stay_out_of_the_record():
    outcome = operation("{otherwise: delivered}", adapter="sql", reply="").understand(
        Reply(rows=[{"PDF": b"\x00\x01"}])
    )
    assert outcome.reply == b'{"rows":[{"PDF":{"bytes":2}}],"count":null}'


def test_the_charset_of_the_transport_is_heard():
    body = '{"code":"1001","msg":"已满"}'.encode("gbk")
    outcome = operation(CODES).understand(
        Reply(body=body, status=200, headers={"content-type": 'application/json; charset="GBK"'})
    )
    assert outcome.backend_text == "已满"


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=40) | st.sampled_from([b'{"code":{}}', b"[]", b"null", b"1e999", b'{"data":[]}']),
    st.sampled_from([None, 200, 404, 500]),
)
def test_no_reply_makes_it_raise_or_say_yes_by_chance(body, status):
    outcome = RUN(Reply(body=body, status=status))
    if outcome.verdict is Verdict.DELIVERED:
        assert b'"code"' in body


RUN = operation(CODES).understand


def test_mistakes_in_a_meaning_are_found():
    problems = Problems()
    text = """profile: his/a
adapter: http
format: json
outgoing:
  do:
    effect: change
    http: {method: POST, path: /x}
    meaning:
      status: {"40": refused, 5xx: "in doubt"}
      code: data..code
      delivered: ["0"]
      refused: {"0": no, "1": "slot taken"}
      absent: rows
  other:
    effect: none
    http: {method: GET, path: /y}
    ask: {by: do, same: [nobody]}
    gives: answer
    meaning: {delivered: ["0"], words: {full: "is full"}}
"""
    library(SHAPES | {"his/a.yaml": text}, problems)
    assert [line.removeprefix("mappings/his/a.yaml:").split(" (")[0] for line in said(problems)] == [
        "9:16: '40' is no HTTP status",
        "9:31: 'in doubt' is no outcome and no word of ours",
        "10:13: 'data..code' is no path",
        "12:17: code '0' means two things here",
        "12:26: 'slot taken' is no word of ours",
        "13:15: 'rows' is no test",
        "17:11: 'do' changes something: it cannot ask",
        "17:11: 'other' changes nothing: there is nothing to ask about",
        "17:26: 'nobody' is no field of what both operations name as their shapes",
        "18:5: nothing makes shape 'answer'",
        "19:5: codes are named, but not where they stand",
        "19:33: words are looked for in 'text', which is not named",
        "19:41: 'is full' is no outcome and no word of ours",
    ]
