"""The list of adapters, and what each says of itself."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import adapters
from engine.contract import Adapter, Call, InDoubt, Link, Options, Refused, Unavailable
from tests.peers.odd import OddServer
from tests.peers.proxy import free_port


@pytest.mark.parametrize("name", adapters.NAMES)
def test_each_adapter_says_what_it_is(name: str) -> None:
    adapter = adapters.load(name)
    assert isinstance(adapter, Adapter)
    assert adapter.name == name
    assert adapter.says
    assert adapter.formats
    assert adapter.destination or adapter.source or adapter.feed
    for options in (adapter.profile_options, adapter.operation_options):
        assert issubclass(options, Options)
        for field in options.model_fields.values():
            assert field.description, "the reference page is made of these"


def test_nothing_is_imported_before_it_is_used() -> None:
    """A site without databases needs no SQLAlchemy, one without HTTP no uvicorn."""
    program = (
        "import sys, adapters; adapters.load('mllp');"
        "print([name for name in ('sqlalchemy', 'aiohttp', 'uvicorn') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert said.stdout.strip() == "[]"


def test_an_unknown_adapter_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        adapters.load("pigeon")


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("mllp", "mllp://host"),
        ("mllp", "http://host:1"),
        ("mllp", None),
        ("http", "ftp://host"),
        ("http", "https://user:word@host/"),
        ("http", "https://host/?a=b"),
        ("fhir", "https://host/fhir?_format=json"),
        ("fhir", None),
        ("soap", "https://host/?CachePassword=word"),
        ("soap", None),
        ("sql", "no url at all"),
        ("sql", None),
    ],
)
def test_an_address_that_cannot_be_is_refused_without_being_repeated(name: str, url: str | None) -> None:
    adapter = adapters.load(name)
    assert adapter.destination is not None
    with pytest.raises(ValueError, match="needs a url like") as refusal:
        adapter.destination(Link("peer", adapter.profile_options(), url=url))
    assert "word" not in str(refusal.value)


async def test_the_guides_own_adapter_does_what_the_guide_says() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "adapters.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    exec(guide.split("```python\n")[1].split("```")[0], names)
    adapter = names["ADAPTER"]

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (line := await reader.readline()).endswith(b"\n"):
            if line != b"silence\n":
                writer.write(b"half" if line == b"half\n" else b"for " + line)
            if line == b"half\n":
                return

    async def send(port: int, body: bytes) -> bytes:
        client = adapter.destination(Link("peer", adapter.profile_options(), url=f"line://127.0.0.1:{port}"))
        await client.probe(1.0)
        reply: bytes = (await client.send(Call("say", None, body, "t", 0.2))).body
        return reply

    async with OddServer(peer) as server:
        assert await send(server.port, b"hello") == b"for hello"
        for body, why in ((b"silence", "timeout"), (b"half", "closed")):
            with pytest.raises(InDoubt, match=why):
                await send(server.port, body)
        with pytest.raises(Refused):
            await send(server.port, b"two\nlines")
    with pytest.raises(Unavailable):
        await send(free_port(), b"hello")
