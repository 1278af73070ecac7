"""The outcome tables say what the compiled operations do: every example of the shipped profiles falls into a row."""

from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

import adapters
from engine.mapping.examples import reply_of
from engine.mapping.library import is_profile, load
from engine.mapping.outcomes import operations, outcomes_page, rows
from engine.mapping.shelf import stem
from engine.model import Verdict
from engine.settings import nodes
from engine.settings.problems import Problems

MAPPINGS = Path(__file__).resolve().parents[3] / "mappings"
PROFILE = """
profile: his/x
adapter: http
meaning: {code: code, text: msg, delivered: ["0"], refused: {"1": rejected}, words: {满: SLOT_SOLD_OUT}}
outgoing:
  look: {effect: none}
  book:
    effect: change
    ask: {by: look}
    meaning: {delivered: ["0", "1"], refused: {"1": null}, otherwise: refused}
  push: {effect: change, repeatable: true, meaning: {status: {"404": unsent, 5xx: unavailable, "409": conflict}}}
"""


@pytest.fixture(scope="module")
def texts():
    files = {path.relative_to(MAPPINGS).as_posix(): path for path in MAPPINGS.rglob("*.yaml")}
    return {stem(name): nodes.load(path, Problems()) for name, path in files.items() if is_profile(name)}


@pytest.fixture(scope="module")
def library():
    known = {name: adapters.load(name) for name in adapters.NAMES}
    return load(MAPPINGS, known, Problems(), ZoneInfo("Asia/Shanghai"), lambda _node, _: SimpleNamespace)


def test_every_example_of_the_shipped_profiles_falls_into_a_row(texts, library):
    seen = 0
    for name, profile in library.profiles.items():
        for key, text in operations(name, texts, Problems()).items():
            table = list(rows(text.meaning))
            for case in profile.outgoing[key].examples:
                if case.text.reply is None or case.text.status is not None:
                    continue
                _, wire = profile.outgoing[key].formats
                outcome = profile.outgoing[key].understand(reply_of(wire, case.text.reply, None))
                assert _fits(outcome, table), f"{name}.{key}: {case.text.name}: {outcome}"
                seen += 1
    assert seen > 50


def _fits(outcome, table):
    if outcome.code in {"reply_unreadable", "BACKEND_FORMAT"}:
        return True  # a column of its own
    if outcome.verdict is Verdict.UNSENT and outcome.code == "absent":
        return any(row.kind == "test" for row in table)
    words = [row for row in table if row.kind == "words" and row.said in outcome.backend_text]
    named = [row for row in table if row.kind == "code" and row.said == outcome.backend_code]
    otherwise = [row for row in table if row.kind == "else"]
    return any(
        row.verdict is outcome.verdict and row.word in {"", outcome.code} for row in words + (named or otherwise)
    )


def test_an_operation_shows_what_it_says_otherwise():
    page = outcomes_page({"his/x.yaml": nodes.parse(PROFILE, "his/x.yaml", Problems())})
    for line in (
        "| `look` | none | sent again: it only looks | unavailable |",
        "| `book` | change | asked about by `look` | in doubt |",
        "| `push` | change | sent again: twice is once | in doubt |",
        "| code `0` | delivered |  |",
        "| words: “满” | refused | `SLOT_SOLD_OUT` |",
        "### `book`, beside or in place of these",
        "| code `1` | delivered |  |",
        "| any other code, or none | refused |  |",
        "| HTTP 404 | unsent |  |",
        "| HTTP 409 | refused | `conflict` |",
        "| HTTP 429 | unavailable |  |",
        "| HTTP 5xx | unavailable |  |",
    ):
        assert page.count(f"{line}\n") == 1, line
