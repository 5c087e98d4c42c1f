"""Effects, looked for on the ground and not in what the program says of itself."""

from __future__ import annotations

import re

from tests.hostile.repositories.ground import Ground

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")


def ran(ground: Ground) -> list[str]:
    """A planted program ran, something planted was written, or a listener was reached."""
    return [*ground.planted(), *ground.traps.caught]


def noticed(ground: Ground) -> list[str]:
    """What the actions noticed themselves: waiting for ever, too much memory."""
    return list(ground.noticed)


def heard(ground: Ground) -> list[str]:
    """A secret, or the word that stands for success, came to somebody who must not have it."""
    words = (ground.secret, ground.reached)
    return [f"{word} was heard: {text[:300]!r}" for text in ground.heard for word in words if word in text]


def escapes(ground: Ground) -> list[str]:
    """Control, escape or direction characters came to a terminal."""
    found = [(_UNPRINTABLE.search(text), text) for text in ground.said]
    return [
        f"{bad[0]!r} was printed: {text[max(0, bad.start() - 60) : bad.end() + 20]!r}"
        for bad, text in found
        if bad
    ]


def outside_changed(ground: Ground) -> list[str]:
    """Files of the user, of the remote or of another repository are not as they were."""
    return ground.differences()


def harm(ground: Ground) -> list[str]:
    """What no case may ever leave: it is looked for after each way through the program."""
    return [*ran(ground), *noticed(ground), *ground.differences(), *ground.processes()]
