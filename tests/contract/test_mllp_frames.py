"""Cutting frames: what peers really send, in whatever pieces it comes."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.mllp.frames import Beginning, Frames, frame

PLAIN = st.binary(max_size=60).map(lambda body: body.replace(b"\x1c", b""))


def cut(stream: bytes, cuts: list[int], limit: int = 1000) -> list[bytes]:
    """The frames of a stream that comes in pieces, with what is left settled at its end."""
    frames = Frames(limit)
    edges = [0, *sorted(place % (len(stream) + 1) for place in cuts), len(stream)]
    found = [body for start, end in pairwise(edges) for body in frames.feed(stream[start:end])]
    return found + frames.settle()


@given(st.lists(PLAIN, max_size=6), st.lists(st.integers(0, 1000), max_size=20))
def test_pieces_make_no_difference(bodies: list[bytes], cuts: list[int]) -> None:
    assert cut(b"".join(map(frame, bodies)), cuts) == bodies


@given(st.lists(PLAIN, min_size=1, max_size=4), st.sampled_from([b"", b"\n", b"\r\n", b"\r\n\r\n", b"junk"]))
def test_what_stands_between_frames_is_passed_over(bodies: list[bytes], between: bytes) -> None:
    assert cut(between + between.join(frame(body) + between for body in bodies), []) == bodies


@settings(max_examples=300)
@given(st.lists(st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\n", b"a", b"\x1c\r", b"xyz"]), max_size=40), st.data())
def test_pieces_make_no_difference_to_any_bytes_at_all(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(parts)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=10))
    assert cut(stream, cuts, limit=12) == cut(stream, [], limit=12)


@pytest.mark.parametrize(
    ("stream", "bodies"),
    [
        (b"\x0ba\x1c\n\x0bb\x1c\n", [b"a", b"b"]),
        (b"\x0ba\x1c\x0bb\x1c\r", [b"a", b"b"]),
        (b"\x0ba\x1c", [b"a"]),
        (b"\x0ba\x1cb\x1c\r", [b"a\x1cb"]),
        (b"\x0ba\x0bb\x1c\r", [b"a\x0bb"]),
        (b"\x0b\x1c\r", [b""]),
        (b"MSH|no frame\r", []),
        (b"\x0bhalf", []),
    ],
    ids=["LF", "no CR, next frame", "no CR, the end", "FS inside", "VT inside", "empty", "unframed", "half"],
)
def test_reads_frames_as_peers_send_them(stream: bytes, bodies: list[bytes]) -> None:
    assert cut(stream, []) == bodies
    assert cut(stream, list(range(len(stream)))) == bodies


@given(st.integers(95, 400), st.lists(st.integers(0, 1000), max_size=12))
def test_over_the_limit_only_the_beginning_is_kept_and_the_next_frame_is_whole(size: int, cuts: list[int]) -> None:
    large = bytes(index % 20 + 65 for index in range(size))
    first, second = cut(frame(large) + frame(b"next"), cuts, limit=100)
    assert (type(first) is Beginning) == (size > 100)
    assert large.startswith(first)
    assert second == b"next"


def test_a_frame_without_end_keeps_no_memory() -> None:
    frames = Frames(1000)
    frames.feed(b"\x0b")
    for _ in range(1000):
        assert frames.feed(b"x" * 10_000) == []
    assert len(frames._buffer) < 20_000
    (first,) = frames.feed(b"\x1c\r")
    assert first == b"x" * len(first)
    assert 1000 <= len(first) <= 64 * 1024
