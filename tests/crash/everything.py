"""Imported by the process from which buses are forked: what a bus imports until it listens, adapters included."""

import os

from engine.app.check import check
from engine.base.ids import SystemIds
from engine.cli import run
from engine.cli.site import Adapters
from engine.journal import tables
from engine.settings.problems import Problems
from tests.crash import bus_under_test
from tests.flow.site import ROOT

__all__ = ["bus_under_test", "run", "tables"]

# Reading the site's texts imports what they use; that secrets are missing here is not minded.
check(ROOT, "sandbox", os.environ, Adapters(), SystemIds(), Problems())
