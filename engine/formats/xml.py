"""XML, read without trust: no document type, no entities, no network, bounded depth and size.

What is written inside is believed less than the bytes: payloads in this field declare GB2312 or
utf-16 inside UTF-8. Character set: what the transport says, else a byte order mark, else the
declaration where the bytes fit it, else UTF-8, else GB 18030.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

from lxml import etree

from engine.base import log
from engine.base.errors import BusError, Code
from engine.contract import Options
from engine.formats import text, xml_mend, xml_paths
from engine.formats.format import NULL, Hints, PathError, Target, literal
from engine.formats.format import Code as Compiled
from engine.formats.plain import Plain

_log = log.get("formats")

_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})[\"']")
_DECLARATION = re.compile(r"\s*<\?xml[^>]{0,300}\?>")
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


class XmlOptions(Options):
    """Options of `xml:` in a profile."""

    namespaces: Literal["strip"] | dict[str, str] = "strip"
    """`strip`: names are read whatever namespace they are in, and written without one. Or prefix to namespace; the
    prefix "" is the one of names without a prefix."""
    roots: Mapping[str, str] = {}
    """Other names under which the root comes (`Reponse`), each with the one that paths say."""
    blanks: Literal["keep", "trim"] = "keep"
    """`trim`: texts are read without the blanks around them."""
    mend: bool = False
    """True: the slips of HIS interfaces are mended: elements closed wrongly inside (`<Items>…<Items>`), `&nbsp;`, a
    bare `&` or `<`, characters that XML cannot have. What ends before its root does is never mended: half a number is
    no number. The log says `xml_mended`."""
    charset: str | None = None
    """Character set of what is read, whatever it says itself, and of what is written (UTF-8 where none is named)."""
    declaration: bool = False
    """True: what is written begins with <?xml … encoding …?>."""


class Xml(Plain):
    """The format `xml`. Documents are lxml elements, the root."""

    name = "xml"

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        self._options = XmlOptions.model_validate(options or {})
        spaces = self._options.namespaces
        self._names = xml_paths.Names(None if spaces == "strip" else dict(spaces))

    # --- reading ---------------------------------------------------------------------------------

    def parse(self, raw: bytes, hints: Hints) -> Any:
        if len(raw) > hints.size:
            raise BusError(Code.TOO_LARGE, f"more than {hints.size} bytes")
        body = characters(raw, hints.charset or self._options.charset)
        _refuse_types(body)
        try:
            root = _tree(body)
        except BusError as error:
            if not self._options.mend:
                raise
            root = self._mended(body, error)
        if _deeper(hints.depth)(root):
            raise BusError(Code.NOT_READABLE, f"nested deeper than {hints.depth}")
        root.tag = self._options.roots.get(etree.QName(root).localname, root.tag)
        return root

    def _mended(self, body: str, error: BusError) -> Any:
        """The tree of what is no XML as it came. Raises that error where it cannot be mended."""
        roots = self._options.roots
        better = xml_mend.mended(body, {*roots, *roots.values()})
        if better is None:
            raise error
        try:
            root = _tree(better)
        except BusError:
            raise error from None
        _log.warning("xml_mended", spot=error.spot)
        return root

    def read(self, path: str) -> Compiled:
        found = xml_paths.parse(path)
        if not found.steps:
            raise PathError(f"{path!r} has no root", "write the root's name first: Response/ResultCode")
        return self._value(self._below(found), self._root(found))

    def each(self, path: str) -> Compiled:
        found = xml_paths.parse(path)
        if len(found.steps) < 2:
            raise PathError(f"{path!r} is no repeat", "write the path of the elements that repeat: Response/Items/Item")
        return self._children(self._below(found), self._root(found), path)

    def read_in(self, each: str, path: str) -> Compiled:  # noqa: ARG002 - an element reads the same wherever it stands
        return self._value(xml_paths.parse(path), "{d}")

    def each_in(self, each: str, path: str) -> Compiled:  # noqa: ARG002 - the same
        return self._children(xml_paths.parse(path), "{d}", path)

    def _value(self, found: xml_paths.XmlPath, start: str) -> Compiled:
        return xml_paths.value_code(found, start, self._names, trim=self._options.blanks == "trim")

    def _root(self, found: xml_paths.XmlPath) -> str:
        return f"_k_root({{d}}, {literal(self._names.tag(found.steps[0].name))})"

    def _below(self, found: xml_paths.XmlPath) -> xml_paths.XmlPath:
        return xml_paths.XmlPath(found.steps[1:], found.attribute)

    def _children(self, found: xml_paths.XmlPath, start: str, path: str) -> Compiled:
        if not found.steps or found.attribute is not None:
            raise PathError(f"{path!r} is no repeat", "write the path of the elements that repeat")
        *parents, last = found.steps
        holder = xml_paths.element_code(tuple(parents), start, self._names)
        return Compiled(f"_k_children({holder}, {literal(self._names.tag(last.name))})", xml_paths.HELPERS)

    # --- building --------------------------------------------------------------------------------

    def target(self, path: str, within: str = "") -> Target:  # noqa: ARG002 - a place says all by itself
        found = xml_paths.parse(path)
        keys: list[str | int] = []
        for step in found.steps:
            if step.pick is not None:
                raise PathError(f"{path!r} cannot be built", "write the elements' names, parted by /")
            keys += [step.name] if step.position is None else [step.name, step.position]
        if found.attribute is not None:
            keys.append("@" + found.attribute)
        elif path.endswith("text()"):
            keys.append("text()")
        if not keys:
            raise PathError(f"{path!r} names no place")
        self._names.tag(str(keys[0]))
        return Target(tuple(keys), lists=True)

    def render(self, tree: Any) -> bytes:
        if len(tree) != 1 or isinstance(next(iter(tree.values())), list):
            raise BusError(Code.VALIDATION_FAILED, "XML has one root, and nothing was built for it")
        (name, value), spaces = next(iter(tree.items())), self._names.spaces
        try:
            nsmap: Any = {prefix or None: uri for prefix, uri in spaces.items()} if spaces else None
            root = etree.Element(self._written(name), nsmap=nsmap)
            self._fill(root, value)
            charset = self._options.charset or "utf-8"
            found: Any = etree.tostring(root, encoding=charset, xml_declaration=self._options.declaration)
        except (ValueError, LookupError):
            raise BusError(Code.VALIDATION_FAILED, "a value that XML cannot carry") from None
        return bytes(found)

    def worded(self, told: Mapping[str, str]) -> bytes:
        return self.render({"Response": dict(told)})

    def _fill(self, element: Any, value: Any) -> None:
        if not isinstance(value, dict):
            element.text = _said(value)
            return
        for name, inner in value.items():
            if name.startswith("@"):
                element.set(self._names.attribute(name[1:]), _said(inner) or "")
            elif name == "text()":
                element.text = _said(inner)
            else:
                for each in inner if isinstance(inner, list) else (inner,):
                    self._fill(etree.SubElement(element, self._written(name)), each)

    def _written(self, name: str) -> str:
        return name if self._names.spaces is None else self._names.tag(name)


def characters(raw: bytes, said: str | None = None) -> str:
    """The characters of an XML body without its declaration. Raises BusError(NOT_READABLE)."""
    for mark, charset in _MARKS:
        if raw.startswith(mark):
            return _plain(text.decode(raw[len(mark) :], charset))
    if raw[:4] in {b"<\0?\0", b"\0<\0?"} or (len(raw) > 3 and raw[0] == 0x3C and raw[1] == 0):
        return _plain(text.decode(raw, "utf-16-be" if raw[0] == 0 else "utf-16-le"))
    return _plain(text.decode(raw, said) if said is not None else _guessed(raw))


def _tree(body: str) -> Any:
    """The root of well-formed XML. Raises BusError(NOT_READABLE)."""
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        return etree.fromstring(body.encode(), parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise BusError(Code.NOT_READABLE, "this is not XML", spot=f"line {line}, column {column}") from None
    except (ValueError, UnicodeEncodeError):
        raise BusError(Code.NOT_READABLE, "characters that XML cannot have") from None


def _guessed(raw: bytes) -> str:
    declared = _DECLARED.match(raw.lstrip()[:400])
    charset = text.codec(declared[1].decode("ascii")) if declared else None
    try:
        plain = raw.decode("utf-8")
    except UnicodeDecodeError:
        plain = None
    if plain is not None and (charset in {None, "utf-8", "ascii"} or charset.startswith("utf-16") or _is_wide(plain)):
        return plain
    if charset is None or charset in {"utf-8", "ascii"} or charset.startswith("utf-16"):
        charset = "gb18030"
    return text.decode(raw, charset)


def _is_wide(plain: str) -> bool:
    """Whether it holds characters of three bytes: by chance no text of another set reads as such UTF-8."""
    return any(char > "\u07ff" for char in plain)


def _plain(body: str) -> str:
    found = _DECLARATION.match(body)
    return body[found.end() :] if found else body


def _refuse_types(body: str) -> None:
    """Looks only before the root: a document type can stand nowhere else. Nothing is parsed of it."""
    place = 0
    while True:
        while place < len(body) and body[place].isspace():
            place += 1
        ends = {"<!--": "-->", "<?": "?>"}
        end = next((ends[mark] for mark in ends if body.startswith(mark, place)), None)
        if end is None:
            break
        found = body.find(end, place)
        if found < 0:
            return
        place = found + len(end)
    if body.startswith("<!", place):
        raise BusError(Code.NOT_READABLE, "a document type is not accepted")


@lru_cache
def _deeper(depth: int) -> etree.XPath:
    return etree.XPath(f"boolean({'/*' * (depth + 1)})")


def _said(value: Any) -> str | None:
    if value is None or value is NULL:
        return None
    said = text.plain(value)
    if said is None:
        raise ValueError
    return said
