"""Commands of a worker that want out of their sandbox; the control is the same with the user's rights."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gastown_desktop.adapters.sandbox import Limits, Unconfined, find_sandbox
from gastown_desktop.engine.process_ports import CommandResult, Confinement
from tests.hostile.repositories.case import Act, Case
from tests.hostile.repositories.ground import PYTHON, Ground, Rig
from tests.hostile.repositories.oracle import heard, noticed, outside_changed, ran

_ENDED = "ended-$((40+2))"
_PYTHON_TCP = (
    "import socket; s = socket.create_connection(('@HOST@', @PORT@), 2); s.send(b'x'); print('@REACHED@')"
)
_SETUP = (
    "ip link set lo up && ip addr add 169.254.169.254/32 dev lo || exit 99; "
    '@PYTHON@ -c "$LISTENER" & listener=$!; sleep 0.5; "$@"; code=$?; kill $listener; exit $code'
)
_LISTENER = (
    "import socket\n"
    "server = socket.create_server(('169.254.169.254', 80))\n"
    "server.accept()\n"
    "open('@CANARY@', 'w').write('somebody asked')\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A command and the limits that it runs under."""

    command: str
    limits: Limits | None = None
    timeout_s: float = 30.0
    ends: bool = True
    """Whether it is to come to its end inside, which shows that it was tried."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


def _filled(ground: Ground, text: str) -> str:
    places = {
        "@REACHED@": ground.reached,
        "@BYSTANDER@": str(ground.notes.get("bystander") and ground.notes["bystander"].pid),
        "@CANARY@": str(ground.canary),
        "@TOWN@": str(ground.data / "rigs" / "rig" / "town.git"),
    }
    for name, value in places.items():
        text = text.replace(name, value)
    return ground.fill_in(text)


async def _run(ground: Ground, rig: Rig, attempt: Attempt, *, confined: bool) -> CommandResult:
    scratch, environment = (
        ground.data / "scratch",
        {"PATH": os.environ["PATH"], "ANTHROPIC_API_KEY": ground.key},
    )
    slot = await rig.slot()
    await rig.slot("Slit")
    (ground.slots / "Slit" / "secret.txt").write_text(f"{ground.secret}\n")
    if confined:
        sandbox = await find_sandbox(
            rig.launcher,
            home=ground.home,
            town_objects=rig.town / "objects",
            scratch=scratch,
            limits=attempt.limits,
            environment=environment,
        )
        assert sandbox.confined, getattr(sandbox, "reason", "")
        confinement = Confinement(slot=slot.folder, seen_at=ground.project, environment=attempt.environment)
    else:
        sandbox = Unconfined(rig.launcher, scratch, environment=environment, home=ground.home)
        confinement = Confinement(slot=slot.folder, seen_at=slot.folder)
    command = _filled(ground, attempt.command)
    return await sandbox.run(f"{command}\necho {_ENDED}", confinement, timeout_s=attempt.timeout_s)


def _inside(attempt: Attempt) -> Act:
    async def act(ground: Ground) -> None:
        async with ground.rig() as rig:
            result = await _run(ground, rig, attempt, confined=True)
        text = result.output.decode("utf-8", "replace")
        ground.heard.append(text)
        ground.notes["result"] = result
        assert not attempt.ends or "ended-42" in text, text

    return act


def _outside(attempt: Attempt) -> Act:
    async def act(ground: Ground) -> None:
        async with ground.rig() as rig:
            result = await _run(ground, rig, attempt, confined=False)
        ground.heard.append(result.output.decode("utf-8", "replace"))

    return act


def _case(
    name: str,
    wish: str,
    command: str,
    look: Callable[[Ground], list[str]] = ran,
    plant: Callable[[Ground], None] = lambda ground: ground.history(),
    **given: object,
) -> Case:
    attempt = Attempt(command=command, **given)  # type: ignore[arg-type]
    return Case(
        name=name,
        wish=wish,
        plant=plant,
        control=_outside(attempt),
        program=_inside(attempt),
        look=look,
        needs=("bwrap",),
    )


def _with_bystander(ground: Ground) -> None:
    ground.history()
    ground.bystander()


def _bystander_gone(ground: Ground) -> list[str]:
    process = ground.notes["bystander"]
    return ["a process of the user's was killed"] if process.poll() is not None else []


def _main_moved(ground: Ground) -> list[str]:
    """A branch of town.git, or of the user's, is not where it was."""
    args = ("git", "-c", "safe.directory=*", f"--git-dir={ground.data}/rigs/rig/town.git", "for-each-ref")
    done = subprocess.run(args, capture_output=True, text=True, check=True)
    found = [line for line in done.stdout.splitlines() if "refs/gastown/source/" not in line]
    return [*(f"town.git has {line}" for line in found), *outside_changed(ground)]


