"""Every error this program raises on purpose.

GasTownError                 anything below; has `safe`: what is safe and `remedy`: what to do
├── Refused                  the command was refused before anything was changed (exit 2)
├── ConvoyError              a convoy that cannot be staged
│   ├── DependencyCycle      its beads wait for each other; carries the path
│   └── PlanRefused          a change of a plan that makes no sense; says how to mend it
├── MoneyError               anything about the cap
│   ├── CapReached           the request would pass a cap; never sent
│   ├── NoReservation        a request without a durable reservation; never sent
│   ├── UnknownPrice         a model whose price nobody typed
│   └── TripwirePulled       a reply cost more than its bound: the fleet stops
├── StoreError               a durable record could not be written or read
│   ├── DiskFull             the disk is full; the change did not happen
│   └── DiskBroken           the disk does not read or write; the change did not happen
├── KeyringUnavailable       the keyring of the system is absent, locked or silent
├── GitError                 git answered something unexpected
│   ├── RefLocked            a ref stayed locked for longer than we wait
│   └── RemoteUnreachable    a remote did not answer
├── ModelError               the provider refused or the reply could not be used
│   └── ProviderClosed       it takes no request of this key until the user did something
├── SetupFailed              a working folder could not be prepared
├── ToolRefused              a tool call that is not allowed or cannot work; told to the model
└── Unusable                 a tree, path or file that this program cannot express
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class GasTownError(Exception):
    """Base of all errors raised on purpose.

    Args:
        message: what happened, one plain sentence.
        safe: what is safe, one plain sentence or empty.
        remedy: what to do now, one plain sentence or empty.
    """

    def __init__(self, message: str, *, safe: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.safe = safe
        self.remedy = remedy

    @property
    def whole(self) -> str:
        """What happened, what is safe and what to do, in one paragraph."""
        return " ".join(part for part in (str(self), self.safe, self.remedy) if part)


class Refused(GasTownError):
    """A command refused before anything was changed."""


class ConvoyError(GasTownError):
    """A convoy that cannot be staged."""


class DependencyCycle(ConvoyError):
    """Beads that wait for each other.

    Args:
        path: bead ids in order; the first is repeated at the end.
    """

    def __init__(self, path: Sequence[str]) -> None:
        super().__init__("These beads wait for each other: " + " → ".join(path))
        self.path = tuple(path)


class PlanRefused(ConvoyError):
    """A change of a plan that was not made; the text says what is wrong and how to mend it."""


class MoneyError(GasTownError):
    """Anything about the cap."""


class CapReached(MoneyError):
    """A request that would pass a cap; it was never sent.

    Args:
        scope: the scope whose cap is in the way.
        fits_later: true when it would fit once held reservations settle lower.
    """

    def __init__(self, message: str, *, scope: str, fits_later: bool) -> None:
        super().__init__(message)
        self.scope = scope
        self.fits_later = fits_later


class NoReservation(MoneyError):
    """A request that has no durable, unused reservation of exactly this body; it was never sent."""


class UnknownPrice(MoneyError):
    """A model whose price is not known; under a cap it cannot run until the user types one."""


class TripwirePulled(MoneyError):
    """A reply cost more than its bound: an assumption of the bound is wrong, so the fleet stops."""


class StoreError(GasTownError):
    """A durable record could not be written or read."""


class DiskFull(StoreError):
    """The disk is full; the change did not happen."""


class DiskBroken(StoreError):
    """The disk does not read or write; the change did not happen."""


class KeyringUnavailable(GasTownError):
    """The keyring of the system cannot be used now: it is absent, locked, or does not answer."""


class GitError(GasTownError):
    """Git answered something unexpected."""


class RefLocked(GitError):
    """A ref stayed locked for longer than we wait."""


class RemoteUnreachable(GitError):
    """A remote did not answer: no network, no such host, no access.

    Args:
        waiting_helps: false when it is surely not there a moment later either, as a folder that is missing.
    """

    def __init__(self, message: str, *, waiting_helps: bool = True) -> None:
        super().__init__(message)
        self.waiting_helps = waiting_helps


class ModelError(GasTownError):
    """The provider refused or the reply could not be used.

    Args:
        retry_after: seconds until another attempt makes sense, None when it never does.
        unbilled: true when the provider surely charged nothing (connection refused, 4xx, 429, 529).
        status: the HTTP status, None when there was none.
        closes: true when every further request would end the same until the user does something.
        safe: what is safe, one plain sentence or empty.
        remedy: what to do now, one plain sentence or empty.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        unbilled: bool = False,
        status: int | None = None,
        closes: bool = False,
        safe: str = "",
        remedy: str = "",
    ) -> None:
        super().__init__(message, safe=safe, remedy=remedy)
        self.retry_after = retry_after
        self.unbilled = unbilled
        self.status = status
        self.closes = closes


class ProviderClosed(ModelError):
    """The provider takes no request of this key: it expired, or the account has to be looked after."""


class DiskLow(ModelError):
    """So little disk is free that nothing is asked any more whose answer would have to be kept."""


class ToolRefused(GasTownError):
    """A tool call that is not allowed or cannot work; the text is told to the model."""


class Unusable(GasTownError):
    """A tree, path or file that this program cannot express."""


class SetupFailed(GasTownError):
    """A working folder could not be prepared: a setup command failed or took too long.

    Args:
        message: which command and how, with the last lines of its output.
    """
