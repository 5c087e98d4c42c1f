"""What the window costs with thirty workers at full pace, beside an empty window on the same machine.

    python -m tests.benchmarks.window_cost [--seconds 60] [--agents 30] [--starts 5]

Every worker streams 50 deltas a second; every six seconds each ends a turn, whose snapshot and hook the
engine writes with git. Beside it, what the window takes while the user has all workers paused. Lateness is
what a 16 ms precise timer of the GUI thread comes after its time. The screen is Qt's offscreen one unless
QT_QPA_PLATFORM says otherwise. Exits with 1 where a limit is not kept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_TIMER_MS = 16
_WARM_UP_S = 10
_DELTAS_S = 50
_TURN_S = 6.0
LIMITS = {
    "pump tick p95, ms": 8.0,
    "timer late p99, ms": 12.0,
    "timer late p99.9, ms": 50.0,
    "memory, MB": 350.0,
    "memory growth, MB/min": 5.0,
    "first paint, s": 1.2,
    "usable, s": 2.0,
    "CPU while paused, % of a core": 1.0,
}


# --- in the window's process ----------------------------------------------------------------------


class Meters:
    """Lateness of a timer and memory of this process, over a run."""

    def __init__(self, seconds: float) -> None:
        from PySide6.QtCore import Qt, QTimer

        self.late_ms: list[float] = []
        self.memory: list[tuple[float, float]] = []
        self.cpu = time.process_time()
        self._seconds = seconds
        self._last = time.perf_counter()
        self._timer, self._each_second = QTimer(), QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._each_second.timeout.connect(self._look)

    def start(self) -> None:
        """Starts to measure."""
        self._begun = self._last = time.perf_counter()
        self.cpu = time.process_time()
        self._timer.start(_TIMER_MS)
        self._each_second.start(1_000)

    def stop(self) -> dict[str, float]:
        """Ends; answers the figures."""
        self._timer.stop()
        self._each_second.stop()
        elapsed = time.perf_counter() - self._begun
        return {
            "timer late p99, ms": percentile(self.late_ms, 0.99),
            "timer late p99.9, ms": percentile(self.late_ms, 0.999),
            "timer late at most, ms": max(self.late_ms),
            "memory, MB": max(megabytes for _, megabytes in self.memory),
            "memory growth, MB/min": 60 * slope(self.memory),
            "CPU, % of a core": 100 * (time.process_time() - self.cpu) / elapsed,
        }

    def _tick(self) -> None:
        now = time.perf_counter()
        self.late_ms.append(max(0.0, 1_000 * (now - self._last) - _TIMER_MS))
        self._last = now

    def _look(self) -> None:
        import psutil

        second = time.perf_counter() - self._begun
        if second >= min(_WARM_UP_S, self._seconds / 2):
            self.memory.append((second, psutil.Process().memory_info().rss / 1e6))


class Share:
    """Processor time of this process over a run in which nothing else is measured."""

    def start(self) -> None:
        """Starts to measure."""
        self._begun, self._cpu = time.perf_counter(), time.process_time()

    def stop(self) -> dict[str, float]:
        """Ends; answers the figure."""
        share = (time.process_time() - self._cpu) / (time.perf_counter() - self._begun)
        return {"CPU while paused, % of a core": 100 * share}


def run_empty(seconds: float) -> dict[str, float]:
    """An empty window."""
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication, QMainWindow

    app = QApplication(["empty"])
    window = QMainWindow()
    window.resize(1280, 800)
    window.show()
    meters = Meters(seconds)
    QTimer.singleShot(0, meters.start)
    QTimer.singleShot(int(1_000 * seconds), lambda: app.exit(0))
    app.exec()
    return meters.stop()


def run_fleet(seconds: float, agents: int, *, paused: bool = False) -> dict[str, float]:
    """The fleet's page with all workers at full pace, or all paused."""
    import qasync
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from gastown_desktop.adapters.system_clock import SystemClock
    from gastown_desktop.bridge.engine_thread import EngineThread
    from gastown_desktop.bridge.event_pump import EventPump
    from gastown_desktop.bridge.garbage import GarbageTimer
    from gastown_desktop.bridge.town_view import TownView
    from gastown_desktop.ui.main_window import MainWindow
    from gastown_desktop.ui.theme.theme import theme
    from tests.benchmarks.window_load import Load, open_rig

    ticks_ms: list[float] = []

    class MeasuredPump(EventPump):
        """Notes how long each tick takes, what the screens do in it included."""

        def tick(self) -> None:
            begun = time.perf_counter()
            super().tick()
            ticks_ms.append(1_000 * (time.perf_counter() - begun))

    app = QApplication(["fleet"])
    theme.apply(app, "light")
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    garbage, view = GarbageTimer(), TownView()
    pump = MeasuredPump(view, SystemClock().now)
    loads: list[Load] = []
    with tempfile.TemporaryDirectory(prefix="window-cost-") as scratch:

        async def make() -> Load:
            pace = {"deltas_s": _DELTAS_S, "turn_s": _TURN_S}
            loads.append(Load(pump.put, Path(scratch), agents=agents, paused=paused, **pace))
            return await loads[0].start()

        engine = EngineThread(make)
        window = MainWindow(view, pump, engine.api, SystemClock().now)
        window.show_rig(open_rig(Path(scratch)))
        window.show()
        meters = Share() if paused else Meters(seconds)
        engine.start()
        begun: list[float] = []

        def begin() -> None:
            if begun or len(view.workers()) < agents:
                return
            begun.append(loads[0].deltas)
            ticks_ms.clear()
            settle_ms = 3_000 if paused else 0
            QTimer.singleShot(settle_ms, meters.start)
            QTimer.singleShot(settle_ms + int(1_000 * seconds), lambda: app.exit(0))

        pump.changed.connect(lambda _: begin())
        with loop:
            loop.run_forever()
            figures = meters.stop()
            deltas = loads[0].deltas - begun[0]
            pump.stop()
            assert engine.stop(20)
            garbage.stop()
            shown = window.frame.shown
            window.dispose()
    assert shown == "fleet", f"the page {shown} was shown, which is not what is to be measured"
    if paused:
        return figures
    return {
        "pump tick p95, ms": percentile(ticks_ms, 0.95),
        "pump tick at most, ms": max(ticks_ms),
        **figures,
        "deltas a second": deltas / seconds,
        "turns kept by git": loads[0].turns,
    }


