"""A rule asked with a document at an instant, by settings as a site writes them."""

from datetime import datetime
from zoneinfo import ZoneInfo

from engine.base.clock import to_micros
from engine.base.ids import CountedIds
from engine.registry.operation import Asked, Refusal
from engine.settings.conduct import Rules
from engine.settings.registry import Registry

ZONE = ZoneInfo("Asia/Shanghai")


def asked(document, at="2026-11-20T10:00:00", **rules):
    when = datetime.fromisoformat(at).replace(tzinfo=ZONE)
    return Asked(document, "main", when, to_micros(when), Registry(), Rules(**rules), CountedIds())


def said(found):
    """A refusal as its code, an answer as it is."""
    return found.code.name if isinstance(found, Refusal) else found
