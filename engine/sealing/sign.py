"""The signature of a call, as a text names it: what is signed, how, and which headers carry it.

A scheme is data (`presets.yaml`, or a profile's own `seal:` block) and proves itself by known
answers, which are recomputed whenever it is loaded: regions disagree on field order, case and
encoding, and prose is often wrong where a vector is not (decision 19).
"""

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from engine.base.clock import SECOND
from engine.sealing.cipher import Cipher, CipherText
from engine.sealing.digests import KEYED, Digest, Keyed, digest, keyed
from engine.sealing.template import Parts, Template
from engine.sealing.written import Encoding, Form, key_of, written
from engine.settings.texts import Text

Signer: TypeAlias = Callable[[str, str, bytes, str, str], Mapping[str, str]]
"""(method, path with query, body, timestamp, nonce) to the headers that seal the call."""


class KnownAnswer(Text):
    """A call with invented credentials, the headers it must get, and the body it must have on the wire."""

    method: str = "POST"
    """The method that is signed."""
    path: str = "/"
    """The path with its query that is signed."""
    body: str = ""
    """The body as text, before it is enciphered."""
    timestamp: str
    """The timestamp, in the scheme's form."""
    nonce: str = ""
    """The nonce."""
    user: str = ""
    """The name that the call goes under."""
    secret: str = Field(repr=False)
    """An invented secret."""
    values: dict[str, str] = Field(default_factory=dict)
    """Values that differ from the scheme's own."""
    sealed: str | None = None
    """The body that must come out, where it is enciphered."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Headers that must come out."""


class SealText(Text):
    """How each call is signed anew: `seal: app-hmac`, or a block that says what differs or all of it."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"like": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        block = handler.resolve_ref_schema(handler(core))
        return {"description": block.get("description", ""), "anyOf": [{"type": "string"}, block]}

    like: str | None = None
    """A scheme known by name (app-hmac, app-hmac-sm3, insurance-tif, …) that this one starts from."""
    algorithm: Keyed | Digest | None = None
    """`hmac-sha256` and `hmac-sm3` use the secret as their key; `md5`, `sha256` and `sm3` sign a text that names it."""
    string: str | None = None
    """The text that is signed, with `{method}`, `{path}`, `{timestamp}`, `{nonce}`, `{body.sha256}` …"""
    headers: dict[str, str] | None = None
    """The headers that are sent, with the same names and `{signature}`."""
    encoding: Encoding | None = None
    """How the signature is written; `hex` unless said otherwise."""
    secret: Form | None = None
    """How the key is written in the secret; `text` unless said otherwise."""
    timestamp: Literal["s", "ms"] | None = None
    """The timestamp's unit since 1970-01-01 UTC; `s` unless said otherwise."""
    nonce: Literal["token", "uuid"] | None = None
    """The nonce's form: 26 letters and digits, or a UUID; `token` unless said otherwise."""
    cipher: CipherText | None = None
    """How the body is enciphered, before it is signed; unless said, it goes as it is."""
    values: dict[str, str] = Field(default_factory=dict)
    """Names of your own for the texts above, with their values; never a secret."""
    known: list[KnownAnswer] = Field(default_factory=list)
    """Calls with invented credentials and what they must become, as the partner's document has them."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """A signature compiled from its text. Holds no secret."""

    algorithm: str
    string: Template
    headers: Mapping[str, Template]
    encoding: str = "hex"
    secret: str = "text"  # noqa: S105 - the written form of a key, not a key
    timestamp: str = "s"
    nonce: str = "token"
    cipher: Cipher | None = None

    def stamp(self, instant: int) -> str:
        """The timestamp of an instant (microseconds UTC), as this scheme writes it."""
        return str(instant // SECOND if self.timestamp == "s" else instant // (SECOND // 1000))

    def sealed(self, parts: Parts) -> tuple[bytes, dict[str, str]]:
        """A call's body as it is sent, and the headers that seal it. Raises ValueError for a key that is not as the
        scheme says.
        """
        if self.cipher is not None:
            parts = replace(parts, body=self.cipher.applied(parts.body, parts.secret))
        return parts.body, self.headers_for(parts)

    def headers_for(self, parts: Parts) -> dict[str, str]:
        """All headers that seal a call whose body is sent as it is in `parts`."""
        signed = replace(parts, signature=self.signature(parts))
        return {name: template.fill(signed).decode() for name, template in self.headers.items()}

    def signature(self, parts: Parts) -> str:
        """The signature of a call, written as the scheme has it. Raises ValueError for a key that is not
        written as the scheme says.
        """
        return self._written(self.string.fill(parts), parts.secret)

    def _written(self, text: bytes, secret: str) -> str:
        if self.algorithm in KEYED:
            made = keyed(self.algorithm, key_of(secret, self.secret), text)
        else:
            made = digest(self.algorithm, text)
        return written(made, self.encoding)

    def presented(self, headers: Mapping[str, str]) -> Parts | None:
        """What a caller's headers (names in lower case) say: user, timestamp, nonce, signature.
        None when one of them is missing.
        """
        given: dict[str, str] = {}
        for name, template in self.headers.items():
            if template.alone in {"user", "timestamp", "nonce", "signature"}:
                value = headers.get(name.lower(), "")
                if not value:
                    return None
                given[template.alone] = value
        if "signature" not in given:
            return None
        return Parts(
            user=given.get("user", ""),
            timestamp=given.get("timestamp", ""),
            nonce=given.get("nonce", ""),
            signature=given["signature"],
        )

    def verify(self, parts: Parts, secrets: Sequence[str]) -> bool:
        """Whether `parts.signature` was made with one of `secrets`. Every secret is tried and compared in
        constant time, so that the time taken says nothing about which one it was.
        """
        given = parts.signature.encode()
        if "secret" in self.string.names:
            made = [self.signature(replace(parts, secret=one)) for one in secrets]
        else:
            text = self.string.fill(parts)  # once: the body in it may be large
            made = [self._written(text, one) for one in secrets]
        return sum(hmac.compare_digest(one.encode(), given) for one in made) > 0


def make_signer(scheme: Scheme, secret_lookup: Callable[[str], str]) -> Signer:
    """A function that seals calls; `secret_lookup` gives `user` and `secret`, opened at each call."""

    def sign(method: str, path: str, body: bytes, timestamp: str, nonce: str) -> Mapping[str, str]:
        user, secret = secret_lookup("user"), secret_lookup("secret")
        return scheme.headers_for(Parts(method, path, body, timestamp, nonce, user, secret))

    return sign
