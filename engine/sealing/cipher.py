"""The cipher of a call's body, as a text names it: SM4 is GB/T 32907, AES is FIPS 197, the modes are those of
NIST SP 800-38A (GB/T 17964).
"""

from dataclasses import dataclass
from typing import Literal, Self

from cryptography.hazmat.primitives.ciphers import Cipher as Running
from cryptography.hazmat.primitives.ciphers.algorithms import AES, SM4
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from pydantic import model_validator

from engine.sealing.written import Encoding, Form, key_of, written
from engine.settings.texts import Text
from engine.settings.units import wrong

_BLOCK = 16
"""Bytes: SM4 and AES alike."""


class CipherText(Text):
    """How the body of each call is enciphered. It comes before the signature, which covers what is sent."""

    algorithm: Literal["sm4-cbc", "sm4-ecb", "aes-cbc"]
    """The cipher and its mode; the key is the system's secret."""
    key: Form = "text"
    """How the key is written in the secret."""
    iv: str | None = None
    """Where the mode is CBC: the initialization vector, 32 hexadecimal digits."""
    padding: Literal["iso7816", "pkcs7"]
    """`iso7816`: 80 and zeros (ISO/IEC 7816-4); `pkcs7`: so many bytes of their number (RFC 5652). Never none."""
    encoding: Encoding = "hex"
    """How the cipher text is written in the body."""

    @model_validator(mode="after")
    def _vector(self) -> Self:
        if self.algorithm.endswith("-cbc") != (self.iv is not None):
            raise wrong("CBC has an initialization vector, ECB has none", "write iv: for CBC alone")
        try:
            fits = self.iv is None or len(bytes.fromhex(self.iv)) == _BLOCK
        except ValueError:
            fits = False
        if not fits:
            raise wrong("an initialization vector has 32 hexadecimal digits")
        return self


@dataclass(frozen=True, slots=True)
class Cipher:
    """A cipher from its text. Holds no secret."""

    text: CipherText

    def applied(self, body: bytes, secret: str) -> bytes:
        """The body as it is sent. Raises ValueError where the secret is no key of this cipher."""
        key = key_of(secret, self.text.key)
        made = AES(key) if self.text.algorithm == "aes-cbc" else SM4(key)
        mode = ECB() if self.text.iv is None else CBC(bytes.fromhex(self.text.iv))  # noqa: S305 - the partner's choice
        running = Running(made, mode).encryptor()
        return written(running.update(self._padded(body)) + running.finalize(), self.text.encoding).encode()

    def _padded(self, body: bytes) -> bytes:
        short = _BLOCK - len(body) % _BLOCK
        tail = bytes([short]) * short if self.text.padding == "pkcs7" else b"\x80".ljust(short, b"\0")
        return body + tail
