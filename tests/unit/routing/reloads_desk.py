"""A site that is reloaded in mid-traffic: its maps stamp what they make with the release that they stand in.

A laboratory sends over MLLP and an application calls over HTTP, each on one connection for good; the office behind keeps
a ledger.
"""

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import aiohttp
from aiohttp import web
from calls_desk import CONFIG, App, until, write

from engine.app.answering import Answering
from engine.app.bus import Bus
from engine.app.check import check_settings
from engine.app.listening import Listener
from engine.app.standing import Standing
from engine.cli.site import Adapters
from engine.delivery.wire import System
from engine.routing.release import Release
from engine.settings.problems import Problems

ROUTES = """
routes:
  result:
    from: lis.result
    key: no
    lane: patient.id
    steps: {file: {to: office.file, refused: park}}
  form.save: {to: office.save, answer: {within: 10m}}
"""
NOTE = "shape: result\nfields: {no: {required: true}, patient: {fields: {id: text}}, read_by: text}\n"
RECEIPT = "shape: receipt\nfields: {number: text, made_by: text}\n"
LIS = """
profile: desk/lis
adapter: mllp
format: hl7
incoming:
  result:
    match: MSH-9.1 == ORU
    gives: result
    read: {no: MSH-10, patient.id: PID-3.1, read_by: =R0}
"""
OFFICE = """
profile: desk/office
adapter: http
format: json
outgoing:
  file:
    takes: result
    effect: change
    http: {path: /file}
    request: {no: no, read_by: read_by, sent_by: =R0}
    meaning: &meaning {code: code, delivered: ["0"], refused: {"1": not_like_this}, unavailable: ["5"]}
  save:
    takes: form
    gives: receipt
    effect: change
    http: {path: /save}
    request: {no: order_no, sent_by: =R0}
    reply: {number: no, made_by: =R0}
    meaning: *meaning
"""
CHANNEL = """
profile: desk/channel
adapter: http
format: json
contracts:
  base: /api/v1
  operations:
    form.save:
      says: made by R0
      method: POST
      path: /save
      scope: form.save
      effect: change
      key: required
      request:
        body: {who: patient.id, order: order_no}
        caller: {campus: campus}
      reply: {fields: {number: {at: number}, made_by: {at: made_by}}}
"""
SETTINGS = CONFIG.replace(
    '  office: {profile: desk/office, url: "%s"}\n',
    '  lis: {profile: desk/lis, listen: "127.0.0.1:0"}\n'
    '  office: {profile: desk/office, url: "%s", breaker: {after: 1000}}\n',
)
STAMPED = ("mappings/desk/lis.yaml", "mappings/desk/office.yaml", "mappings/desk/channel.yaml")


class Office:
    """The system behind: keeps what it gets, and answers at once, or once it is let."""

    def __init__(self):
        self.ledger = []
        self.arrived = 0
        self.answers = "0"
        self.open = asyncio.Event()
        self.open.set()

    async def serve(self, request):
        body = await request.json()
        self.arrived += 1
        await self.open.wait()
        if self.answers == "0":
            self.ledger.append(body)
        return web.json_response({"code": self.answers, "no": f"N{len(self.ledger)}"})

    def numbers(self):
        return [body["no"] for body in self.ledger]


class Desk:
    """The site as a folder."""

    def __init__(self, folder, office_url=None):
        """The one that is there, where no office is named."""
        self.folder = folder
        if office_url is not None:
            write(folder, office_url, ROUTES, SETTINGS)
            self.put("mappings/shapes/result.yaml", NOTE)
            self.put("mappings/shapes/receipt.yaml", RECEIPT)
            self.stamp(0)

    def put(self, name, text):
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text, encoding="utf-8")

    def text(self, name):
        return (self.folder / name).read_text(encoding="utf-8")

    def change(self, name, old, new):
        """One place of a text."""
        text = self.text(name)
        assert text.count(old) == 1, text
        self.put(name, text.replace(old, new))

    def stamp(self, number):
        """The same texts as another release."""
        for name, text in zip(STAMPED, (LIS, OFFICE, CHANNEL), strict=True):
            self.put(name, text.replace("R0", f"R{number}"))

    @asynccontextmanager
    async def running(self, **options):
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))  # so that threads can be counted
        problems = Problems()
        reread = partial(check_settings, self.folder, "desk", {})
        loaded = reread(problems)
        assert loaded is not None, list(map(str, problems))
        bus = Bus(self.folder, loaded, Adapters(), reread=reread, **options)
        await bus.start()
        try:
            yield bus
        finally:
            await bus.stop()


