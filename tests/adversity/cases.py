"""What befalls a bus from its sources and from its machine: each case does it to a whole bus, looks, and says what came of it.

A case raises AssertionError where a promise broke. Destinations are down in all of them: only what is taken counts.
"""

import os
import resource
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.adversity.sender import END, Line, written
from tests.flow.programs import Around, Bus, clean_environment
from tests.flow.site import PATIENCE, ask_journal, copy_site, eventually
from tests.peers.proxy import free_port

_MEGABYTE = 1024 * 1024
_LIMIT = 20
"""MB that a listener takes at most in one message, where its settings say nothing."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How hard it comes."""

    frame: int = 1024
    """MB of the frame that is too large."""
    idle: int = 10_000
    flood: int = 200
    """Connections that send at once, and messages of each."""


SHORT = Sizes(frame=64, idle=600, flood=20)


@dataclass
class House:
    """One bus on a site of its own. `limits`: options of the shell's ulimit that it runs under."""

    folder: Path
    limits: str = ""
    taken: list[str] = field(default_factory=list)
    """Control ids that were acknowledged with AA."""

    def __post_init__(self) -> None:
        program = str(Path(sys.executable).parent / "hisbus")
        limited = ("/bin/sh", "-c", f'ulimit {self.limits} && exec "$0" "$@"', program) if self.limits else None
        site = copy_site(self.folder / "site")
        self.bus = Bus(site, free_port(), free_port(), Around(), limited)

    @contextmanager
    def running(self) -> Iterator[Bus]:
        self.bus.start()
        try:
            yield self.bus
            assert self.bus.stop() == 0
        finally:
            self.bus.close()
        taken, kept = len(set(self.taken)), self._kept()
        assert kept == taken, f"{taken} were acknowledged, {kept} are kept"

    def _kept(self) -> int:
        count: int = ask_journal(self.bus.site, "select count(*) from messages where route = 'result'")[0][0]
        return count

    def line(self) -> Line:
        return Line(self.bus.mllp)

    def send(self, line: Line, control_id: str, more: bytes = b"") -> str:
        """One message; notes it where it was taken."""
        said = line.say(written(control_id, more))
        if said == "AA":
            self.taken.append(control_id)
        return said

    def ready(self) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.bus.http}/readyz", timeout=PATIENCE) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def process(self) -> int:
        """Its process id: of the program, which the shell became."""
        (line,) = (self.bus.site / "var/journal.db.lock").read_text(encoding="ascii").splitlines()
        return int(line)

    def peak(self) -> int:
        """The most memory it has had so far, in MB."""
        status = Path(f"/proc/{self.process()}/status").read_text(encoding="ascii")
        return int(status.split("VmHWM:")[1].split()[0]) // 1024


def too_large_a_frame(folder: Path, sizes: Sizes) -> str:
    house = House(folder)
    with house.running(), house.line() as line:
        assert house.send(line, "C1") == "AA"
        before = house.peak()
        line.socket.sendall(written("C2")[: -len(END)] + b"OBX|2|ED|F||")
        for _ in range(sizes.frame):
            line.socket.sendall(b"A" * _MEGABYTE)
        assert line.say(END) == "AR"
        grown = house.peak() - before
        assert grown < 3 * _LIMIT, f"its memory grew by {grown} MB"
        assert _served(house, "C3")
    return f"AR; memory grew by {grown} MB"


