"""The entrance of channel applications: from an HTTP request to a typed answer, whatever comes in.

Who calls is proved before anything is said about what there is. Then: which operation, whether this
caller may, for which campus, what is asked; the route answers; personal data is masked; the audit
has its record before anybody sees a value.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from engine.base import log, metrics
from engine.base.clock import SECOND, Clock
from engine.base.errors import Backend, BusError, Code
from engine.base.ids import Ids
from engine.channel.audit import Audit, AuditRecord
from engine.channel.clients import Client
from engine.channel.contracts import Contract, Contracts
from engine.channel.envelope import OK, failure, language_of, success
from engine.channel.limits import Limits
from engine.channel.refusal import MISSING, Fault, Language, Refusal, Words, one_of
from engine.channel.reply import Made
from engine.channel.signing import Signatures
from engine.contract import Answer, Inbound
from engine.model import Asked, Caller, Effect, Served, Shape
from engine.sealing.schemes import preset

Serve: TypeAlias = Callable[[Asked], Awaitable[Served]]
"""Routing: what the route of an operation answers. Raises BusError, with `backend` where a system said no."""

_log = log.get("channel")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_KEY = re.compile(r"[A-Za-z0-9._:-]{8,64}")
_NOT_KEY: Final = Words("须为 8–64 位字母、数字或 . _ : -", "must be 8 to 64 letters, digits or . _ : -")
_NONE: Final = Words("没有这样的取值", "there is no such value")
_NO_CAMPUS: Final = Words("不能访问此院区", "this caller may not name this campus")


@dataclass(slots=True)
class _Call:
    """What is known of a call so far."""

    inbound: Inbound
    trace: str
    started: int
    language: Language
    client: Client | None = None
    contract: Contract | None = None
    caller: Caller | None = None
    document: Shape | None = None
    served: Served | None = None
    made: Made | None = None
    answer: Answer | None = None


class Entrance:
    """A `Submit` for the channel's source. `contracts` and `clients` may be replaced while it runs: each call
    finishes under those it began with. An entrance that follows another (`before`) remembers what that one does: nonces
    that were used, and how often who has called.
    """

    def __init__(
        self,
        *,
        contracts: Contracts,
        clients: Mapping[str, Client],
        serve: Serve,
        audit: Audit,
        clock: Clock,
        ids: Ids,
        language: Language = "zh",
        before: "Entrance | None" = None,
    ) -> None:
        self.contracts = contracts
        self.clients = clients
        self._serve = serve
        self._audit = audit
        self._clock = clock
        self._ids = ids
        self._language = language
        self.signatures: Signatures = before.signatures if before else Signatures(clock, ids)
        self.limits: Limits = before.limits if before else Limits(clock)

    async def __call__(self, inbound: Inbound) -> Answer:
        """The answer to one request; never raises but for cancellation."""
        language = language_of(inbound.headers.get("accept-language", ""), self._language)
        call = _Call(inbound, self._ids.message(), self._clock.now(), language)
        contracts = self.contracts
        error = await self._failing(call, self._work(call, contracts))
        code = error.code.name if error else OK
        if call.client is not None and call.contract is not None:
            unkept = await self._failing(call, self._audit(self._record(call, code)))
            if unkept is not None and call.contract.effect is Effect.NONE:
                error = unkept  # what cannot be recorded is not shown; a change is recorded by its own commit
        if error is None and call.answer is not None:
            answer = call.answer
        else:
            clear = call.client is not None and call.client.unmask
            answer = failure(error or BusError(Code.INTERNAL), call.trace, language, contracts.messages, clear=clear)
        self._count(call, answer, error)
        asked_as = inbound.headers.get("x-request-id", "")
        shown = asked_as if _REQUEST_ID.fullmatch(asked_as) else call.trace
        return replace(answer, headers={**answer.headers, "x-request-id": shown})

    def unknown(self, inbound: Inbound) -> Answer | None:
        """The refusal of who does not sign as a client, or calls too often; None for who may go on."""
        try:
            self.limits.take(self._prove(inbound, self.contracts))
        except Refusal as refused:
            language = language_of(inbound.headers.get("accept-language", ""), self._language)
            return failure(refused, self._ids.message(), language, self.contracts.messages, clear=False)
        return None

    def _prove(self, inbound: Inbound, contracts: Contracts) -> Client:
        return self.signatures.prove(inbound, preset(contracts.signature), self.clients)

    async def _failing(self, call: _Call, work: Awaitable[None]) -> BusError | None:
        """Does a piece of work; gives how it failed."""
        try:
            await work
        except BusError as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever it was, the caller gets a typed answer
            _log.error("call_failed", id=call.trace, error=type(error).__name__, operation=_operation(call))
            return BusError(Code.INTERNAL)
        return None

    async def _work(self, call: _Call, contracts: Contracts) -> None:
        inbound = call.inbound
        if inbound.too_many:
            raise Refusal(Code.BUSY)
        if inbound.too_large:
            raise Refusal(Code.TOO_LARGE)
        client = call.client = self._prove(inbound, contracts)
        self.limits.take(client)
        contract, names = contracts.router.find(inbound.method, inbound.path)
        call.contract = contract
        if not client.may(contract.scope):
            raise Refusal(Code.PERMISSION_DENIED)
        caller = call.caller = _caller(inbound, client, contracts)
        document = call.document = contract.read(inbound, names, caller)
        key = _key(inbound) if contract.key else None
        call.served = await self._ask(
            contract, Asked(contract.operation, document, caller, call.trace, key, inbound.raw)
        )
        try:
            call.made = contract.build(call.served.value, client.unmask)
            call.answer = self._shown(call, client, call.served, call.made)
        except BusError as error:
            if error.code is not Code.BACKEND_FORMAT or not call.served.task:
                raise
            task, backend = call.served.task, Backend(call.served.system, call.served.backend_code)
            raise BusError(Code.RESULT_UNKNOWN, f"done, but {error.detail}", backend=backend, task=task) from None

    async def _ask(self, contract: Contract, asked: Asked) -> Served:
        """The route's answer. An error of a system behind that the contract does not name is a refusal to applications,
        which know nothing else: a profile has one table of codes for all of its operations.
        """
        try:
            return await self._serve(asked)
        except BusError as error:
            if error.code is Code.VALIDATION_FAILED and error.spot in contract.places:
                raise Refusal(Code.VALIDATION_FAILED, faults=[Fault(contract.places[error.spot], _NONE)]) from None
            if error.backend is None or error.code in contract.errors:
                raise
            _log.warning("error_not_in_contract", operation=asked.operation, code=error.code.name, id=asked.trace)
            why = error.detail or error.code.name
            raise BusError(Code.BACKEND_REJECTED, why, backend=error.backend, task=error.task) from None

    def _shown(self, call: _Call, client: Client, served: Served, made: Made) -> Answer:
        text = served.backend_text if client.unmask else ""
        backend = Backend(served.system, served.backend_code, text) if served.system else None
        age = max(0, self._clock.now() - served.stale_since) // SECOND if served.stale else None
        return success(made.data, call.trace, backend, call.language, age=age, missing=served.missing)

    def _record(self, call: _Call, code: str) -> AuditRecord:
        assert call.client is not None
        assert call.contract is not None
        return AuditRecord(
            at=call.started,
            client=call.client.name,
            channel=call.caller.channel if call.caller else "",
            campus=call.caller.campus if call.caller else "",
            remote=call.inbound.remote,
            operation=call.contract.operation,
            effect=call.contract.effect,
            trace=call.trace,
            subject=_subject(call, call.contract),
            result=code,
            count=call.made.count if call.made else 0,
            unmasked=call.client.unmask and call.made is not None,
            took=self._clock.now() - call.started,
        )

    def _count(self, call: _Call, answer: Answer, error: BusError | None) -> None:
        code = error.code.name if error else OK
        took = self._clock.now() - call.started
        metrics.ANSWERS.labels(_operation(call), code).inc()
        metrics.ANSWER_TIME.labels(_operation(call)).observe(took / SECOND)
        _log.info(
            "answered",
            id=call.trace,
            operation=_operation(call),
            client=call.client.name if call.client else "",
            campus=call.caller.campus if call.caller else "",
            code=code,
            status=answer.status,
            detail=error.detail if error else "",
            took_ms=took // 1000,
        )


def _operation(call: _Call) -> str:
    return call.contract.operation if call.contract else "none"


def _caller(inbound: Inbound, client: Client, contracts: Contracts) -> Caller:
    """Who asks, for which campus, through which channel."""
    channel = inbound.headers.get("x-channel", "")
    if channel and channel not in contracts.channels:
        raise Refusal(Code.VALIDATION_FAILED, faults=[Fault("X-Channel", one_of(sorted(contracts.channels)))])
    return Caller(client.name, _campus(inbound, client), channel, frozenset(client.scopes))


def _campus(inbound: Inbound, client: Client) -> str:
    campus = inbound.headers.get("x-campus", "")
    if campus:
        if campus not in client.campuses:
            raise Refusal(Code.PERMISSION_DENIED, _NO_CAMPUS)
        return campus
    if len(client.campuses) != 1:
        raise Refusal(Code.VALIDATION_FAILED, faults=[Fault("X-Campus", MISSING)])
    return client.campuses[0]


def _key(inbound: Inbound) -> str:
    key = inbound.headers.get("idempotency-key", "")
    if not _KEY.fullmatch(key):
        raise Refusal(Code.VALIDATION_FAILED, faults=[Fault("Idempotency-Key", _NOT_KEY if key else MISSING)])
    return key


def _subject(call: _Call, contract: Contract) -> str | None:
    """Whom the call is about: looked for in what was found, then in what was asked."""
    found = contract.subject(call.served.value) if call.served else None
    if found is None:
        found = contract.subject(call.document)
    return None if found is None else str(found)
