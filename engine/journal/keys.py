"""The keys of a journal: one master secret, and a data key for each day, wrapped and kept apart.

HKDF-SHA256 (RFC 5869) derives from the master secret one key for each use. Bodies are encrypted with
AES-256-GCM under the data key of their message's day (UTC, by `received`); deleting that key deletes
the day, in every backup too (decision 25).
"""

import hashlib
import hmac
import os
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from engine.base.clock import SECOND
from engine.journal.errors import Gone, WrongKey
from engine.sealing.digests import keyed

DAY = 86_400 * SECOND
_NONCE = 12
_HASH = 16  # bytes kept of an HMAC: enough that no two lanes or patients meet by chance


class Cipher:
    """AES-256-GCM under one key. A nonce is 8 bytes of chance, made once, and a counter: none comes twice."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)
        self._prefix = os.urandom(8)
        self._count = 0

    def encrypt(self, clear: bytes, bound: bytes) -> bytes:
        """Nonce and ciphertext; `bound` must be given again to read it."""
        self._count += 1
        if self._count >> 32:
            self._prefix, self._count = os.urandom(8), 1
        nonce = self._prefix + self._count.to_bytes(4, "big")
        return nonce + self._aead.encrypt(nonce, clear, bound)

    def decrypt(self, sealed: bytes, bound: bytes) -> bytes:
        """Raises WrongKey where key, bytes or `bound` are not the ones it was made with."""
        try:
            return self._aead.decrypt(sealed[:_NONCE], sealed[_NONCE:], bound)
        except (InvalidTag, ValueError):  # the latter where it is too short to hold a nonce
            raise WrongKey("a stored value does not open with its key") from None


class KeyRing:
    """What the master secret gives: hashes for lanes, keys and finds, and ciphers. At least 32 bytes."""

    def __init__(self, master: bytes) -> None:
        if len(master) < 32:
            raise WrongKey("the journal's master secret needs at least 32 bytes")
        self._lanes = _hasher(master, b"lane")
        self._keys = _hasher(master, b"key")
        self._digests = _hasher(master, b"digest")
        self._finds = _hasher(master, b"find")
        self._records = _hasher(master, b"record")
        self._wrap = Cipher(_derive(master, b"wrap"))
        self.audit = Cipher(_derive(master, b"audit"))
        """For what outlives the days: who did what and why, cursors."""
        self.records = Cipher(_derive(master, b"records"))
        """For records of our own: they outlive the days too."""
        self._chain = _derive(master, b"chain")
        self.check = _derive(master, b"check").hex()[:32]
        """Stored in the journal, to notice another secret before anything is written with it."""

    def lane(self, name: str) -> bytes:
        """The keyed hash of a line's name."""
        return _hash(self._lanes, name)

    def key(self, route: str, sender: str, key: str) -> bytes:
        """The keyed hash of a key within its scope (decision 24)."""
        return _hash(self._keys, f"{len(route)}:{len(sender)}:{route}{sender}{key}")

    def digest(self, content: bytes) -> bytes:
        """The keyed hash of a content's digest: without the secret, nobody can test a guess."""
        hasher = self._digests.copy()
        hasher.update(content)
        return hasher.digest()[:_HASH]

    def find(self, kind: str, value: str) -> bytes:
        """The keyed hash of a value by which messages are found."""
        return _hash(self._finds, f"{len(kind)}:{kind}{value}")

    def record(self, kind: str, name: str) -> bytes:
        """The keyed hash of a record's key, or of its owner, within its kind."""
        return _hash(self._records, f"{len(kind)}:{kind}{name}")

    def chain(self, content: bytes) -> bytes:
        """The seal of a row of the audit: HMAC-SM3 (GB/T 15852.2)."""
        return keyed("hmac-sm3", self._chain, content)

    def wrap(self, day: int, key: bytes) -> bytes:
        """A day's data key, as it may be stored."""
        return self._wrap.encrypt(key, b"day %d" % day)

    def unwrap(self, day: int, wrapped: bytes) -> bytes:
        return self._wrap.decrypt(wrapped, b"day %d" % day)


