"""Findings about texts: collected all at once, each with its place and its mend."""

from collections.abc import Iterable, Iterator

from engine.base.where import Problem, Where, did_you_mean


class Problems:
    """A list of findings that grows while the texts are read; `say` prints them in file order."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def add(self, where: Where, what: str, hint: str = "") -> None:
        """Notes a finding; the same one is kept once."""
        problem = Problem(where, what, hint)
        if problem not in self._found:
            self._found.append(problem)

    def unknown(self, where: Where, what: str, word: str, known: Iterable[str]) -> None:
        """Notes a word that nobody knows, with the nearest known one as the hint."""
        self.add(where, f"{what} {word!r} is not known", did_you_mean(word, known))

    def __iter__(self) -> Iterator[Problem]:
        return iter(sorted(self._found))

    def __len__(self) -> int:
        return len(self._found)

    def __bool__(self) -> bool:
        return bool(self._found)


class TextsRefused(Exception):
    """Texts that cannot be used: raised once, with every finding."""

    def __init__(self, problems: Problems) -> None:
        super().__init__(f"{len(problems)} findings")
        self.problems = problems
