"""Questions about doubtful deliveries: what became of an attempt is asked of the system, never guessed."""

from dataclasses import replace

from engine.base import log
from engine.base.clock import Clock
from engine.base.errors import BusError
from engine.contract import Call, Unavailable
from engine.delivery.decide import AskAt, Next, Park, decide, decide_asked, then
from engine.delivery.exchange import exchange, named, sealed, token
from engine.delivery.gate import Shut
from engine.delivery.interface import Work
from engine.delivery.send import FIRST_BYTE, Sender, build, limit
from engine.delivery.settle import Settler
from engine.delivery.slots import Turn
from engine.delivery.wire import System, Wire
from engine.model import Claimed, Context, Outcome, Outgoing, Verdict

_log = log.get("delivery")
_NO_OUTCOME = Outcome(Verdict.IN_DOUBT, "no_outcome")
_ANOTHERS = "anothers"


class Asker:
    """Settles doubtful deliveries: by a question where their operation has one, else by the table."""

    def __init__(self, sender: Sender, settler: Settler, clock: Clock) -> None:
        self._sender = sender
        self._settler = settler
        self._clock = clock

    async def ask(self, delivery: Claimed, system: System) -> None:
        """Takes up a doubtful delivery that is due: found after a crash, or put off by an earlier answer."""
        work = await self._sender.work(delivery)
        if work is None:
            return
        following = decide(self._sender.facts(delivery, work, system, delivery.since), _NO_OUTCOME)
        if not isinstance(following, AskAt):
            await self._settle(delivery, work, _NO_OUTCOME, following)
            return
        question = _question(work, system)
        wire = system.wire(work.campus)
        if question is None or wire is None:
            await self._sender.park(delivery, "no_question")
            return
        answer, asked = await self._put(delivery, work, system, wire, question)
        if isinstance(answer, Shut):
            await self._settle(delivery, work, _NO_OUTCOME, AskAt(answer.opens))
            return
        if _is_anothers(work, answer, named(work.context, delivery, work.campus)):
            await self._settle(
                delivery, work, Outcome(Verdict.IN_DOUBT, _ANOTHERS, reply=answer.reply), Park(_ANOTHERS)
            )
            return
        facts = self._sender.facts(delivery, work, system, delivery.since)
        if answer.verdict is Verdict.UNSENT:  # they looked when they were asked, or later: only that much is known
            facts = replace(facts, now=asked)
        following = decide_asked(facts, answer)
        if isinstance(following, AskAt):  # "nothing there" that is not believed yet must not stand as the outcome
            answer = Outcome(Verdict.IN_DOUBT, answer.code or answer.verdict.value)
        await self._settle(delivery, work, answer, following)

    async def _put(
        self, delivery: Claimed, work: Work, system: System, wire: Wire, question: Outgoing
    ) -> tuple[Outcome | Shut, int]:
        """What they say, and the instant when they were asked."""
        entered = await wire.gate.enter(Turn.DELIVERY)
        if isinstance(entered, Shut):
            return entered, 0
        with entered as passed:
            try:
                call = self._call(delivery, work, question, system, wire)
            except (BusError, Unavailable) as error:
                return Outcome(Verdict.IN_DOUBT, error.code.name if isinstance(error, BusError) else error.why), 0
            except Exception as error:  # noqa: BLE001 - a map's bug leaves the doubt as it was
                _log.error("map_failed", id=delivery.id, operation=question.name, error=type(error).__name__)
                return Outcome(Verdict.IN_DOUBT, "unexpected_error"), 0
            asked = self._clock.now()
            start_by = self._clock.monotonic() + FIRST_BYTE
            said = await exchange(wire, system.name, question, call, start_by, self._clock)
            passed.say(answered=said.answered)
        if said.understood:
            return said.outcome, asked
        return Outcome(
            Verdict.IN_DOUBT, said.outcome.code
        ), asked  # what befell the question says nothing of the delivery

    def _call(self, delivery: Claimed, work: Work, question: Outgoing, system: System, wire: Wire) -> Call:
        context = named(work.context, delivery, work.campus)
        built = build(work, question, context)
        body, seal = sealed(wire, question, built, context, self._clock)
        seconds = limit(work.policy, system)
        return Call(question.name, question.options, body, token(delivery), seconds, seal, built.fields)

    async def _settle(self, delivery: Claimed, work: Work, outcome: Outcome, following: Next) -> None:
        await self._settler.settle(delivery, outcome, then(following, work.policy))


def _is_anothers(work: Work, answer: Outcome, context: Context) -> bool:
    """Whether what was found belongs to somebody else than what was asked for."""
    same = work.operation.ask.same if work.operation.ask is not None else ()
    if not same or not answer.value:
        return False
    asked = work.scope if work.between is None else work.between(work.scope, context)
    return any(
        None not in (asked.get(name), answer.value.get(name)) and asked[name] != answer.value[name] for name in same
    )


def _question(work: Work, system: System) -> Outgoing | None:
    if work.question is not None or work.operation.ask is None:
        return work.question
    return system.runtime.profile.outgoing.get(work.operation.ask.by)
