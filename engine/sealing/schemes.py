"""From a `seal:` text to a compiled scheme: presets, findings, known answers."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from engine.base.where import Where
from engine.sealing.cipher import Cipher
from engine.sealing.digests import KEYED
from engine.sealing.sign import KnownAnswer, Scheme, SealText
from engine.sealing.template import NAMES, Parts, Template, TemplateError, compile_template
from engine.settings.nodes import Node, parse
from engine.settings.problems import Problems
from engine.settings.texts import validate

_OWN = ("algorithm", "string", "headers", "encoding", "secret", "timestamp", "nonce", "cipher")


@cache
def presets() -> Mapping[str, SealText]:
    """The schemes known by name."""
    problems = Problems()
    root = parse(files("engine.sealing").joinpath("presets.yaml").read_text("utf-8"), "presets.yaml", problems)
    found = {name: validate(SealText, node, problems) for name, node in (root.items() if root else ())}
    assert not problems, list(problems)
    return {name: text for name, text in found.items() if text is not None}


@cache
def preset(name: str) -> Scheme:
    """A scheme known by name, compiled. Raises KeyError."""
    problems = Problems()
    text, where = presets()[name], Where("presets.yaml")
    scheme = _compiled(text, [where] * len(text.known), where, problems)
    assert scheme is not None, list(problems)
    return scheme


def load_seal(node: Node, problems: Problems) -> Scheme | None:
    """The scheme of a `seal:` block, its known answers recomputed; None and findings otherwise."""
    text = validate(SealText, node, problems)
    if text is None:
        return None
    if text.like is not None and text.like not in presets():
        problems.unknown(node.locate(["like"]), "the signature", text.like, presets())
        return None
    changed = any(getattr(text, name) is not None for name in _OWN)
    if changed and not text.known:
        problems.add(
            node.where,
            "a signature of your own needs a known answer",
            "copy one call with its headers from the partner's document under 'known'",
        )
    whole = _merged(text, keep_known=not changed)
    own = [node.locate(("known", at)) for at in range(len(text.known))]
    return _compiled(whole, [*[node.where] * (len(whole.known) - len(own)), *own], node.where, problems)


def _merged(text: SealText, *, keep_known: bool) -> SealText:
    """What the text says over what its preset says; a preset's answers hold only while it is unchanged."""
    if text.like is None:
        return text
    base = presets()[text.like]
    own: dict[str, Any] = {name: getattr(text, name) for name in _OWN if getattr(text, name) is not None}
    known = [*(base.known if keep_known else []), *text.known]
    return base.model_copy(update={**own, "values": {**base.values, **text.values}, "known": known})


def _compiled(text: SealText, places: Sequence[Where], where: Where, problems: Problems) -> Scheme | None:
    """`places`: where each of its known answers stands."""
    scheme = _scheme(text, text.values, where, problems)
    if scheme is None:
        return None
    for answer, place in zip(text.known, places, strict=True):
        told = _scheme(text, {**text.values, **answer.values}, where, problems)
        if told is not None:
            _prove(told, answer, place, problems)
    return scheme


def _scheme(text: SealText, values: Mapping[str, str], where: Where, problems: Problems) -> Scheme | None:
    if text.algorithm is None or text.string is None or text.headers is None:
        problems.add(where, "a signature needs 'algorithm', 'string' and 'headers'", "or 'like' with a known name")
        return None
    try:
        string = compile_template(text.string, values)
        headers = {name: compile_template(said, values, (*NAMES, "signature")) for name, said in text.headers.items()}
    except TemplateError as error:
        problems.add(where, error.what, error.hint)
        return None
    _careful(text.algorithm, string, headers, where, problems)
    return Scheme(
        text.algorithm,
        string,
        headers,
        text.encoding or "hex",
        text.secret or "text",
        text.timestamp or "s",
        text.nonce or "token",
        Cipher(text.cipher) if text.cipher is not None else None,
    )


def _careful(
    algorithm: str, string: Template, headers: Mapping[str, Template], where: Where, problems: Problems
) -> None:
    if algorithm in KEYED and "secret" in string.names:
        problems.add(where, "the secret is the key here and does not belong into the signed text", "leave {secret} out")
    for name, template in headers.items():
        if "secret" in template.names or "body" in template.names:
            problems.add(where, f"the header {name} would carry the secret or the body itself")


def _prove(scheme: Scheme, answer: KnownAnswer, where: Where, problems: Problems) -> None:
    parts = Parts(
        answer.method, answer.path, answer.body.encode(), answer.timestamp, answer.nonce, answer.user, answer.secret
    )
    try:
        body, made = scheme.sealed(parts)
    except ValueError:
        problems.add(where, "the secret of a known answer is not written as 'secret' says", "text, hex or base64")
        return
    if answer.sealed is not None and body != answer.sealed.encode():
        problems.add(where, f"the known answer differs: the body comes out as {body.decode()!r}", "look at 'cipher'")
    for name, value in answer.headers.items():
        if made.get(name) != value:
            problems.add(where, f"the known answer differs: {name} comes out as {made.get(name)!r}", f"not {value!r}")
