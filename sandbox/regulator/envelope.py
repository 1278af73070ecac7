"""A sealed request opened: SM4-CBC with ISO/IEC 7816-4 padding, SM3 digest, SM3 signature over six headers.

Written from the wire specification: the sign string joins `name:value` by `&`, names in lower case and sorted; neither
the body nor the secret is part of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

SERVICE = "his.provinceDataUploadService"
IV = bytes.fromhex("abcd0863ef9087ced675985321bedf67")
SIGNED = ("x-ca-key", "x-ca-nonce", "x-ca-timestamp", "x-content-md5", "x-service-id", "x-service-method")
LIST, SIGNATURE = "X-Ca-Signature-Headers", "X-Ca-Signature"
_BLOCK = 16
_HEX = re.compile(rb"(?:[0-9a-f]{32})+")
_PADDING = re.compile(rb"\x80\x00{0,15}\Z")


class Unreadable(Exception):
    """The body is not a sealed array under this secret."""


def sm3(data: bytes) -> str:
    """The digest in upper-case hexadecimal."""
    made = hashes.Hash(hashes.SM3())
    made.update(data)
    return made.finalize().hex().upper()


def sealed(plain: bytes, secret: bytes) -> bytes:
    """The body of a request: lower-case hexadecimal of the cipher text."""
    padded = plain + b"\x80" + bytes(-(len(plain) + 1) % _BLOCK)
    worker = Cipher(algorithms.SM4(secret), modes.CBC(IV)).encryptor()
    return (worker.update(padded) + worker.finalize()).hex().encode("ascii")


def opened(body: bytes, secret: bytes) -> bytes:
    """What was sealed. Raises Unreadable for what is no lower-case hexadecimal of whole blocks, or has no padding."""
    if not _HEX.fullmatch(body):
        raise Unreadable("请求体不是小写十六进制密文")
    worker = Cipher(algorithms.SM4(secret), modes.CBC(IV)).decryptor()
    padded = worker.update(bytes.fromhex(body.decode("ascii"))) + worker.finalize()
    end = _PADDING.search(padded)
    if end is None:
        raise Unreadable("解密失败:填充不是ISO/IEC 7816-4")
    return padded[: end.start()]


def sign_string(headers: Mapping[str, str]) -> str:
    """What is signed, of headers named in any case."""
    given = {name.lower(): value for name, value in headers.items()}
    return "&".join(f"{name}:{given.get(name, '')}" for name in SIGNED)


def signature_fault(headers: Mapping[str, str], body: bytes) -> str:
    """What is wrong with digest, header list or signature; empty when all is right."""
    given = {name.lower(): value for name, value in headers.items()}
    if given["x-content-md5"] != sm3(body):
        return "签名不合法:X-Content-MD5与请求体不符"
    if sorted(given[LIST.lower()].split(",")) != list(SIGNED):
        return "签名不合法:X-Ca-Signature-Headers不是六个小写头名"
    if given[SIGNATURE.lower()] != sm3(sign_string(headers).encode("utf-8")):
        return "签名不合法"
    return ""


def missing(headers: Mapping[str, str]) -> list[str]:
    """Headers that every request carries and this one does not."""
    given = {name.lower() for name, value in headers.items() if value}
    return [name for name in (*SIGNED, LIST.lower(), SIGNATURE.lower()) if name not in given]


def is_nonce(text: str) -> bool:
    """True for a UUID as it is usually written."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
