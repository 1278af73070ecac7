"""A script that needs what only tests need prepares it, as a fresh clone has only what the bus itself needs."""

import re

from tests.flow.site import ROOT

TESTS = re.compile(r"^\s*(?:from|import) tests\b", re.MULTILINE)


def test_scripts_that_import_tests_install_what_tests_need():
    needy = [file for file in (ROOT / "scripts").glob("*.py") if TESTS.search(file.read_text(encoding="utf-8"))]
    shells = [file.with_suffix("") for file in needy if file.with_suffix("").exists()]
    assert {"rush", "crash"} <= {shell.name for shell in shells}
    assert [shell.name for shell in shells if "\nprepare test\n" not in shell.read_text(encoding="utf-8")] == []
