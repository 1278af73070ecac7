"""What every format offers to the mapping floor.

A format turns bytes into a document of its own kind (an HL7 reader over bytes, a dict, an lxml
element, a list of rows), compiles paths into pieces of Python source, and renders what a map built.
The mapping compiler pastes those pieces into one generated function per map, so nothing reads a
path string while messages flow.

Reading: `read(path)` and `each(path)` give `Code`: an expression over the name `doc` (and, inside a
repeat, over `item`) plus the constants it needs. An expression gives a str, number, bool, or None
where nothing stands (an empty HL7 field is None; HL7 `""` is the explicit null: the constant NULL).
Building: a map fills a tree of plain dicts and lists by `target(path)`; `render(tree)` makes bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, runtime_checkable

from engine.base.errors import BusError


class Null:
    """An explicit "delete this value" (HL7 `""`, JSON null): not the same as nothing."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "NULL"


NULL: Final = Null()


class PathError(Exception):
    """A path that this format cannot have. `hint` says what to write instead."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Code:
    """A compiled path: a Python expression and the constants it names (unique names, prefix `_k`).

    `code` uses `{d}` where the document (or, inside a repeat, the item) stands, to be filled in
    with `str.replace("{d}", name)`.
    """

    code: str
    names: Mapping[str, Any] = field(default_factory=dict)

    def reader(self) -> Callable[[Any], Any]:
        """A function of the document, for who reads one value and compiles no map."""
        found: Callable[[Any], Any] = eval(f"lambda d: {self.code.replace('{d}', 'd')}", dict(self.names))  # noqa: S307 - our own compiled path
        return found


def literal(text: str) -> str:
    """A Python literal of a text, in which `{d}` is never found."""
    return repr(text).replace("{", "\\x7b")


@dataclass(frozen=True, slots=True)
class Target:
    """A place in what a map builds, as the format understands it: keys and positions from the root.

    Inside a repeat the leading keys that are the repeat's own are taken away: `OBX-3.1` below `each` for
    `OBX` fills the item's key 3.
    """

    keys: tuple[str | int, ...]
    lists: bool = False
    """True: positions (int keys) make a list, closed up where nothing was filled (JSON, XML). False: they
    stay keys of a dict, and the format's `render` knows what they mean (HL7)."""
    always: bool = False
    """True: the key stands even where there is no value, as None (parameters of a statement)."""


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known of a body beside its bytes."""

    charset: str | None = None
    """The charset that the profile or the transport says; None: what the body itself says."""
    size: int = 20 * 1024 * 1024
    depth: int = 64


class Format(Protocol):
    """A wire format. Objects are stateless and made once for a profile, with the profile's options."""

    name: str

    def parse(self, raw: bytes, hints: Hints) -> Any:
        """The document. Raises BusError(NOT_READABLE | TOO_LARGE, …, spot=…), never anything else."""
        ...

    def split(self, raw: bytes) -> list[bytes]:
        """The messages in what came as one (HL7 batches); most formats give the one."""
        ...

    def read(self, path: str) -> Code:
        """One value of the document. Raises PathError."""
        ...

    def each(self, path: str) -> Code:
        """An iterable of items: repeats of a segment, elements, array entries. Raises PathError."""
        ...

    def read_in(self, each: str, path: str) -> Code:
        """One value of an item that `each(each)` gave; a path from the root where it is no path of the item.
        The code may use the name `doc` for the root beside `{d}` for the item.
        """
        ...

    def each_in(self, each: str, path: str) -> Code:
        """An iterable of items inside an item that `each(each)` gave (the OBX of an OBR). Raises PathError."""
        ...

    def target(self, path: str, within: str = "") -> Target:
        """A place to build. `within` is where the list or group around it stands, for formats that know what a place
        may hold: the keys begin below it. Raises PathError.
        """
        ...

    def render(self, tree: Any) -> Any:
        """What is sent: bytes, or a row for databases. `tree` is what the map filled by targets.
        Raises BusError(VALIDATION_FAILED, …) for a value that the format cannot carry.
        """
        ...

    def digest(self, raw: bytes) -> bytes:
        """32 bytes that are equal for messages of the same content (HL7: MSH left out, decision 24)."""
        ...

    def acknowledge(
        self, raw: bytes, results: Sequence[tuple[bytes, BusError | None]], made: Mapping[str, Any], *, batch: bool
    ) -> tuple[bytes, ...]:
        """The format's own words for what became of everything that came as one: `results` has each message
        with None (durable) or why it was refused; `raw` is what came and may be unreadable; `batch` says that
        it was one. `made` has `time` (aware datetime) and `id`. No element: the sender wants no answer.
        """
        ...


@runtime_checkable
class Validating(Protocol):
    """A format that can hold what was built against its standard's own models: slow, and only where a text asks."""

    def validate(self, body: bytes) -> None:
        """Raises BusError(VALIDATION_FAILED, …, spot=place) without any value."""
        ...