def _objects_gone(ground: Ground) -> list[str]:
    objects = ground.data / "rigs" / "rig" / "town.git" / "objects"
    return [] if any(objects.glob("*/*")) else ["the objects of town.git are gone"]


# --- limits: the control is a command that nobody watches ---


def _unwatched(command: str, judge: Callable[[Ground, subprocess.CompletedProcess[bytes]], None]) -> Act:
    def act(ground: Ground) -> None:
        done = subprocess.run(
            ["sh", "-c", _filled(ground, command)],
            env={"PATH": os.environ["PATH"], "HOME": str(ground.home)},
            cwd=ground.outside,
            capture_output=True,
            timeout=60,
            check=False,
        )
        judge(ground, done)

    return act


def _limited(name: str, wish: str, command: str, judge, attempt: Attempt, judged) -> Case:
    inside = _inside(attempt)

    async def program(ground: Ground) -> None:
        done = inside(ground)
        assert done is not None
        await done
        judged(ground, ground.notes["result"])

    return Case(
        name=name,
        wish=wish,
        plant=lambda ground: ground.history(),
        control=_unwatched(command, judge),
        program=program,
        look=noticed,
        needs=("bwrap",),
    )


def _sleepers(ground: Ground) -> int:
    found = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found += (
                f"HOME={ground.home}".encode() in (folder / "environ").read_bytes()
                and b"sleep" in (folder / "cmdline").read_bytes()
            )
        except OSError:
            continue
    return found


def _judge_bomb(ground: Ground, _: object) -> None:
    count = _sleepers(ground)
    subprocess.run(["sh", "-c", f"kill -9 $(cat {ground.outside}/pids)"], capture_output=True, check=False)
    (ground.outside / "pids").unlink()
    if count > 100:
        ground.noticed.append(f"{count} processes live")


def _judged_bomb(ground: Ground, result: CommandResult) -> None:
    assert b"more than 64 processes" in result.output, result.output
    if result.elapsed_s > 2:
        ground.noticed.append(f"it took {result.elapsed_s:.1f} s to stop it")


def _judge_done(ground: Ground, done: subprocess.CompletedProcess[bytes]) -> None:
    if b"finished" in done.stdout:
        ground.noticed.append("it took what it wanted")


def _judged_memory(ground: Ground, result: CommandResult) -> None:
    if b"finished" in result.output:
        ground.noticed.append(f"it took what it wanted: {result.output[-200:]!r}")
    else:
        assert b"more than 96 MB of memory" in result.output, result.output


def _judge_flood(ground: Ground, done: subprocess.CompletedProcess[bytes]) -> None:
    if len(done.stdout) > 10_000_000:
        ground.noticed.append(f"{len(done.stdout)} bytes came out")


def _judged_flood(ground: Ground, result: CommandResult) -> None:
    if len(result.output) > 40_000:
        ground.noticed.append(f"{len(result.output)} bytes came out")


def _judge_left(ground: Ground, _: object) -> None:
    if _sleepers(ground):
        ground.noticed.append("a process stays")
    subprocess.run(["sh", "-c", f"kill -9 $(cat {ground.outside}/pids)"], capture_output=True, check=False)
    (ground.outside / "pids").unlink()


