"""The verbs read HISBUS_… variables: those of whoever runs the tests must not reach them."""

import os

import pytest


@pytest.fixture(autouse=True)
def no_settings_of_the_caller(monkeypatch):
    for name in list(os.environ):
        if name.startswith("HISBUS"):
            monkeypatch.delenv(name)
