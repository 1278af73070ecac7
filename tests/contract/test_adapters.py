"""The list of adapters, and what each says of itself."""

import subprocess
import sys

import pytest

import adapters
from engine.contract import Adapter, Link, Options


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
