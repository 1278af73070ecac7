"""kill -9 at random moments: the peer's own ledger, kept over a real socket, agrees with the journal."""

import asyncio
import contextlib
import sqlite3
import sys
import textwrap
from collections import Counter

import pytest

LANES, EACH, KILLS = "abcdefgh", 14, 10

BUS = """
    import asyncio, sys
    from pathlib import Path
    from engine.base import log
    from engine.base.clock import SystemClock
    from engine.base.ids import SystemIds
    from engine.contract import InDoubt, Reply, Unavailable
    from engine.model import FINAL, Ask
    from tests.unit.delivery.stand import Stand, Step, operation

    class Line:
        def __init__(self, port):
            self.port = port
        async def send(self, call):
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                raise Unavailable("connect") from None
            try:
                writer.write(f"{call.operation} {call.token} {call.body.decode()}\\n".encode())
                said = (await reader.readline()).strip()
            except OSError:
                said = b""
            finally:
                writer.close()
            if not said:
                raise InDoubt("reset")
            return Reply(said)
        async def close(self): ...

    async def main(folder, port, lanes, each):
        log.set_up("error")
        stand = Stand(Path(folder) / "journal.db", SystemClock())
        stand.ids, stand.settings = SystemIds(), {"ask_limit": 1_000_000}
        stand.system(Line(port), at_once=4, breaker_after=1000)
        stand.plan.routes["r"] = [Step(operation=operation(ask=Ask("find", 0.2)))]
        await stand.start()
        print("started", flush=True)
        seqs = [await stand.accept(f"{lane}/{n}", lane=lane, key=f"{lane}/{n}") for n in range(each) for lane in lanes]
        for seq in seqs:
            while (await stand.states(seq))[0] not in FINAL:
                await asyncio.sleep(0.02)
        await stand.stop()
        print("finished", flush=True)

    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
"""


class Truthful:
    """A peer whose ledger is the truth: it reads, does, and loses some of its answers."""

    def __init__(self, journal):
        self.journal = journal
        self.saves, self.done, self.wrong = [], [], []
        self.called = asyncio.Event()

    async def serve(self, reader, writer):
        line = (await reader.readline()).decode().split()
        if len(line) == 3:
            with contextlib.suppress(OSError):
                writer.write(await self.answer(*line))
                await writer.drain()
        writer.close()

    async def answer(self, operation, token, body):
        if operation == "find":
            return b"ok\n" if body in self.done else b"none\n"
        self.saves.append(token)
        self.called.set()
        if self.recorded(token) < self.saves.count(token):
            self.wrong.append("a call without its record")
        if body in self.done:
            self.wrong.append("done twice")
        await asyncio.sleep(0.002)
        number = len(self.saves)
        if number % 7 == 3:
            return b""  # lost on the way: not done
        self.done.append(body)
        return b"" if number % 7 == 5 else b"ok\n"  # done, and the answer lost

    async def saved(self, count):
        """Returns once so many calls more have come."""
        until = len(self.saves) + count
        while len(self.saves) < until:
            self.called.clear()
            await self.called.wait()

    def recorded(self, token):
        id_, _, step = token.partition("-")
        with contextlib.closing(sqlite3.connect(f"file:{self.journal}?mode=ro", uri=True)) as journal:
            return journal.execute(
                "select count(*) from attempts a join messages m on m.seq = a.message where m.id = ? and step = ? and n > 0",
                (id_, int(step)),
            ).fetchone()[0]


async def run(program, *, until=None):
    """Runs the bus until `until` returns, then kills it; without it, until it ends by itself."""
    process = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE)
    try:
        assert (await process.stdout.readline()).startswith(b"started")
        if until is None:
            return await process.stdout.read()
        await until
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@pytest.mark.slow
async def test_killed_again_and_again_it_does_everything_once_and_in_order(tmp_path, request, monkeypatch):
    monkeypatch.chdir(request.config.rootpath)
    peer = Truthful(tmp_path / "journal.db")
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    program = [sys.executable, "-c", textwrap.dedent(BUS), str(tmp_path), str(port), LANES, str(EACH)]
    for kill in range(KILLS):
        await asyncio.wait_for(run(program, until=peer.saved(1 + kill % 5)), 60)
    assert len(peer.done) < len(LANES) * EACH  # it was killed in the middle of its work
    async with asyncio.timeout(60):
        said = await run(program)
    server.close()
    await server.wait_closed()
    assert b"finished" in said
    assert peer.wrong == []
    for lane in LANES:
        assert [body for body in peer.done if body.startswith(lane)] == [f"{lane}/{n}" for n in range(EACH)]
    with contextlib.closing(sqlite3.connect(tmp_path / "journal.db")) as journal:
        assert set(journal.execute("select state from deliveries")) == {("delivered",)}
        attempts = journal.execute(
            "select m.id || '-' || a.step, a.outcome from attempts a join messages m on m.seq = a.message where n > 0"
        ).fetchall()
    calls = Counter(peer.saves)
    for token, count in calls.items():
        outcomes = [outcome for of, outcome in attempts if of == token]
        assert count <= len(outcomes)
        assert sorted(outcomes) == sorted(["delivered", *["unsent"] * (len(outcomes) - 1)])  # each again has its reason
    print(f"kills {KILLS}, calls {len(peer.saves)}, sent again {len(peer.saves) - len(calls)}")
