"""The bundles that others made of the same messages: equal in value, but for differences that have a reason."""

from collections import Counter
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import fhir_compare
import yaml

from tests import corpora

corpora.need()

SAID: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("fhir_differences.yaml").read_text(encoding="utf-8"))


@cache
def found() -> tuple[fhir_compare.Compared, ...]:
    return tuple(map(fhir_compare.compared, fhir_compare.bundles()))


def test_every_bundle_of_the_corpus_is_compared() -> None:
    assert len(found()) == 35
    assert {one.name: one.equal for one in found()} == SAID["equal"]


def test_every_difference_has_a_reason_and_every_reason_a_difference() -> None:
    left: Counter[fhir_compare.Side] = Counter()
    for one in found():
        left.update(one.differences)
    for entry in SAID["differences"]:
        assert entry["why"]
        for whose in ("theirs", "ours"):
            for pattern, count in entry.get(whose, {}).items():
                meant = [side for side in left if side.whose == whose and fnmatchcase(side.place, pattern)]
                assert sum(left.pop(side) for side in meant) == count, f"{whose} {pattern}"
    assert not left


def test_every_type_that_is_left_out_has_a_reason() -> None:
    types = {kind for one in found() for kind in one.left_out}
    assert types == {*SAID["types"]}
    assert all(SAID["types"].values())
