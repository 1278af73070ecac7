"""Ciphers of bodies: published vectors, both paddings, and what a text may not say."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher as Running
from cryptography.hazmat.primitives.ciphers.algorithms import AES, SM4
from cryptography.hazmat.primitives.ciphers.modes import CBC
from hypothesis import given
from hypothesis import strategies as st

from engine.sealing.cipher import Cipher, CipherText
from engine.settings.nodes import parse
from engine.settings.problems import Problems
from engine.settings.texts import validate
from tests.corpora import CORPORA, need

need()
SM4_ALONE = json.loads((CORPORA / "sm-vectors" / "sm_vectors.json").read_text("utf-8"))["sm4"][0]
IV = "abcd0863ef9087ced675985321bedf67"
KEY = "00112233445566778899aabbccddeeff"


def cipher(**said):
    return Cipher(
        CipherText.model_validate({"algorithm": "sm4-cbc", "key": "hex", "iv": IV, "padding": "iso7816"} | said)
    )


def opened(body, algorithm=SM4):
    running = Running(algorithm(bytes.fromhex(KEY)), CBC(bytes.fromhex(IV))).decryptor()
    return running.update(bytes.fromhex(body.decode())) + running.finalize()


def test_sm4_as_the_standard_prints_it():
    made = cipher(algorithm="sm4-ecb", iv=None).applied(bytes.fromhex(SM4_ALONE["plaintext"]), SM4_ALONE["key"])
    assert made.decode().startswith(SM4_ALONE["ciphertext"])  # a block of padding follows


@pytest.mark.parametrize(
    ("padding", "body", "tail"),
    [
        ("iso7816", b"", b"\x80" + bytes(15)),
        ("iso7816", b"x" * 15, b"\x80"),
        ("iso7816", b"x" * 16, b"\x80" + bytes(15)),  # vector D: always at least one byte
        ("pkcs7", b"x" * 16, b"\x10" * 16),
        ("pkcs7", b"x" * 13, b"\x03\x03\x03"),
    ],
)
def test_paddings(padding, body, tail):
    assert opened(cipher(padding=padding).applied(body, KEY)) == body + tail


@given(st.binary(max_size=100), st.sampled_from([("sm4-cbc", SM4), ("aes-cbc", AES)]))
def test_whoever_has_the_key_reads_what_was_sent(body, which):
    name, algorithm = which
    clear = opened(cipher(algorithm=name).applied(body, KEY), algorithm)
    assert clear.rstrip(b"\0").removesuffix(b"\x80") == body


def test_key_and_cipher_text_are_written_as_the_text_says():
    raw = bytes.fromhex(cipher().applied(b"x", KEY).decode())
    assert cipher(encoding="hex-upper").applied(b"x", KEY) == raw.hex().upper().encode()
    assert cipher(encoding="base64").applied(b"x", KEY) == base64.b64encode(raw)
    assert cipher(key="base64").applied(b"x", base64.b64encode(bytes.fromhex(KEY)).decode()).decode() == raw.hex()
    assert cipher(key="text").applied(b"x", "sixteen bytes ok").decode() != raw.hex()


@pytest.mark.parametrize("secret", ["", "0011", KEY + "00", "no hexadecimal digits, these are"])
def test_a_secret_that_is_no_key_is_a_value_error(secret):
    with pytest.raises(ValueError):
        cipher().applied(b"x", secret)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{algorithm: sm4-cbc, padding: pkcs7}", "CBC has an initialization vector, ECB has none"),
        (f"{{algorithm: sm4-ecb, padding: pkcs7, iv: {IV}}}", "CBC has an initialization vector, ECB has none"),
        ("{algorithm: sm4-cbc, padding: pkcs7, iv: abcd}", "an initialization vector has 32 hexadecimal digits"),
        ("{algorithm: sm4-cbc, padding: pkcs7, iv: xyz}", "an initialization vector has 32 hexadecimal digits"),
        (f"{{algorithm: sm4-cbc, padding: none, iv: {IV}}}", "'none' is no value of 'padding'"),
        (f"{{algorithm: des, padding: pkcs7, iv: {IV}}}", "'des' is no value of 'algorithm'"),
    ],
)
def test_findings(text, says):
    problems = Problems()
    assert validate(CipherText, parse(text, "f.yaml", problems), problems) is None
    assert any(says in str(one) and str(one).startswith("f.yaml:1:") for one in problems), list(map(str, problems))
