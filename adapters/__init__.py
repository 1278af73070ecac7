"""The adapters, found by name and imported when a site uses them: one without Oracle needs no Oracle client.

An adapter is a module or package here that offers `ADAPTER`; it imports `engine.contract` and its
own library, nothing else of the bus. How to write one: docs/adapters.md.
"""

from importlib import import_module

from engine.contract import Adapter

NAMES = {
    "fhir": "adapters.fhir:ADAPTER",
    "http": "adapters.http:ADAPTER",
    "mllp": "adapters.mllp:ADAPTER",
    "soap": "adapters.soap:ADAPTER",
    "sql": "adapters.sql:ADAPTER",
}
"""Where each adapter stands: `module:attribute`."""


def load(name: str) -> Adapter:
    """The adapter of that name. Raises KeyError for a name not in NAMES, ImportError without its library."""
    module, _, attribute = NAMES[name].partition(":")
    adapter: Adapter = getattr(import_module(module), attribute)
    return adapter