_BOMB = "i=0; while [ $i -lt 200 ]; do sleep 60 >/dev/null 2>&1 & echo $! >> pids; i=$((i+1)); done"
_ENDLESS_BOMB = "while :; do sleep 60 & done"
_HOG = "python3 -c \"x = b'x' * (300 << 20); import time; time.sleep(1.5); print('finished')\""
_FILL = "for at in {}; do head -c 40000000 /dev/zero > $at/planted-fill; done; sleep 1.5; echo finished"
_FLOOD = "head -c 30000000 /dev/zero | tr '\\0' x"
_QUIET = ">/dev/null 2>&1 & echo $! >> pids"
_LEFT = f"(setsid sleep 50 {_QUIET}); (trap '' TERM HUP; sleep 50 {_QUIET})"
_SMALL = Limits(memory=96 << 20, interval_s=0.1)


# --- things that need more than a command ---


def _venv_that_is_a_link(ground: Ground) -> None:
    ground.history()
    (ground.project / ".venv").symlink_to("..")


async def _binds_what_it_finds(ground: Ground) -> None:
    """Bubblewrap with the environment bound as its path says."""
    venv = ground.project / ".venv"
    ground.shell(
        *("bwrap", "--unshare-all", "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin"),
        *("--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--tmpfs", "/tmp"),
        *("--dir", str(ground.project), "--ro-bind", str(venv), f"{ground.project}/.venv"),
        *("cat", f"{ground.project}/.venv/user/home/.netrc"),
        cwd=Path("/"),
    )


async def _binds_by_the_program(ground: Ground) -> None:
    from gastown_desktop.wiring.town_parts import confinement_of

    async with ground.rig() as rig:
        sandbox = await find_sandbox(
            rig.launcher, home=ground.home, town_objects=rig.town / "objects", scratch=ground.data / "scratch"
        )
        assert sandbox.confined
        slot = await rig.slot()
        command = f"cat .venv/user/home/.netrc {ground.home}/.netrc; ls -A .venv; echo {_ENDED}"
        result = await sandbox.run(command, confinement_of(ground.project, sandbox)(slot), timeout_s=30)
    ground.heard.append(result.output.decode("utf-8", "replace"))
    assert "ended-42" in ground.heard[-1]


def _metadata_prefix(ground: Ground) -> tuple[str, ...]:
    """A network of its own, in which somebody listens at that address."""
    listener = _LISTENER.replace("@CANARY@", str(ground.canary))
    setup = _SETUP.replace("@PYTHON@", PYTHON)
    return ("env", f"LISTENER={listener}", "unshare", "-n", "sh", "-c", setup, "sh")


def _asks_for_metadata(ground: Ground) -> None:
    script = _PYTHON_TCP.replace("@HOST@", "169.254.169.254").replace("@PORT@", "80")
    ground.shell(*_metadata_prefix(ground), PYTHON, "-c", _filled(ground, script))


def _gate_asks_for_metadata(ground: Ground) -> None:
    script = _filled(ground, _PYTHON_TCP.replace("@HOST@", "169.254.169.254").replace("@PORT@", "80"))
    gate = f'python3 -c "{script}" || true; touch tried; test -f a.txt'
    done = ground.command(
        *("rehearse", ground.project, "--gate", gate, "--trust", "--last", "2", "--polecats", "1", "--json"),
        prefix=_metadata_prefix(ground),
    )
    assert done.code in {0, 1}, done
    assert '"green"' in done.out or "green" in done.err, done


