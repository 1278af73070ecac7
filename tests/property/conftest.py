"""The server that the property tests run against."""

from tests.postgres_server import postgres

__all__ = ["postgres"]
