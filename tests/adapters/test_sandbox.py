from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gastown_desktop.adapters.processes import LocalLauncher
from gastown_desktop.adapters.sandbox import (
    Bubblewrap,
    Limits,
    Unconfined,
    find_sandbox,
    find_toolchains,
)
from gastown_desktop.core.errors import Refused
from gastown_desktop.engine.process_ports import Confinement
from tests.abilities import lacking

if TYPE_CHECKING:
    from collections.abc import Iterator

from tests.adapters.sandboxes import CANARY, OWN, Place, S, make, processes_with, until_processes

# --- one command ----------------------------------------------------------------------------------


async def test_command_gets_output_of_both_streams_and_exit_status(sandbox: Bubblewrap, place: Place) -> None:
    result = await sandbox.run("echo out; echo err >&2; exit 7", place.confinement(), timeout_s=S)
    assert result.output == b"out\nerr\n"
    assert result.exit_code == 7
    assert not result.timed_out


async def test_command_starts_in_the_slot_and_may_write_there(sandbox: Bubblewrap, place: Place) -> None:
    result = await sandbox.run("cat file.txt; echo new > made.txt", place.confinement(), timeout_s=S)
    assert result.output == b"of the slot\n"
    assert (place.slot / "made.txt").read_text() == "new\n"


async def test_command_reads_nothing_from_standard_input(sandbox: Bubblewrap, place: Place) -> None:
    assert (await sandbox.run("cat; echo end", place.confinement(), timeout_s=S)).output == b"end\n"


async def test_command_of_half_a_megabyte_works(sandbox: Bubblewrap, place: Place) -> None:
    text = "x" * 500_000
    result = await sandbox.run(f"printf %s {text} | wc -c", place.confinement(), timeout_s=S)
    assert result.output.strip() == b"500000"


