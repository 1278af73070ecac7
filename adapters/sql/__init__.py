"""Databases through SQLAlchemy: statements that change, queries, procedures, and feeds of rows.

The library blocks: the engine lends threads. What each database needs stands in `dialects.py`.
"""

from adapters.sql.destination import SqlDestination
from adapters.sql.feed import SqlFeed
from adapters.sql.options import OperationOptions, ProfileOptions
from engine.contract import Adapter

ADAPTER = Adapter(
    name="sql",
    says="Databases: statements in one transaction, queries, procedures, and rows read on from a cursor",
    profile_options=ProfileOptions,
    operation_options=OperationOptions,
    destination=SqlDestination,
    feed=SqlFeed,
    feeds=lambda options: bool(options.cursor),
    blocking=True,
    formats=("row",),
)