def idle_connections(folder: Path, sizes: Sizes) -> str:
    """Half of them at each listener; a sender that was there before, and one that comes after they left."""
    house = House(folder)
    with house.running() as bus, house.line() as first:
        assert house.send(first, "C1") == "AA"
        ports = [bus.mllp, bus.http] * (sizes.idle // 2)
        idle = [Line(port) for port in ports]
        try:
            assert house.send(first, "C2") == "AA"
            assert house.ready() == 200
        finally:
            for line in idle:
                line.socket.close()
        eventually(lambda: _served(house, "C3"), what="a new sender is served")
    return "who was there is served, new ones beyond limits.connections are not, or hear BUSY"


def flood(folder: Path, sizes: Sizes) -> str:
    """All written before the first answer is read."""
    house = House(folder)
    with house.running():
        lines = [house.line() for _ in range(sizes.flood)]
        wires = [[f"C{line:03}N{n:03}" for n in range(sizes.flood)] for line in range(sizes.flood)]
        for line, ids in zip(lines, wires, strict=True):
            line.socket.sendall(b"".join(map(written, ids)))
        for line, ids in zip(lines, wires, strict=True):
            house.taken += [one for one in ids if line.hear() == "AA"]
            line.socket.close()
    refused = sizes.flood**2 - len(house.taken)
    return f"{len(house.taken)} taken, each of them kept once; {refused} heard busy"


def the_same_from_many(folder: Path, sizes: Sizes) -> str:
    house = House(folder)
    with house.running():
        lines, wire = [house.line() for _ in range(sizes.flood)], written("C1")
        for line in lines:
            line.socket.sendall(wire)
        assert {line.hear() for line in lines} == {"AA"}
        house.taken.append("C1")
        for line in lines:
            line.socket.close()
    return f"{sizes.flood} heard AA, one is kept"


def disk_full(folder: Path, _sizes: Sizes) -> str:
    """No file of the bus may grow beyond 4 MB, until it may."""
    house = House(folder, "-S -f 8192")
    with house.running() as bus, house.line() as line:
        said = [house.send(line, f"C{n}", b"OBX|2|TX|N||" + b"A" * 20_000 + b"||||||F\r") for n in range(400)]
        refused = said.count("AE")
        assert refused > 0
        assert set(said) == {"AA", "AE"}
        assert house.ready() == 503
        resource.prlimit(house.process(), resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        eventually(bus.ready, what="it goes on by itself")
        assert house.send(line, "D1") == "AA"
    return f"{len(house.taken) - 1} taken, then {refused} told busy (AE), /readyz 503; with room again it went on by itself"


def out_of_file_descriptors(folder: Path, _sizes: Sizes) -> str:
    house = House(folder, "-n 100")
    with house.running(), house.line() as first:
        assert house.send(first, "C1") == "AA"
        crowd = [house.line() for _ in range(200)]
        try:
            assert {house.send(first, f"D{n}") for n in range(10)} == {"AA"}
        finally:
            for line in crowd:
                line.socket.close()
        eventually(lambda: _served(house, "C2"), what="a new sender is served")
    return "who is connected is served; new ones wait until some have left"


def a_second_bus(folder: Path, _sizes: Sizes) -> str:
    house = House(folder)
    with house.running() as bus, house.line() as line:
        elsewhere = {**bus.environment, "HISBUS__CONTROL__PATH": "var/other.sock"}
        program = [str(Path(sys.executable).parent / "hisbus"), "run", "--site", str(bus.site), "--env", "sandbox"]
        second = subprocess.run(
            program, env=clean_environment(elsewhere), capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert second.returncode == 3, second.stderr
        assert f"a bus is running on this journal (process {house.process()})" in second.stderr
        assert house.send(line, "C1") == "AA"
    return "exit code 3, names the first one's process; that one goes on"


def _served(house: House, control_id: str) -> bool:
    with house.line() as line:
        try:
            return house.send(line, control_id) == "AA"
        except OSError:
            return False


CASES: dict[str, Callable[[Path, Sizes], str]] = {
    "a frame far too large": too_large_a_frame,
    "idle connections": idle_connections,
    "flood": flood,
    "the same message from many at once": the_same_from_many,
    "disk full": disk_full,
    "out of file descriptors": out_of_file_descriptors,
    "a second bus on the journal": a_second_bus,
}


def room_for(connections: int) -> None:
    """Lets this process, and those that it starts, have so many connections open. Raises OSError where it may not."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + 500
    if most != resource.RLIM_INFINITY and most < wanted:
        raise OSError(f"{wanted} open files are wanted, the machine allows {most} ({os.uname().sysname})")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