async def test_environment_is_an_allow_list(
    sandbox: Bubblewrap, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THIS_PROCESS", CANARY)
    confinement = place.confinement(environment={"PORT_BASE": "4200"})
    result = await sandbox.run("env", confinement, timeout_s=S)
    assert CANARY.encode() not in result.output
    names = {line.partition("=")[0] for line in result.output.decode().splitlines()}
    git = {name for name in names if name.startswith("GIT_")}
    extra = {"PORT_BASE", "GASTOWN_SANDBOX", "PWD", "OLDPWD", "SHLVL", "_"}
    assert names - git - extra == {"PATH", "LANG", "TERM", "TMPDIR", "HOME"}
    assert str(place.home) not in result.output.decode().replace(str(place.checkout), "")


async def test_output_keeps_its_first_and_last_part(sandbox: Bubblewrap, place: Place) -> None:
    command = "echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last"
    result = await sandbox.run(command, place.confinement(), timeout_s=S, output_limit=1_000)
    assert result.output.startswith(b"first\n")
    assert result.output.endswith(b"\nlast\n")
    assert len(result.output) < 1_200


async def test_time_spent_by_the_command_is_told(sandbox: Bubblewrap, place: Place) -> None:
    loop = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"
    result = await sandbox.run(loop, place.confinement(), timeout_s=S)
    assert result.cpu_s > 0.03
    assert result.elapsed_s > 0


async def test_time_out_kills_grandchildren(sandbox: Bubblewrap, place: Place) -> None:
    command = f"setsid sleep 1111.{OWN} & sleep 1111.{OWN} & sh -c 'sleep 1111.{OWN}; :' ; echo never"
    result = await sandbox.run("echo begun; " + command, place.confinement(), timeout_s=0.4)
    assert result.timed_out
    assert result.output.startswith(b"begun\n")
    assert not processes_with(f"1111.{OWN}")


async def test_cancellation_leaves_no_process(sandbox: Bubblewrap, place: Place) -> None:
    async with asyncio.TaskGroup() as group:
        command = f"setsid sleep 1112.{OWN} & sleep 1112.{OWN}"
        task = group.create_task(sandbox.run(command, place.confinement(), timeout_s=S))
        await until_processes(f"1112.{OWN}", run=True)
        task.cancel()
    assert not processes_with(f"1112.{OWN}")


async def test_what_a_command_leaves_in_the_background_is_killed(sandbox: Bubblewrap, place: Place) -> None:
    command = f"setsid sleep 1113.{OWN} >/dev/null 2>&1 & sleep 1113.{OWN} >/dev/null 2>&1 & echo done"
    result = await sandbox.run(command, place.confinement(), timeout_s=S)
    assert result.output == b"done\n"
    await until_processes(f"1113.{OWN}", run=False)


async def test_fork_bomb_is_stopped_within_two_seconds(
    kind: str, launcher: LocalLauncher, place: Place
) -> None:
    sandbox = make(kind, launcher, place, Limits(processes=64))
    bomb = f"while :; do sleep 1114.{OWN} & done"
    result = await sandbox.run(bomb, place.confinement(), timeout_s=S)
    assert b"more than 64 processes" in result.output
    assert result.exit_code != 0
    assert result.elapsed_s < 2
    assert not processes_with(f"1114.{OWN}")


async def test_memory_over_the_limit_is_stopped_and_named(
    kind: str, launcher: LocalLauncher, place: Place
) -> None:
    sandbox = make(kind, launcher, place, Limits(memory=64 << 20, interval_s=0.1))
    hog = f"x=$(head -c 100000000 /dev/zero | tr '\\0' x); sleep 1115.{OWN}"
    result = await sandbox.run(hog, place.confinement(), timeout_s=S)
    assert b"more than 64 MB of memory" in result.output
    assert not processes_with(f"1115.{OWN}")


# --- what is written on the disk ------------------------------------------------------------------

MB = 1 << 20
FEW = Limits(disk=16 * MB, interval_s=0.1)
WRITES_ON = {
    "one file": "dd if=/dev/zero of=big bs=1M count=2000 2>/dev/null",
    "many files": "i=0; while :; do head -c 300000 /dev/zero > f$i; i=$((i+1)); done",
    "a deleted file": "exec 3>big; rm big; dd if=/dev/zero bs=1M count=2000 >&3 2>/dev/null",
    "a file below a link": "mkdir d; ln -s d e; dd if=/dev/zero of=e/big bs=1M count=2000 2>/dev/null",
}


@pytest.mark.parametrize("how", WRITES_ON)
async def test_writing_without_end_is_stopped_and_named(
    kind: str, launcher: LocalLauncher, place: Place, how: str
) -> None:
    sandbox = make(kind, launcher, place, FEW)
    command = f"{WRITES_ON[how]}; sleep 1117.{OWN}"
    result = await sandbox.run(command, place.confinement(), timeout_s=S)
    assert b"[Stopped: the command used more than 16.8 MB of the disk. Delete what it left" in result.output
    assert result.exit_code != 0
    assert not processes_with(f"1117.{OWN}")


async def test_a_shell_that_writes_without_end_is_stopped_and_the_next_command_deletes_it(
    kind: str, launcher: LocalLauncher, place: Place
) -> None:
    shell = await make(kind, launcher, place, FEW).shell(place.confinement())
    result = await shell.run(f"{WRITES_ON['one file']}; sleep 1118.{OWN}", timeout_s=S)
    assert b"of the disk" in result.output
    for _ in range(5):  # other tests write on this disk too, so that a look may come before it is gone
        result = await shell.run("rm -f big; echo gone", timeout_s=S)
        if result.output == b"gone\n":
            break
    assert result.output == b"gone\n"
    assert not (place.slot / "big").exists()
    await shell.close()


async def test_temporary_files_on_the_disk_count_too(launcher: LocalLauncher, place: Place) -> None:
    sandbox = make("unconfined", launcher, place, FEW)
    command = f'dd if=/dev/zero of="$TMPDIR/big" bs=1M count=2000 2>/dev/null; sleep 1119.{OWN}'
    result = await sandbox.run(command, place.confinement(), timeout_s=S)
    assert b"of the disk" in result.output


async def test_what_was_in_the_slot_before_and_what_is_deleted_in_between_does_not_count(
    kind: str, launcher: LocalLauncher, place: Place
) -> None:
    (place.slot / "checked out").write_bytes(bytes(40 * MB))
    os.utime(place.slot)
    confinement = place.confinement(since=time.time() + 0.05)
    await asyncio.sleep(0.06)
    command = (
        "for i in 1 2 3 4 5 6; do dd if=/dev/zero of=big bs=1M count=8 2>/dev/null; sleep 0.1; rm big; done"
    )
    result = await make(kind, launcher, place, FEW).run(command, confinement, timeout_s=S)
    assert (result.output, result.exit_code) == (b"", 0)


# --- git ------------------------------------------------------------------------------------------


def git(folder: Path, *arguments: str) -> None:
    options = ("-c", "user.name=T", "-c", "user.email=t@example.invalid", "-c", "safe.directory=*")
    subprocess.run(["git", *options, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def slot_with_alternates(place: Place) -> str:
    town = place.objects.parent
    git(town, "init", "--bare", ".")
    git(place.slot, "init", ".")
    git(place.slot, "add", ".")
    git(place.slot, "commit", "-m", "First")
    blob = subprocess.run(
        ["git", "rev-parse", "HEAD:file.txt"], cwd=place.slot, check=True, capture_output=True, text=True
    ).stdout.strip()
    own = place.slot / ".git" / "objects"
    shutil.copytree(own, place.objects, dirs_exist_ok=True)
    shutil.rmtree(own)
    (own / "info").mkdir(parents=True)
    (own / "info" / "alternates").write_text(f"{place.objects}\n")
    return blob


async def test_git_reads_through_alternates_and_commits_in_the_slot(
    sandbox: Bubblewrap, place: Place, slot_with_alternates: str
) -> None:
    command = (
        f"git status --porcelain && git cat-file blob {slot_with_alternates} && echo more >> file.txt && "
        "git commit -qam More && git log --format=%s && git stash list && git switch -qc other"
    )
    result = await sandbox.run(command, place.confinement(), timeout_s=S)
    assert result.output == b"of the slot\nMore\nFirst\n"
    assert result.exit_code == 0


def _give_away(path: Path) -> None:
    try:
        os.chown(path, 12345, 12345)
    except OSError:
        lacking("files cannot be given away here")


async def test_git_works_on_files_of_another_user(
    sandbox: Bubblewrap, place: Place, slot_with_alternates: str
) -> None:
    for path in (place.slot, *place.slot.rglob("*")):
        path.chmod(path.stat().st_mode | 0o666 | (0o111 if path.is_dir() else 0))
        _give_away(path)
    result = await sandbox.run(
        "git status --porcelain; git log --format=%s", place.confinement(), timeout_s=S
    )
    assert result.output == b"First\n"


@pytest.mark.usefixtures("slot_with_alternates")
async def test_objects_of_the_town_cannot_be_changed(caged: Bubblewrap, place: Place) -> None:
    before = sorted(place.objects.rglob("*"))
    command = f"cd '{place.objects}' && rm -rf *; touch '{place.objects}/planted'"
    await caged.run(command, place.confinement(), timeout_s=S)
    assert sorted(place.objects.rglob("*")) == before


# --- bubblewrap only ------------------------------------------------------------------------------


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        stop = threading.Event()

        def accept() -> None:
            while not stop.is_set():
                try:
                    server.accept()[0].close()
                except TimeoutError:
                    continue

        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1]
        stop.set()
        thread.join()


async def test_loopback_of_the_host_is_out_of_reach(caged: Bubblewrap, place: Place, listener: int) -> None:
    command = f"exec bash -c 'echo > /dev/tcp/127.0.0.1/{listener}'"
    assert (await caged.run(command, place.confinement(), timeout_s=S)).exit_code != 0
    free = Unconfined(caged._launcher, place.scratch, environment=place.environment, home=place.home)
    assert (await free.run(command, place.confinement(), timeout_s=S)).exit_code == 0


async def test_secrets_and_the_checkout_are_not_there(caged: Bubblewrap, place: Place) -> None:
    command = f"cat '{place.home}/.ssh/id_ed25519' '{place.home}/.aws/credentials' private.txt"
    result = await caged.run(command, place.confinement(), timeout_s=S)
    assert CANARY.encode() not in result.output
    assert b"only the user's" not in result.output
    result = await caged.run(f"ls -A '{place.home}' /root /home /tmp /run", place.confinement(), timeout_s=S)
    assert b".ssh" not in result.output


async def test_slot_is_seen_at_the_path_of_the_checkout(caged: Bubblewrap, place: Place) -> None:
    result = await caged.run("pwd; cat file.txt", place.confinement(), timeout_s=S)
    assert result.output.decode() == f"{place.checkout}\nof the slot\n"


@pytest.mark.parametrize(
    "seen", ["/root/src/my app", "/home/zoë/x", "/tmp/a b/c", "/srv/code", "/home/worker/x", "/opt", "/tmp"]
)
async def test_checkout_may_be_anywhere(caged: Bubblewrap, place: Place, seen: str) -> None:
    confinement = Confinement(slot=place.slot, seen_at=Path(seen))
    result = await caged.run('printf "%s " "$PWD"; cat file.txt', confinement, timeout_s=S)
    assert result.output.decode() == f"{seen} of the slot\n"


async def test_nothing_outside_the_slot_can_be_written(caged: Bubblewrap, place: Place) -> None:
    before = sorted(place.home.rglob("*"))
    targets = f"/usr/x /etc/x /bin/x /opt/x '{place.home}/x' '{place.checkout.parent}/x' /tmp/x-{CANARY}"
    command = f'for t in {targets}; do echo planted > "$t"; done 2>/dev/null; ln -s /etc/passwd link'
    await caged.run(command, place.confinement(), timeout_s=S)
    assert sorted(place.home.rglob("*")) == before
    assert not any(map(os.path.exists, ("/usr/x", "/etc/x", "/opt/x", f"/tmp/x-{CANARY}")))


async def test_no_capability_no_host_process_and_no_terminal(caged: Bubblewrap, place: Place) -> None:
    command = "grep CapEff /proc/self/status; ls -d /proc/[0-9]* | wc -l; ls /run/dbus /sys /var/lib 2>&1"
    lines = (await caged.run(command, place.confinement(), timeout_s=S)).output.decode().splitlines()
    assert lines[0].split() == ["CapEff:", "0000000000000000"]
    assert int(lines[1]) < 10
    assert all("No such file" in line for line in lines[2:])


async def test_environment_folder_of_the_rig_lies_read_only_over_the_slot(
    caged: Bubblewrap, place: Place
) -> None:
    python = place.home / ".pyenv" / "versions" / "3.11.7" / "bin" / "python3"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho python of pyenv\n")
    python.chmod(0o755)
    venv = place.checkout / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python3").symlink_to(python)
    (venv / "bin" / "python").symlink_to("python3")
    sandbox = make("bubblewrap", caged._launcher, place)
    confinement = place.confinement(read_only=((venv, venv), (place.home / "missing", venv / "x")))
    command = ".venv/bin/python; touch .venv/planted; echo $?"
    result = await sandbox.run(command, confinement, timeout_s=S)
    assert result.output.startswith(b"python of pyenv\n")
    assert not result.output.endswith(b"\n0\n")
    assert not (venv / "planted").exists()


@pytest.mark.parametrize("where", ["checkout", "slot"])
async def test_link_in_the_place_of_an_environment_folder_binds_nothing(
    caged: Bubblewrap, place: Place, where: str
) -> None:
    venv = place.checkout / ".venv"
    if where == "checkout":
        venv.symlink_to("..")
    else:
        venv.mkdir()
        (place.slot / ".venv").symlink_to("..")
    confinement = place.confinement(read_only=((venv, venv),))
    command = f"cat '{place.home}/.ssh/id_ed25519' ../.ssh/id_ed25519 private.txt; touch mine && cat file.txt"
    result = await caged.run(command, confinement, timeout_s=S)
    assert CANARY.encode() not in result.output
    assert b"only the user's" not in result.output
    assert result.output.endswith(b"of the slot\n")


async def test_variables_of_a_rig_do_not_reach_bubblewrap_itself(caged: Bubblewrap, place: Place) -> None:
    entry = caged.enter(place.confinement(environment={"LD_PRELOAD": "/evil.so"}), "mark", None)
    assert set(entry.environment) == {"GASTOWN_SANDBOX"}


async def test_a_sandbox_that_cannot_be_made_says_so(caged: Bubblewrap, place: Place) -> None:
    confinement = Confinement(slot=place.slot / "missing", seen_at=place.checkout)
    with pytest.raises(Refused, match="cannot be made"):
        await caged.run("true", confinement, timeout_s=S)
    shell = await caged.shell(confinement)
    with pytest.raises(Refused, match="cannot be made"):
        await shell.run("true", timeout_s=S)
    with pytest.raises(Refused):
        await caged.run("true", Confinement(slot=place.slot, seen_at=Path("/")), timeout_s=S)


def test_only_parts_without_credentials_are_taken_from_home(place: Place) -> None:
    for part in (".cargo/bin", ".cargo/registry", ".local/share/uv/python", ".local/share/uv/credentials"):
        (place.home / part).mkdir(parents=True)
    for part in (".gnupg", ".config/gh", ".docker", ".kube", ".pyenv", "go/pkg/mod", ".sdkman/candidates"):
        (place.home / part).mkdir(parents=True)
    (place.home / ".cargo" / "credentials.toml").write_text(CANARY)
    found = find_toolchains(place.home, {"PYENV_ROOT": str(place.home), "NVM_DIR": "relative"})
    assert [str(folder.relative_to(place.home)) for folder in found.folders] == [
        ".pyenv",
        ".local/share/uv/python",
        ".cargo/bin",
        ".cargo/registry",
        "go/pkg/mod",
        ".sdkman/candidates",
    ]
    assert found.environment["CARGO_HOME"] == str(place.home / ".cargo")


@pytest.mark.usefixtures("_bubblewrap")
async def test_path_keeps_what_exists_inside(launcher: LocalLauncher, place: Place) -> None:
    shims = place.home / ".pyenv" / "shims"
    shims.mkdir(parents=True)
    environment = {"PATH": f"{place.home}/bin:{shims}:/usr/local/games:/usr/bin:relative:"}
    program = Path(shutil.which("bwrap") or "")
    sandbox = Bubblewrap(launcher, program, place.home, place.objects, place.scratch, environment=environment)
    result = await sandbox.run('echo "$PATH"', place.confinement(), timeout_s=S)
    path = result.output.decode().strip().split(":")
    assert path[:4] == [str(shims), "/usr/local/games", "/usr/bin", "/usr/local/bin"]
    assert f"{place.home}/bin" not in path


# --- finding one ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("_bubblewrap")
async def test_sandbox_is_found_where_bubblewrap_works(launcher: LocalLauncher, place: Place) -> None:
    sandbox = await find_sandbox(launcher, home=place.home, town_objects=place.objects, scratch=place.scratch)
    assert sandbox.confined
    words = sandbox.profile.split()
    assert (words[0], words[2:]) == ("bubblewrap", ["profile", "1"])
    assert words[1][0].isdecimal()


async def test_without_a_working_bubblewrap_nothing_is_confined_and_it_says_why(
    launcher: LocalLauncher, place: Place
) -> None:
    programs = place.scratch / "programs"
    programs.mkdir(parents=True)
    options = {"home": place.home, "town_objects": place.objects, "scratch": place.scratch}
    absent = await find_sandbox(launcher, **options, environment={"PATH": str(programs)})
    assert (absent.confined, absent.profile) == (False, "none")
    assert isinstance(absent, Unconfined)
    assert "not installed" in absent.reason
    fake = programs / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    fake.chmod(0o755)
    broken = await find_sandbox(launcher, **options, environment={"PATH": str(programs)})
    assert isinstance(broken, Unconfined)
    assert "No permissions" in broken.reason
    assert (await broken.run("echo works", place.confinement(), timeout_s=S)).output == b"works\n"


async def test_unconfined_prefers_the_rigs_environment_and_the_slots_sources(
    launcher: LocalLauncher, place: Place
) -> None:
    venv = place.checkout / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "pyvenv.cfg").touch()
    (place.slot / "src").mkdir()
    sandbox = make("unconfined", launcher, place)
    confinement = place.confinement(read_only=((venv, venv),))
    result = await sandbox.run('echo "$PATH"; echo "$PYTHONPATH"', confinement, timeout_s=S)
    path, python_path = result.output.decode().splitlines()
    assert path.startswith(f"{venv}/bin:")
    assert python_path == f"{place.slot}:{place.slot}/src"


async def test_unconfined_workers_have_a_home_and_a_temporary_folder_each(
    launcher: LocalLauncher, place: Place
) -> None:
    other = place.slot.with_name("slit")
    other.mkdir()
    sandbox = make("unconfined", launcher, place)
    told = [
        (await sandbox.run('echo "$HOME $TMPDIR"', Confinement(slot=slot, seen_at=slot), timeout_s=S)).output
        for slot in (place.slot, other)
    ]
    assert len({folder for line in told for folder in line.split()}) == 4


@pytest.mark.usefixtures("_bubblewrap")
@pytest.mark.parametrize("limits", [{"processes": 6}, {"memory": 20 << 20}])
async def test_a_sandbox_that_is_slow_to_begin_does_not_count_what_the_machine_runs(
    launcher: LocalLauncher, place: Place, tmp_path: Path, limits: dict[str, int]
) -> None:
    slow = tmp_path / "bwrap"
    slow.write_text(f'#!/bin/sh\nsleep 0.5\nexec {shutil.which("bwrap")} "$@"\n')
    slow.chmod(0o755)
    sandbox = Bubblewrap(
        *(launcher, slow, place.home, place.objects, place.scratch),
        version="0.8.0",
        limits=Limits(interval_s=0.05, **limits),
        environment=place.environment,
    )
    result = await sandbox.run("echo ran", place.confinement(), timeout_s=S)
    assert (result.output, result.exit_code) == (b"ran\n", 0)


@pytest.mark.usefixtures("_bubblewrap")
async def test_files_that_lie_in_memory_count_as_memory(launcher: LocalLauncher, place: Place) -> None:
    sandbox = make("bubblewrap", launcher, place, Limits(memory=64 << 20, interval_s=0.1))
    hog = f"head -c 100000000 /dev/zero >/tmp/fill; sleep 1116.{OWN}"
    result = await sandbox.run(hog, place.confinement(), timeout_s=S)
    assert b"more than 64 MB of memory" in result.output
    assert not processes_with(f"1116.{OWN}")
    kept = "head -c 100000000 /dev/zero >fill && echo kept"
    assert (await sandbox.run(kept, place.confinement(), timeout_s=S)).output == b"kept\n"