class KeySource(Protocol):
    """Where wrapped day keys are read. Days are counted from 1970-01-01."""

    async def read(self, day: int) -> bytes | None: ...

    async def days(self) -> list[int]: ...


class KeyPlace(KeySource, Protocol):
    """Where wrapped day keys are made and deleted as well."""

    async def add(self, day: int, wrapped: bytes) -> bytes:
        """Stores the key of a new day, durably. Returns the one that stands: the first wins."""
        ...

    async def remove(self, day: int) -> None:
        """Deletes the day."""
        ...


class KeyFolder:
    """Day keys as files of a folder of their own, to be backed up apart from the journal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def read(self, day: int) -> bytes | None:
        try:
            return self._file(day).read_bytes()
        except FileNotFoundError:
            return None

    async def add(self, day: int, wrapped: bytes) -> bytes:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self.folder / f"{day}.{os.getpid()}.part"
        with part.open("wb") as file:
            file.write(wrapped)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(part, self._file(day))  # appears whole or not at all, and never replaces another node's
        except FileExistsError:
            return self._file(day).read_bytes()
        finally:
            part.unlink()
        _sync_folder(self.folder)
        return wrapped

    async def remove(self, day: int) -> None:
        file = self._file(day)
        if file.exists():
            with file.open("r+b") as content:
                content.write(bytes(file.stat().st_size))
                os.fsync(content.fileno())
            file.unlink()
            _sync_folder(self.folder)

    async def days(self) -> list[int]:
        return sorted(int(file.stem) for file in self.folder.glob("*.key"))

    def _file(self, day: int) -> Path:
        return self.folder / f"{day}.key"


class DayReader:
    """The ciphers of days, opened once each."""

    def __init__(self, ring: KeyRing, source: KeySource) -> None:
        self._ring = ring
        self._source = source
        self._open: dict[int, Cipher] = {}

    def at(self, received: int) -> Cipher | None:
        """The cipher for messages of that instant, if it was opened already."""
        return self._open.get(received // DAY)

    async def find(self, received: int) -> Cipher:
        """The cipher for stored messages of that instant. Raises Gone where its key was deleted."""
        day = received // DAY
        if day not in self._open:
            wrapped = await self._source.read(day)
            if wrapped is None:
                raise Gone("the key of that day was deleted")
            self._open.setdefault(day, Cipher(self._ring.unwrap(day, wrapped)))
        return self._open[day]


class DayCiphers(DayReader):
    """The same, with the keys of new days made as they begin."""

    def __init__(self, ring: KeyRing, place: KeyPlace) -> None:
        super().__init__(ring, place)
        self.place = place

    async def make(self, received: int) -> Cipher:
        """The cipher for new messages of that instant; makes the day's key where there is none yet."""
        day = received // DAY
        wrapped = await self.place.read(day)
        if wrapped is None:
            wrapped = await self.place.add(day, self._ring.wrap(day, os.urandom(32)))
        return self._open.setdefault(day, Cipher(self._ring.unwrap(day, wrapped)))

    async def forget(self, day: int) -> None:
        """Deletes a day's key, here and where it lies."""
        self._open.pop(day, None)
        await self.place.remove(day)


def _derive(master: bytes, use: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"hisbus journal " + use).derive(master)


def _hasher(master: bytes, use: bytes) -> hmac.HMAC:
    return hmac.new(_derive(master, use), digestmod=hashlib.sha256)


def _hash(keyed: hmac.HMAC, text: str) -> bytes:
    hasher = keyed.copy()
    hasher.update(text.encode("utf-8", "surrogatepass"))  # a value read from broken bytes still has its hash
    return hasher.digest()[:_HASH]


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows writes folder entries through by itself and opens no folder
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
