"""The line of requests that wait for room under the cap: the most urgent first, then who had most so far."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager


class Place:
    """A request's place in the line."""

    def __init__(self, line: WaitingLine, scopes: Collection[str], rank: tuple[int, int, int]) -> None:
        """Stands where `rank` says: urgency, what it had so far, number of arrival."""
        self._line = line
        self._scopes = scopes
        self.rank = rank
        self.waits_for = ""
        """The scope that has no room for it; empty while it was not looked at."""

    @property
    def is_first(self) -> bool:
        """Whether nobody goes before who wants room of a scope that this request wants room of."""
        return all(one.waits_for and one.waits_for not in self._scopes for one in self._line.before(self))

    async def news(self) -> None:
        """Waits until the ledger or the line moved."""
        await self._line.news.wait()


class WaitingLine:
    """Everybody who wants room.

    Who is first and does not fit keeps the others waiting: nobody is passed over for being large.
    """

    def __init__(self) -> None:
        """Nobody waits."""
        self._places: list[Place] = []
        self._arrivals = 0
        self.news = asyncio.Event()

    def before(self, place: Place) -> Sequence[Place]:
        """Those who go before."""
        return self._places[: self._places.index(place)]

    @contextmanager
    def place(self, scopes: Collection[str], urgency: int, had: int) -> Generator[Place, None, None]:
        """Stands in the line while in the block.

        Args:
            scopes: where room is wanted.
            urgency: the smallest goes first.
            had: nano-dollars that its bead was charged so far: the most advanced goes first, as the others
                would be left half done as well.
        """
        self._arrivals += 1
        place = Place(self, scopes, (urgency, -had, self._arrivals))
        self._places.append(place)
        self._places.sort(key=lambda one: one.rank)
        try:
            yield place
        finally:
            self._places.remove(place)
            self.tell()

    def tell(self) -> None:
        """Something moved: all look again."""
        news, self.news = self.news, asyncio.Event()
        news.set()
