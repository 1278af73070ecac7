"""Statements sent to a database, and what is known when one breaks off."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from sqlalchemy import Connection, CursorResult, TextClause
from sqlalchemy.exc import DatabaseError, DataError, DBAPIError, IntegrityError, OperationalError, StatementError

from adapters.sql.database import Database
from adapters.sql.fuse import Fuse
from adapters.sql.options import Kind, OperationOptions
from adapters.sql.statements import compiled, names
from engine.contract import Call, InDoubt, Link, Refused, Reply, Row, Unavailable

Broken: TypeAlias = Unavailable | InDoubt

_MOST_ROWS = 10_000
_REFUSALS = ((IntegrityError, "constraint"), (DataError, "value"), (DatabaseError, "statement"))


class SqlDestination:
    """A destination at a SQLAlchemy url, `postgresql://host/database`.

    A `change` whose connection breaks before its commit was sent has done nothing: Unavailable. From the commit
    on it is InDoubt, unless the database itself answered that it did not commit. A `call` is InDoubt at once.
    """

    def __init__(self, link: Link) -> None:
        self._database = Database(link)
        self._compiled: dict[str, tuple[list[TextClause], set[str]]] = {}

    def send(self, call: Call) -> Reply:
        options = call.options
        assert isinstance(options, OperationOptions)
        assert isinstance(call.body, Mapping), "a statement takes a row"
        statements, parameters = self._statements(options)
        if missing := parameters - call.body.keys():
            raise Refused(f"no value for {min(missing)}")
        bind = self._database.dialect.bind
        values = {name: bind(call.body[name]) for name in parameters}
        reading = options.kind is Kind.QUERY
        with self._database.session(call.timeout, reading=reading) as (connection, fuse):
            broken = InDoubt if options.kind is Kind.CALL else Unavailable
            reply = self._run(connection, fuse, statements, values, broken)
            if not reading:
                self._commit(connection, fuse)
            return reply

    def probe(self, timeout: float) -> None:
        with self._database.session(timeout, reading=True):
            pass

    def close(self) -> None:
        self._database.close()

    def _statements(self, options: OperationOptions) -> tuple[list[TextClause], set[str]]:
        known = self._compiled.get(options.statement)
        if known is None:
            statements = compiled(options.statement, whole=options.kind is Kind.CALL)
            known = self._compiled[options.statement] = statements, names(statements)
        return known

    def _run(
        self, connection: Connection, fuse: Fuse, statements: list[TextClause], values: Row, broken: type[Broken]
    ) -> Reply:
        """Everything before the commit. `broken`: what a connection that breaks off here means."""
        reply = Reply()
        try:
            for statement in statements:
                reply = _reply(connection.execute(statement, dict(values)))
            return reply
        except (StatementError, OSError) as error:
            truth = self._truth(error, broken("timeout" if fuse.blown else "broken_off"))
        raise truth

    def _commit(self, connection: Connection, fuse: Fuse) -> None:
        try:
            connection.commit()
            return
        except (StatementError, OSError) as error:
            truth = self._truth(error, InDoubt("timeout" if fuse.blown else "commit_lost"))
        raise truth

    def _truth(self, error: Exception, broken: Broken) -> Broken | Refused:
        """What an error means: `broken` unless the database, or the driver before it, gave an answer."""
        dialect = self._database.dialect
        if not isinstance(error, StatementError) or (isinstance(error, DBAPIError) and not dialect.answered(error)):
            return broken
        if isinstance(error, DBAPIError) and dialect.busy(error.orig):
            return Unavailable("busy")
        if isinstance(error, OperationalError) and not dialect.mistaken(error.orig):
            return Unavailable("database_error")
        return Refused(next((why for kind, why in _REFUSALS if isinstance(error, kind)), "parameters"))


def _reply(result: CursorResult[Any]) -> Reply:
    if not result.returns_rows:
        return Reply(count=max(result.rowcount, 0))
    rows = [dict(row) for row in result.mappings().fetchmany(_MOST_ROWS + 1)]
    if len(rows) > _MOST_ROWS:
        raise Refused("too_many_rows")
    return Reply(rows=rows, count=len(rows))