CASES = (
    _case(
        "write-outside",
        "write where the user's files are",
        "for at in @HOME@ @OUTSIDE@ @DATA@ @PROJECT@/.. ; do echo x > $at/planted-@TOKEN@.txt; done",
    ),
    _case(
        "change-the-checkout",
        "change the user's files and delete others",
        "echo x >> @PROJECT@/a.txt; rm -rf @OUTSIDE@/keep.txt; echo x >> @HOME@/.bashrc",
        outside_changed,
    ),
    _case(
        "read-the-home",
        "read passwords",
        "cat @HOME@/.netrc @HOME@/.ssh/id_ed25519 @HOME@/.aws/credentials",
        heard,
    ),
    _case("read-another-copy", "read what another worker works on", "cat @SLOTS@/Slit/secret.txt", heard),
    _case(
        "environment",
        "read the variables of the program",
        "env; cat /proc/$PPID/environ | tr '\\0' '\\n'; cat /proc/@BYSTANDER@/environ | tr '\\0' '\\n'",
        heard,
        _with_bystander,
    ),
    _case(
        "trace",
        "take over a process of the user's",
        'python3 -c "import ctypes, os; libc = ctypes.CDLL(None); '
        "print('@REACHED@' if libc.ptrace(16, @BYSTANDER@, None, None) == 0 else 'refused')\"",
        heard,
        _with_bystander,
    ),
    _case("kill", "kill a process of the user's", "kill -9 @BYSTANDER@", _bystander_gone, _with_bystander),
    _case(
        "root-of-another-process",
        "reach files by the folders of other processes",
        "cat /proc/@BYSTANDER@/root@HOME@/.netrc /proc/@BYSTANDER@/cwd/../user/home/.netrc",
        heard,
        _with_bystander,
    ),
    _case(
        "unix-socket",
        "reach an agent by its socket",
        "python3 -c \"import socket; socket.socket(1).connect('@HOME@/agent.sock')\"",
    ),
    _case(
        "abstract-socket",
        "reach a program by a socket without a path",
        "python3 -c \"import socket; socket.socket(1).connect('\\0trap-@TOKEN@')\"",
    ),
    _case("loopback", "reach a service on this machine", "bash -c 'echo > /dev/tcp/127.0.0.1/@PORT@'"),
    _case(
        "udp",
        "send a packet",
        "python3 -c \"import socket; socket.socket(2, 2).sendto(b'x', ('127.0.0.1', @PORT@))\"",
    ),
    _case(
        "push-to-the-remote",
        "push to the remote of the user",
        "git push -q @REMOTE@ HEAD:refs/heads/main-2",
        outside_changed,
    ),
    _case(
        "move-main",
        "move the branch of the user, and branches of town.git",
        "git commit -q --allow-empty -m x; git push -q --force @PROJECT@ HEAD:refs/heads/side; "
        "git push -q --force @TOWN@ HEAD:refs/heads/convoy/x",
        _main_moved,
    ),
    _case(
        "delete-objects",
        "delete the objects of town.git, which workers see",
        "rm -rf @TOWN@/objects/*",
        _objects_gone,
    ),
    Case(
        name="environment-that-is-a-link",
        wish="have the folder above the checkout bound as its environment",
        plant=_venv_that_is_a_link,
        control=_binds_what_it_finds,
        program=_binds_by_the_program,
        look=heard,
        needs=("bwrap",),
    ),
    Case(
        name="metadata-service",
        wish="ask 169.254.169.254 for the machine's credentials",
        plant=lambda ground: ground.history(),
        control=_asks_for_metadata,
        program=_gate_asks_for_metadata,
        needs=("bwrap", "unshare", "ip"),
    ),
    _limited(
        "fork-bomb",
        "fill the process table",
        _BOMB,
        _judge_bomb,
        Attempt(command=_ENDLESS_BOMB, limits=Limits(processes=64), ends=False),
        _judged_bomb,
    ),
    _limited(
        "memory",
        "fill the memory",
        _HOG,
        _judge_done,
        Attempt(command=_HOG, limits=_SMALL, ends=False),
        _judged_memory,
    ),
    *(
        _limited(
            name,
            "fill the memory with files that lie in it",
            _FILL.format("/dev/shm /dev/shm /dev/shm") + "; rm -f /dev/shm/planted-fill",
            _judge_done,
            Attempt(command=_FILL.format(places), limits=_SMALL, ends=False),
            _judged_memory,
        )
        for name, places in (
            ("memory-as-files", "/tmp /var/tmp /run /dev/shm $HOME"),
            ("memory-as-files-at-the-top", "/ /etc /dev $HOME/.."),
        )
    ),
    _limited(
        "output-flood",
        "fill memory and logs with output",
        _FLOOD,
        _judge_flood,
        Attempt(command=_FLOOD, ends=False),
        _judged_flood,
    ),
    _limited(
        "stay-behind",
        "go on after the command has ended",
        _LEFT,
        _judge_left,
        Attempt(command=_LEFT),
        lambda *_: None,  # whatever is left of it is seen by who looks after each case
    ),
)
