"""What is kept of messages under way is bounded by bytes: a report may carry a film of 20 MB."""

from typing import Any

import pytest

from engine.routing import messages
from engine.routing.messages import Message, Messages


def held(kept: Messages) -> list[int]:
    return list(kept._held)


def message(size: int) -> Message:
    unused: Any = None
    return Message(unused, unused, {}, unused, "main", size)


def made() -> Messages:
    unused: Any = None
    return Messages(unused, unused, lambda _system, _campus: {})


def test_the_oldest_are_let_go_of_when_the_bytes_are_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "_KEPT", 1000)
    kept = made()
    for seq in range(1, 12):
        kept.keep(seq, message(100))
    assert held(kept) == list(range(2, 12))
    kept.forget(5)
    kept.keep(12, message(100))
    assert held(kept) == [2, 3, 4, 6, 7, 8, 9, 10, 11, 12]
    kept.keep(13, message(850))
    assert held(kept) == [12, 13]


def test_one_that_is_larger_than_all_is_kept_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "_KEPT", 1000)
    kept = made()
    kept.keep(1, message(100))
    kept.keep(2, message(5000))
    assert held(kept) == [2]
    kept.keep(3, message(100))
    assert held(kept) == [3]


def test_kept_twice_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "_KEPT", 1000)
    kept = made()
    kept.keep(1, message(600))
    kept.keep(1, message(600))
    kept.keep(2, message(300))
    assert held(kept) == [1, 2]
