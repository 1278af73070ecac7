"""Published vectors: GB/T 32905 (SM3) from the shared corpora, RFC 4231 (HMAC-SHA-256), RFC 1321 (MD5)."""

import json

import pytest

from engine.sealing.digests import DIGESTS, KEYED, digest, keyed
from tests.corpora import CORPORA, need

need()
SM = json.loads((CORPORA / "sm-vectors" / "sm_vectors.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", SM["sm3"], ids=lambda vector: vector["digest"][:8])
def test_sm3_as_the_standard_prints_it(vector):
    assert digest("sm3", bytes.fromhex(vector["message_hex"])).hex() == vector["digest"]


@pytest.mark.parametrize(
    ("name", "text", "answer"),
    [
        ("md5", b"abc", "900150983cd24fb0d6963f7d28e17f72"),
        ("sha256", b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ],
)
def test_digests(name, text, answer):
    assert digest(name, text).hex() == answer


def test_hmac_sha256_of_rfc_4231_case_2():
    assert keyed("hmac-sha256", b"Jefe", b"what do ya want for nothing?").hex() == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


@pytest.mark.parametrize("key", [b"k", b"k" * 64, b"k" * 65])
def test_hmac_sm3_is_the_nested_hash_of_rfc_2104(key):
    data = "任意内容".encode()
    block = (digest("sm3", key) if len(key) > 64 else key).ljust(64, b"\0")
    inner = digest("sm3", bytes(b ^ 0x36 for b in block) + data)
    assert keyed("hmac-sm3", key, data) == digest("sm3", bytes(b ^ 0x5C for b in block) + inner)


def test_a_name_that_is_not_on_the_list_is_no_digest():
    assert "sha1" not in DIGESTS
    assert "hmac-md5" not in KEYED
    with pytest.raises(KeyError):
        digest("sha1", b"")
    with pytest.raises(KeyError):
        keyed("hmac-md5", b"", b"")
