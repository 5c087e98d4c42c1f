"""The engine as the pages see it: canned answers, and a list of what was asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from gastown_desktop.engine.api import EngineApi


class FakeEngineApi:
    """Answers every method of `EngineApi` with what was put in, None where nothing was."""

    def __init__(self, **answers: Any) -> None:
        """Knows these answers, by the method's name; an exception is raised, a function is called."""
        self.answers = answers
        self.calls: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or not hasattr(EngineApi, name):
            raise AttributeError(name)

        async def asked(*args: Any, **kwargs: Any) -> Any:
            self.calls.append((name, (*args, *kwargs.values())))
            answer = self.answers.get(name)
            if isinstance(answer, Exception):
                raise answer
            return answer(*args, **kwargs) if callable(answer) else answer

        return asked

    @property
    def port(self) -> EngineApi:
        """As the pages take it."""
        return cast("EngineApi", self)

    def asked(self, name: str) -> list[tuple[Any, ...]]:
        """Arguments of each call of a method."""
        return [args for called, args in self.calls if called == name]
