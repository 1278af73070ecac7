"""Formats by name: made with their options, loaded when first named."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from engine.formats import registry
from engine.formats.hl7 import Hl7Options


@pytest.mark.parametrize("name", registry.NAMES)
def test_each_format_is_made_without_options(name: str) -> None:
    assert registry.make(name).name == name


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(registry.UnknownFormat) as caught:
        registry.make("hl8")
    assert caught.value.hint == "did you mean 'hl7'?"


@pytest.mark.parametrize(
    "options",
    [{"version": "2.9"}, {"charset": "utf-7"}, {"declared": {"8859/1": "x"}}, {"terminator": "nl"}, {"versoin": "2.4"}],
)
def test_options_that_hl7_does_not_have(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        registry.make("hl7", options)


def test_every_option_says_what_it_is() -> None:
    assert all(field.description for field in Hl7Options.model_fields.values())


def test_reading_hl7_loads_neither_hl7apy_nor_lxml() -> None:
    code = (
        "import sys; from engine.formats import registry; from engine.formats.format import Hints;"
        "registry.make('hl7').parse(b'MSH|^~\\\\&|A|B|C|D|20261120||ORU^R01|1|P|2.5.1\\r', Hints());"
        "print(sorted(name for name in ('hl7apy', 'lxml') if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]
    )
    assert done.stdout.strip() == "[]"
