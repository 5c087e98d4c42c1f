"""`--stay`: the process holds its repository after the work, does nothing, and takes lines of its user.

Between two commands no convoy is open: no ledger, no client of a model, no history, so that nothing can be
asked of a model. Only the rig's lock is held, and one thread waits for a line.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any

from gastown_desktop.adapters.git.town import refresh
from gastown_desktop.adapters.git.user_repository import fingerprint
from gastown_desktop.adapters.settings_file import read_settings
from gastown_desktop.cli.asking import ask_line
from gastown_desktop.cli.inbox import answerable, answered_words, write_answer
from gastown_desktop.cli.lines import Lines
from gastown_desktop.cli.progress import open_progress
from gastown_desktop.cli.running import show
from gastown_desktop.cli.status import status_words
from gastown_desktop.cli.work import land_it, opened, work_on
from gastown_desktop.core import events as ev
from gastown_desktop.core.away import Away
from gastown_desktop.core.errors import GasTownError, Refused
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.money import exact_usd, show_usd, usd
from gastown_desktop.core.plain_text import printable
from gastown_desktop.core.plan import OPEN_STAGES
from gastown_desktop.core.projection import Projection
from gastown_desktop.core.wording import plural
from gastown_desktop.engine import holding
from gastown_desktop.engine.git_ports import GitObjects
from gastown_desktop.engine.work import StoredWork
from gastown_desktop.wiring.access import ModelAccess
from gastown_desktop.wiring.histories import history_of
from gastown_desktop.wiring.preparing import with_setup_read_again
from gastown_desktop.wiring.troubles import trouble_of
from gastown_desktop.wiring.working import Working, WorkRequest, find_start, prepare_work
from gastown_desktop.wiring.workplace import Workplace

_log = logging.getLogger(__name__)

_PAUSED = "workers stand still at the end of their turn, merges go on"
"""What a pause of a convoy at work comes to."""
_HELP = """goal TEXT          plan and do something else, with what is left of the limit
answer ITEM TEXT   answer what waits for you
cap USD            set the limit of all convoys of this stay
land               bring what is merged onto its branch
pause              let workers stand still at the end of their turn; merges go on
go                 go on with what is paused
status             where it stands
quit               end"""


class Stay:
    """What a process does beside its work and after it; without `--stay` nothing.

    Its limit holds for all convoys together: each has what the others left.
    """

    def __init__(
        self,
        given: argparse.Namespace,
        workplace: Workplace,
        objects: GitObjects,
        access: ModelAccess,
        *,
        total: int,
    ) -> None:
        """Begins to listen, where the process is to stay.

        Args:
            given: what was asked for: `stay`, `yes`, `land`, how to print.
            workplace: the rig, entered.
            objects: its repository.
            access: the way to the model.
            total: the limit of all convoys together, in nano-dollars.
        """
        self._given = given
        self._workplace = workplace
        self._objects = objects
        self._access = access
        self._total = total
        self._spent: dict[ConvoyId, int] = {}
        """Nano-dollars that convoys have committed."""
        self._spent_away: dict[ConvoyId, int] = {}
        """The same, while the user was away."""
        self._away: Away | None = None
        self._work: StoredWork | None = None
        """The newest convoy."""
        self._run: Working | None = None
        """The same while it works."""
        self._question: asyncio.Future[str] | None = None
        self._code = 0
        self._over = False
        self._busy = True
        self._lines = Lines()
        self._command = asyncio.current_task()
        """What the process was started for."""
        if given.stay:
            self._lines.start()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._terminated)

    # --- beside the work ---

    async def ask(self, question: str) -> str:
        """Asks the user, who types at a terminal."""
        if not self._given.stay:
            return await ask_line(question)
        _say(question)
        self._question = asyncio.get_running_loop().create_future()
        try:
            return await self._question
        finally:
            self._question = None

    async def beside(self, run: Working, work: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
        """Does some work and heeds lines meanwhile; returns what the work came to."""
        if not self._given.stay:
            return await work
        self._run = run
        heeding = asyncio.ensure_future(self._heed())
        try:
            return await work
        finally:
            heeding.cancel()
            with suppress(asyncio.CancelledError):
                await heeding
            self._run = None
            self._remember(run)

    async def _heed(self) -> None:
        while True:
            line = await self._lines.next()
            if self._question is not None and not self._question.done():
                self._question.set_result(line)
            else:
                await self._obey_in_any_case(line)

    async def _obey_in_any_case(self, line: str) -> None:
        """Does what a line says; a defect of the program ends that line alone: later ones are heard."""
        try:
            await self._obey(line)
        except Exception as error:  # noqa: BLE001 - a line beside the work: logged, and told to the user
            _log.exception("a line was not obeyed")
            _say(f"The program met a defect of its own ({type(error).__name__}); the log says more.")

    def _remember(self, run: Working) -> None:
        """Keeps what a convoy came to when its ledger is closed."""
        gate, scope = run.town.gate, run.town.kit.scopes[0]
        self._work = run.stored
        self._spent[run.convoy] = gate.ledger.totals(scope).committed
        away = run.settings.unattended
        if away is not None:
            self._away = self._away or away
            self._spent_away[run.convoy] = away.spent(gate.records, scope)

    # --- after the work ---

    async def idle(self, code: int) -> int:
        """Waits for lines and does what they say until the user ends it.

        Args:
            code: the exit code of the work before.

        Returns:
            The exit code of the last work.
        """
        self._code = code
        self._busy = False
        if self._given.stay:
            _say("Nothing goes on; say `help`, or what comes next.")
        while self._given.stay and not self._over:
            line = await self._lines.next()
            if not self._over:
                await self._obey(line)
        return self._code

    async def _obey(self, line: str) -> None:
        """Does what a line says; what cannot be done is said in a sentence."""
        command, _, rest = line.strip().partition(" ")
        try:
            await self._does(command)(rest.strip())
        except (GasTownError, OSError, BaseExceptionGroup) as error:
            trouble = trouble_of(error)
            if trouble is None:
                raise
            _say(trouble.whole)

    def _does(self, command: str) -> Callable[[str], Awaitable[None]]:
        """What a command does.

        Raises:
            Refused: there is no such command, or not while a convoy works.
        """
        always = {
            "": self._nothing,
            "answer": self._answer,
            "cap": self._cap,
            "pause": self._pause,
            "status": self._status,
            "help": self._help,
            "quit": self._end,
        }
        at_rest = {"goal": self._goal, "go": self._go, "land": self._land}
        if command == "go" and self._run is not None and self._run.town.kit.holding.everything:
            return self._go_on
        if command in at_rest and self._run is not None:
            raise Refused(
                f"`{command}` is for later: the convoy works.",
                remedy="Wait until it rests, or `quit`.",
            )
        if command in at_rest:
            return self._as_work(at_rest[command])
        if command not in always:
            raise Refused(f"There is no command `{command}`.", remedy="Say `help` for what there is.")
        return always[command]

    def _as_work(self, command: Callable[[str], Awaitable[None]]) -> Callable[[str], Awaitable[None]]:
        """A command that is work from its first moment, when it only prepares: an end cuts it short."""

        async def do(rest: str) -> None:
            self._busy = True
            try:
                await command(rest)
            finally:
                self._busy = False

        return do

    async def _nothing(self, _: str) -> None:
        """An empty line."""

    async def _help(self, _: str) -> None:
        _say(_HELP)

    async def _end(self, _: str) -> None:
        self._quit()

    def _terminated(self) -> None:
        """Ends it in order; a second SIGTERM kills."""
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
        self._quit()

    def _quit(self) -> None:
        """Ends an idle process in order, and one that works as Ctrl+C does."""
        if self._busy and not self._over and self._command is not None:
            self._command.cancel()
        self._over = True
        self._lines.wake()

    async def _status(self, _: str) -> None:
        state = self._state()
        lines = [status_words(state)] if state.convoy else []
        spent = self._spent | ({self._run.convoy: self._committed(self._run)} if self._run else {})
        lines.append(
            f"{show_usd(sum(spent.values()))} of {exact_usd(self._total)} is spent or held"
            f" on {plural(len(spent), 'convoy')}"
        )
        if self._run is not None and (away := self._run.away_words()):
            lines.append(away)
        _say("\n".join(lines))

    async def _answer(self, text: str) -> None:
        item, _, words = text.partition(" ")
        if not words.strip():
            raise Refused("An answer needs an item and a text.", remedy="answer ITEM TEXT")
        need = answerable(self._state(), item, self._given.repo)
        if self._run is not None:
            kit = self._run.town.kit
            await kit.bus.publish(ev.NeedAnswered(**kit.where, item=need.item, answer=words.strip()))
            _say(answered_words(len(kit.bus.state.needs_you)))
            return
        convoy = self._newest().convoy
        left = await write_answer(self._workplace, convoy, need.item, words.strip())
        _say(f"{answered_words(left)} Go on with: go")

    async def _cap(self, text: str) -> None:
        try:
            self._total = usd(text)
        except ValueError as error:
            raise Refused(f"{error}.", remedy="cap 20") from None
        _say(f"The limit of all convoys of this stay is {exact_usd(self._total)}.")
        if self._run is not None:
            await self._run.change(cap=self._cap_of(self._run.convoy))
            town = self._run.at_work
            if await self._run.raised_caps() and town is not None:
                await town.cap_raised()

    async def _pause(self, _: str) -> None:
        if self._run is None:
            raise Refused("Nothing works, so there is nothing to pause.")
        await holding.pause_all(self._run.town.kit)
        plans = self._state().stage in OPEN_STAGES
        meanwhile = "the plan is finished, no worker starts" if plans else _PAUSED
        _say(f"Paused: {meanwhile}. Go on with: go")

    async def _go_on(self, _: str) -> None:
        """Lets those go on who work in this very moment, and are paused."""
        assert self._run is not None
        await holding.resume_all(self._run.town.kit)
        _say("Everybody goes on.")

    async def _go(self, _: str) -> None:
        state = self._state()
        if state.stage == "landed":
            raise Refused("It has landed; nothing is left to go on with.", remedy="Say: goal TEXT")
        if state.stage == "ready_to_land":
            raise Refused("Everything is merged; nothing is left to go on with.", remedy="Say: land")
        renewed = await with_setup_read_again(
            *(self._workplace, self._objects, self._newest(), state),
            hosts=read_settings(self._workplace.settings_file).setup_hosts,
            say=_say,
        )
        assert isinstance(renewed, StoredWork)
        await self._do(renewed)

    async def _land(self, _: str) -> None:
        state = self._state()
        if state.stage != "ready_to_land":
            left = len(state.works()) - len(state.merged())
            raise Refused(
                "It has landed already." if state.stage == "landed" else f"{left} beads are not merged.",
                safe="Nothing was changed.",
            )
        await self._do(self._newest(), lands=True)

    async def _goal(self, text: str) -> None:
        """A new convoy like the newest one, on the target as it is now."""
        if not text:
            raise Refused("There is nothing to do.", remedy="Say: goal TEXT")
        left = self._total - sum(self._spent.values())
        if left <= 0:
            raise Refused(f"Nothing is left of {exact_usd(self._total)}.", remedy="Say: cap USD")
        place, newest = self._workplace, self._newest()
        await refresh(place.git, place.rig.town_git, place.facts.git_dir)
        settings = replace(
            newest.settings,
            cap=left,
            pilot="no" if newest.settings.pilot == "no" else "first",
            unattended=self._away_now(),
        )
        start = await find_start(place, self._objects, newest.target.removeprefix("refs/heads/"))
        request = WorkRequest(goal=text, start=start, settings=settings)
        await self._do(await prepare_work(place, self._objects, request))

    # --- convoys ---

    async def _do(self, work: StoredWork, *, lands: bool = False) -> None:
        """Works on a convoy or lands it and shows the result; nothing is begun once the process is to end."""
        if self._over:
            return
        place = self._workplace
        given = argparse.Namespace(**{**vars(self._given), "acknowledge": False})  # said once, of one reply
        with open_progress(given) as progress:
            before = await fingerprint(place.git, place.facts)
            cap = self._cap_of(work.convoy)
            async with opened(place, self._objects, work, self._access, progress, before, cap=cap) as opening:
                run, hooks = opening
                if self._over:
                    return
                doing = (
                    land_it(run, progress)
                    if lands
                    else work_on(given, run, hooks, progress, plan_only=False, ask=self.ask)
                )
                result = await self.beside(run, doing)
        self._code = show(given, result)

    def _cap_of(self, convoy: ConvoyId) -> int:
        """What a convoy may cost in all, in nano-dollars: what the others left."""
        others = sum(spent for other, spent in self._spent.items() if other != convoy)
        return max(0, self._total - others)

    def _away_now(self) -> Away | None:
        """How long the user is still away, with what is left of the sum for that time."""
        away = self._away
        if away is None or not away.lasts(self._workplace.clock.now()):
            return None
        if away.at_most is None:
            return away
        return replace(away, at_most=max(0, away.at_most - sum(self._spent_away.values())), spent_before=0)

    def _newest(self) -> StoredWork:
        if self._work is None:
            raise Refused("There is no convoy yet.")
        return self._work

    def _state(self) -> Projection:
        """Where the newest convoy stands."""
        if self._run is not None:
            return self._run.town.kit.bus.state
        return history_of(self._workplace, self._newest().convoy)

    @staticmethod
    def _committed(run: Working) -> int:
        return run.town.gate.ledger.totals(run.town.kit.scopes[0]).committed


def _say(text: str) -> None:
    """Words go to standard error: standard output has results and events alone.

    Where nobody reads them any more, they are lost, and nothing else.
    """
    with suppress(OSError):
        print(printable(text), file=sys.stderr, flush=True)