class Sender:
    """A laboratory on one connection: each message after the answer to the one before."""

    def __init__(self, name):
        self.name = name
        self.said = []
        """Numbers that were answered with AA."""

    async def connect(self, bus):
        host, port = bus.listeners["lis"].address.removeprefix("mllp://").split(":")
        self._reader, self._writer = await asyncio.open_connection(host, int(port))

    async def send(self):
        number = f"{self.name}{len(self.said)}"
        await self.write(number)
        return await self.answered(number)

    async def write(self, number):
        text = f"MSH|^~\\&|L|H|B|H|20261120||ORU^R01|{number}|P|2.5\rPID|1||P{self.name}\r"
        self._writer.write(b"\x0b" + text.encode() + b"\x1c\r")
        await self._writer.drain()

    async def answered(self, number):
        async with asyncio.timeout(60):
            answer = await self._reader.readuntil(b"\x1c\r")
        assert f"MSA|AA|{number}".encode() in answer, answer
        self.said.append(number)
        return number

    async def ended(self):
        """Waits until the bus closes the connection."""
        async with asyncio.timeout(60):
            return await self._reader.read() == b""

    async def close(self):
        self._writer.close()
        await self._writer.wait_closed()


class Caller:
    """An application on one connection."""

    def __init__(self, name):
        self.name = name
        self.said = []
        """(number, which release's reply map made the answer)."""

    async def connect(self, bus):
        self.connections = 0
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(self._connected)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=1, keepalive_timeout=600), trace_configs=[trace]
        )
        self._app = App(bus.listeners["channel"].address)

    async def send(self):
        number = f"{self.name}{len(self.said)}"
        status, body = await self._app.ask_on(self._session, "save", f"request-{number}", who="P1", order=number)
        assert status == 200, body
        self.said.append((number, body["data"]["made_by"]))
        return number

    async def close(self):
        await self._session.close()

    async def _connected(self, *_args):
        self.connections += 1


class Traffic:
    """Everyone sends, one thing after another, each on his one connection."""

    def __init__(self, bus, everyone):
        self._bus = bus
        self._everyone = everyone
        self._going = asyncio.Event()
        self._going.set()

    async def __aenter__(self):
        for one in self._everyone:
            await one.connect(self._bus)
        self._tasks = [asyncio.create_task(self._send_on(one)) for one in self._everyone]
        return self

    async def __aexit__(self, *_error):
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        for one in self._everyone:
            await one.close()
        assert all(isinstance(error, asyncio.CancelledError) for error in ended), ended

    async def _send_on(self, one):
        while True:
            await self._going.wait()
            one.quiet = False
            await one.send()
            one.quiet = True
            await asyncio.sleep(0.005)  # a thread that checks texts has its turn

    async def more(self):
        """Waits until each has the answer to one more."""
        self._going.set()
        before = [len(one.said) for one in self._everyone]
        await until(lambda: self._failed() or all(map(lambda one, had: len(one.said) > had, self._everyone, before)))

    async def pause(self):
        """Nobody sends, and nothing is under way."""
        self._going.clear()
        await until(lambda: self._failed() or all(one.quiet for one in self._everyone))
        await until(lambda: not any(one.held for one in self._bus.delivery.health()))

    def _failed(self):
        for task in self._tasks:
            if task.done():
                task.result()


def held(bus):
    """What a process may not gather: descriptors, threads, tasks, listeners, and wholes of what was in force."""
    gc.collect()
    kinds = (Release, Standing, Answering, Listener, System)
    objects = [type(one) for one in gc.get_objects()]
    return {
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
        "tasks": len(bus.supervisor.names),
        "listeners": len(bus.listeners),
        **{kind.__name__: objects.count(kind) for kind in kinds},
    }
