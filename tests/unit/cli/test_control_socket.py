"""The control socket: private, one bus at a path, and every command answered whatever it breaks."""

import asyncio
import json
import stat

import pytest

from engine.app.control import ControlServer, ControlTaken, connect
from engine.base.errors import BusError, Code
from engine.base.ids import SystemIds


async def _echo(arguments):
    return dict(arguments)


async def _refuse(_arguments):
    raise BusError(Code.STATE_CONFLICT, "it is delivered already")


async def _break(_arguments):
    raise ZeroDivisionError("a patient's name")


COMMANDS = {"echo": _echo, "refuse": _refuse, "break": _break}


@pytest.fixture(params=[False, True], ids=["socket file", "port and token"])
async def door(request, tmp_path):
    server = ControlServer(tmp_path / "var/control.sock", COMMANDS, SystemIds(), tcp=request.param)
    await server.start()
    yield tmp_path / "var/control.sock"
    await server.stop()


def ask(path, *lines, token=None):
    door, real = connect(path, timeout=5)
    with door, door.makefile("rwb") as stream:
        answers = []
        for line in lines:
            signed = {"token": real if token is None else token}
            stream.write((line if isinstance(line, bytes) else json.dumps({**line, **signed}).encode()) + b"\n")
            stream.flush()
            answers.append(json.loads(stream.readline()))
        return answers


async def test_commands_are_answered_in_order(door):
    answers = await asyncio.to_thread(
        ask,
        door,
        {"do": "echo", "with": {"id": "m1", "reason": "核对无误"}},
        {"do": "refuse"},
        {"do": "break"},
        {"do": "nothing"},
        b"not json",
        b"[1]",
    )
    assert answers[0] == {"done": {"id": "m1", "reason": "核对无误"}}
    assert answers[1] == {"error": {"code": "STATE_CONFLICT", "what": "it is delivered already"}}
    assert answers[2] == {"error": {"code": "INTERNAL", "what": "ZeroDivisionError"}}
    assert [answer["error"]["code"] for answer in answers[3:]] == ["NOT_FOUND", "NOT_READABLE", "NOT_READABLE"]


async def test_the_file_is_for_its_own_user(door):
    assert stat.S_IMODE(door.stat().st_mode) == 0o600


async def test_a_wrong_token_does_nothing(tmp_path):
    server = ControlServer(tmp_path / "control", COMMANDS, SystemIds(), tcp=True)
    await server.start()
    answers = await asyncio.to_thread(ask, tmp_path / "control", {"do": "echo"}, token="guess")
    assert answers[0]["error"]["code"] == "PERMISSION_DENIED"
    await server.stop()


async def test_a_second_bus_is_refused_and_the_first_goes_on(door):
    second = ControlServer(door, COMMANDS, SystemIds())
    with pytest.raises(ControlTaken):
        await second.start()
    assert await asyncio.to_thread(ask, door, {"do": "echo"}) == [{"done": {}}]


async def test_a_file_left_behind_by_a_killed_bus_is_taken_over(tmp_path):
    path = tmp_path / "control.sock"
    killed = ControlServer(path, COMMANDS, SystemIds(), tcp=False)
    await killed.start()
    killed._server.close()  # as a kill leaves it: nobody listens, the file stays
    assert path.exists()
    again = ControlServer(path, COMMANDS, SystemIds(), tcp=False)
    await again.start()
    assert await asyncio.to_thread(ask, path, {"do": "echo"}) == [{"done": {}}]
    await again.stop()
    assert not path.exists()


async def test_a_path_too_long_for_a_socket_says_so(tmp_path):
    server = ControlServer(tmp_path / ("x" * 100) / "control.sock", COMMANDS, SystemIds(), tcp=False)
    with pytest.raises(OSError, match=r"control\.path is too long"):
        await server.start()
