"""Leaving a system alone that does not answer: opens after failures in a row, lets one call try again."""

from engine.base.clock import SECOND, Clock


class Breaker:
    """One for each place calls go to. A failure is a call without an answer; a refusal is an answer.

    Closed until `after` failures stand in a row. Open for `pause` seconds. Then one call, the trial, may go:
    its answer closes the breaker, its failure opens it again.
    """

    def __init__(self, clock: Clock, after: int = 5, pause: float = 10.0) -> None:
        self._clock = clock
        self._after = after
        self._pause = int(pause * SECOND)
        self._failures = 0
        self._tries_at: int | None = None
        self._trying = False

    @property
    def is_open(self) -> bool:
        """Whether it stands open, a trial under way included."""
        return self._tries_at is not None

    @property
    def trying(self) -> bool:
        """Whether the one trial is under way."""
        return self._trying

    def opens(self, now: int) -> int:
        """When a call may go: `now` or earlier, if one may go at once."""
        return now if self._tries_at is None else self._tries_at

    def begin(self) -> bool:
        """A call goes. True: it is the trial, and must end in `answered`, `failed` or `dropped`."""
        if self.is_open:
            self._trying = True
        return self._trying

    def answered(self) -> None:
        """The system has answered: whatever it said, it lives."""
        self._failures = 0
        self._tries_at = None
        self._trying = False

    def failed(self, *, trial: bool) -> None:
        """A call had no answer. One that began before the breaker opened says nothing new."""
        self._failures += 1
        if trial or (not self.is_open and self._failures >= self._after):
            self.open()

    def dropped(self, *, trial: bool) -> None:
        """The call was not made after all."""
        if trial:
            self._trying = False

    def open(self) -> None:
        """Opens, or stays open for another pause."""
        self._tries_at = self._clock.now() + self._pause
        self._trying = False
