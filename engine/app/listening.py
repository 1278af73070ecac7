"""The listeners of a running bus: opened before a switch, handed over in it, drained after it.

A source calls its listener's `submit`, and that whoever answers there now: another one takes his place between two
requests, and the socket and its connections stay. A listener whose transport is to be otherwise (its limits, its TLS,
its profile's options) follows on the same listening socket, and the connections of the one before it are drained.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from socket import socket

from engine.app.systems import Post
from engine.base import log
from engine.contract import Answer, Inbound, Source, Submit

_log = log.get("bus")


class CannotListen(OSError):
    """An address cannot be had."""

    def __init__(self, post: Post, error: OSError) -> None:
        super().__init__(error.errno, f"{'.'.join(post.setting)}: {error.strerror or error}")
        self.post = post
        self.reason = error


class Listener:
    """One open listener. What is read before it is in force waits until it is."""

    def __init__(self, post: Post, source: Source) -> None:
        self.post = post
        self.source = source
        self._answer: Submit | None = None
        self._in_force = asyncio.Event()

    async def submit(self, inbound: Inbound) -> Answer:
        """What its source calls."""
        if self._answer is None:
            await self._in_force.wait()
        assert self._answer is not None, "it is in force"
        return await self._answer(inbound)

    def answer_by(self, answer: Submit) -> None:
        """This one answers from now on."""
        self._answer = answer
        self._in_force.set()


@dataclass(frozen=True, slots=True)
class Opened:
    """Everything that listens after a switch, open already. What is new reads, and waits."""

    listeners: Mapping[str, Listener]
    answers: Mapping[str, Submit]
    new: Sequence[Listener]

    async def close(self) -> None:
        """There is no switch after all."""
        await asyncio.gather(*(listener.source.stop(0) for listener in self.new))


class Listeners:
    """Those in force, and those that are drained."""

    def __init__(self) -> None:
        self._in_force: dict[str, Listener] = {}
        self._leaving: set[Listener] = set()

    @property
    def sources(self) -> dict[str, Source]:
        """By the names that people call them."""
        return {name: listener.source for name, listener in self._in_force.items()}

    async def open(self, posts: Iterable[Post], answering: Callable[[Post], Submit]) -> Opened:
        """Opens what is not open yet, at addresses of its own first. Raises CannotListen; nothing is changed then."""
        wanted = {post.name: post for post in posts}
        answers = {name: answering(post) for name, post in wanted.items()}
        kept = {
            name: self._in_force[name]
            for name, post in wanted.items()
            if name in self._in_force and self._in_force[name].post == post
        }
        doors = self._doors(kept)
        fresh = [post for name, post in wanted.items() if name not in kept]
        new: list[Listener] = []
        async with AsyncExitStack() as undone:
            for post in sorted(fresh, key=lambda post: _address(post) in doors):
                listener = await _opened(post, doors.get(_address(post)))
                undone.push_async_callback(listener.source.stop, 0)
                new.append(listener)
            undone.pop_all()
        found = kept | {listener.post.name: listener for listener in new}
        return Opened({name: found[name] for name in wanted}, answers, new)

    def switch(self, opened: Opened) -> Sequence[Listener]:
        """These are in force from now on, all at once. Gives those that are not any more, to be drained."""
        before, self._in_force = self._in_force, dict(opened.listeners)
        for name, listener in self._in_force.items():
            listener.answer_by(opened.answers[name])
        stay = set(self._in_force.values())
        leaving = [listener for listener in before.values() if listener not in stay]
        self._leaving.update(leaving)
        for listener in opened.new:
            post = listener.post
            _log.info("listening", system=post.system, campus=post.campus or "", path=listener.source.address)
        return leaving

    async def drain(self, listener: Listener, grace: float) -> None:
        """Takes nothing new there, and lets what was read be answered."""
        await listener.source.stop(grace)
        self._leaving.discard(listener)
        _log.info("drained", system=listener.post.system, campus=listener.post.campus or "")

    async def stop(self, grace: float) -> None:
        """Everywhere."""
        everyone = [*self._in_force.values(), *self._leaving]
        await asyncio.gather(*(listener.source.stop(grace) for listener in everyone))

    def _doors(self, kept: Mapping[str, Listener]) -> Mapping[tuple[object, ...], Source]:
        """The addresses that their listeners leave, each with the source that is there until then."""
        return {
            _address(listener.post): listener.source for name, listener in self._in_force.items() if name not in kept
        }


def _address(post: Post) -> tuple[object, ...]:
    """Port 0 is another one each time: only the same post means the same by it."""
    host, port = post.link.listen or ("", 0)
    return (host, port) if port else (host, port, post.name)


async def _opened(post: Post, before: Source | None) -> Listener:
    door: socket | None = None
    try:
        listener = Listener(post, post.make(post.link))
        door = before.door() if before is not None else None
        await listener.source.start(listener.submit, door)
    except OSError as error:
        if door is not None:
            with suppress(OSError):
                door.close()
        raise CannotListen(post, error) from error
    return listener
