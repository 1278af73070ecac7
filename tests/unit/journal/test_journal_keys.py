"""Keys: what is derived, wrapped, bound, deleted."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.journal.errors import Gone, WrongKey
from engine.journal.keys import DAY, Cipher, DayCiphers, KeyFolder, KeyRing

MASTER = b"an invented master secret, 32 bytes and more"
RING = KeyRing(MASTER)


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(WrongKey):
        KeyRing(b"short")


def test_uses_and_secrets_give_different_hashes() -> None:
    other = KeyRing(MASTER + b"!")
    hashes = [
        RING.lane("P1"),
        RING.find("patient", "P1"),
        RING.key("r", "s", "P1"),
        RING.digest(b"P1"),
        other.lane("P1"),
    ]
    assert len(set(hashes)) == len(hashes)
    assert all(len(one) == 16 for one in hashes)
    assert KeyRing(MASTER).lane("P1") == RING.lane("P1")


@settings(max_examples=50)
@given(st.tuples(st.text(), st.text(), st.text()), st.tuples(st.text(), st.text(), st.text()))
def test_parts_of_a_key_never_run_into_each_other(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    assert (RING.key(*one) == RING.key(*other)) == (one == other)


def test_a_value_that_is_no_text_still_has_its_hash() -> None:
    assert RING.lane("\udcff") != RING.lane("\udcfe")


def test_a_nonce_never_comes_twice_and_a_ciphertext_opens_only_where_it_belongs() -> None:
    cipher = Cipher(bytes(32))
    sealed = [cipher.encrypt(b"clear", b"here") for _ in range(1000)]
    assert len({one[:12] for one in sealed}) == 1000
    assert cipher.decrypt(sealed[0], b"here") == b"clear"
    for changed, bound in (
        (sealed[0], b"there"),
        (sealed[0][:-1] + bytes([sealed[0][-1] ^ 1]), b"here"),
        (b"", b"here"),
    ):
        with pytest.raises(WrongKey):
            cipher.decrypt(changed, bound)


def test_the_counter_of_nonces_renews_its_chance_when_it_is_used_up() -> None:
    cipher = Cipher(bytes(32))
    first = cipher.encrypt(b"", b"")[:8]
    cipher._count = (1 << 32) - 1
    assert cipher.encrypt(b"", b"")[:8] != first


async def test_the_first_key_of_a_day_wins_and_is_wrapped(tmp_path: Path) -> None:
    folder = KeyFolder(tmp_path / "keys")
    a, b = DayCiphers(RING, folder), DayCiphers(RING, folder)
    sealed = (await a.make(5 * DAY)).encrypt(b"clear", b"")
    assert (await b.make(5 * DAY + 1)).decrypt(sealed, b"") == b"clear"
    assert await folder.add(5, b"another") != b"another"
    assert await folder.days() == [5]
    assert [file.name for file in folder.folder.iterdir()] == ["5.key"]
    with pytest.raises(WrongKey):
        await DayCiphers(KeyRing(MASTER + b"!"), folder).find(5 * DAY)


async def test_a_deleted_day_is_gone_for_ever(tmp_path: Path) -> None:
    days = DayCiphers(RING, KeyFolder(tmp_path / "keys"))
    sealed = (await days.make(0)).encrypt(b"clear", b"")
    await days.forget(0)
    await days.forget(0)
    with pytest.raises(Gone):
        await days.find(0)
    with pytest.raises(WrongKey):
        (await days.make(0)).decrypt(sealed, b"")