# --- figures --------------------------------------------------------------------------------------


def percentile(values: list[float], part: float) -> float:
    """The value that `part` of all do not pass."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def slope(points: list[tuple[float, float]]) -> float:
    """The least-squares slope; 0 for fewer than two points."""
    if len(points) < 2:
        return 0.0
    x0 = sum(x for x, _ in points) / len(points)
    y0 = sum(y for _, y in points) / len(points)
    return sum((x - x0) * (y - y0) for x, y in points) / sum((x - x0) ** 2 for x, _ in points)


# --- the two processes, and starts of the program -------------------------------------------------


def measured(role: str, given: argparse.Namespace) -> dict[str, float]:
    """Runs one role in a process of its own."""
    command = [sys.executable, "-m", __spec__.name, "--role", role]
    command += ["--seconds", str(given.seconds), "--agents", str(given.agents)]
    done = subprocess.run(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def environment() -> dict[str, str]:
    """This process' own, offscreen where nothing else is said."""
    return {"QT_QPA_PLATFORM": "offscreen", **os.environ}


def starts(count: int) -> dict[str, float]:
    """Warm starts of the program, from the start of its process: the median of each time."""
    found: dict[str, list[float]] = {"painted": [], "usable": []}
    with tempfile.TemporaryDirectory(prefix="window-start-") as data:
        for _ in range(count + 1):
            for name, second in _one_start(data).items():
                found[name].append(second)
    return {
        "first paint, s": percentile(found["painted"][1:], 0.5),
        "usable, s": percentile(found["usable"][1:], 0.5),
    }


def _one_start(data: str) -> dict[str, float]:
    """Seconds from the start of the process until the window says that it was painted, and usable."""
    command = [sys.executable, "-m", "gastown_desktop", "--data-dir", data, "--measure-start"]
    begun = time.monotonic()
    seconds: dict[str, float] = {}
    with subprocess.Popen(command, cwd=ROOT, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if said := re.match(r"(painted|usable)\b", line):
                seconds[said[1]] = time.monotonic() - begun
            if len(seconds) == 2:
                break
        process.terminate()
        process.communicate()
    if len(seconds) < 2:
        raise SystemExit("the program did not say when it was painted and usable")
    return seconds


def report(fleet: dict[str, float], empty: dict[str, float]) -> bool:
    """Prints the table; tells whether every limit is kept."""
    kept = True
    print(f"{'':28}{'fleet':>10}{'empty':>10}{'limit':>10}")
    for name, value in fleet.items():
        limit = LIMITS.get(name)
        late = limit is not None and value > limit
        kept = kept and not late
        beside = f"{empty[name]:10.1f}" if name in empty else " " * 10
        told = "" if limit is None else f"{limit:10.1f}"
        print(f"{name:28}{value:10.2f}{beside}{told}{'  MISSED' if late else ''}")
    return kept


def main() -> None:
    """Measures and prints, or plays one role."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--agents", type=int, default=30)
    parser.add_argument("--starts", type=int, default=5, help="warm starts of the program; 0 for none")
    parser.add_argument("--role", choices=("empty", "fleet", "paused"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.role:
        if given.role == "empty":
            figures = run_empty(given.seconds)
        else:
            figures = run_fleet(given.seconds, given.agents, paused=given.role == "paused")
        print(json.dumps(figures))
        return
    empty = measured("empty", given)
    fleet = measured("fleet", given) | measured("paused", given)
    if given.starts:
        fleet |= starts(given.starts)
    if not report(fleet, empty):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
