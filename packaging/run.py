"""Runs Gas Town Desktop from the source tree: `python3 packaging/run.py [arguments of gastown-desktop]`.

The first start makes `.venv` beside pyproject.toml and installs the pinned dependencies from wherever the
user's own pip configuration says. Only the standard library is used. Standard output stays the program's.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
CONSTRAINTS = ROOT / "packaging" / "constraints.txt"
OLDEST_GIT = (2, 39)

# file that the loader must find: Debian's package (Qt without a screen needs these)
LIBRARIES = {
    "libglib-2.0.so.0": "libglib2.0-0",
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
}

# the same for a window on X11
X11_LIBRARIES = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libX11-xcb.so.1": "libx11-xcb1",
}


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def call(*arguments: str | Path, environment: dict[str, str] | None = None) -> int:
    """Runs a program; what it prints goes to standard error."""
    return subprocess.run(
        [str(argument) for argument in arguments], check=False, stdout=sys.stderr, env=environment, cwd=ROOT
    ).returncode


# --- the system -----------------------------------------------------------------------------------


def git_version() -> tuple[int, ...]:
    if shutil.which("git") is None:
        return ()
    told = subprocess.run(["git", "--version"], check=False, capture_output=True, text=True).stdout
    return tuple(int(part) for part in re.findall(r"\d+", told)[:2])


def missing_packages() -> list[str]:
    """Debian's names of what this system lacks."""
    missing: list[str] = []
    wanted = {**LIBRARIES, **(X11_LIBRARIES if os.environ.get("DISPLAY") else {})}
    for file, package in wanted.items():
        try:
            ctypes.CDLL(file)
        except OSError:
            missing.append(package)
    if importlib.util.find_spec("ensurepip") is None and not PYTHON.exists():
        missing.append("python3-venv")
    if git_version() < OLDEST_GIT:
        missing.append("git")
    if shutil.which("bwrap") is None:
        missing.append("bubblewrap")
    return missing


def check_system() -> None:
    """Names what is missing and how to get it; gets it itself as root in a CI job."""
    if not sys.platform.startswith("linux"):
        return
    missing = missing_packages()
    if missing and os.geteuid() == 0 and os.environ.get("CI") and shutil.which("apt-get"):
        say("Installing " + ", ".join(missing) + ".")
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        call("apt-get", "update", "-qq", environment=quiet)
        call("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing, environment=quiet)
        missing = missing_packages()
    if not missing:
        return
    sudo = "" if os.geteuid() == 0 else "sudo "
    say("This system lacks " + ", ".join(missing) + ".")
    if shutil.which("apt-get"):
        say(f"Install with: {sudo}apt-get install -y --no-install-recommends {shlex.join(missing)}")
    if "git" in missing:
        say("git 2.39 or newer is needed.")
    if "bubblewrap" in missing:
        say("bubblewrap is recommended: without it commands run with your own rights.")


# --- the environment ------------------------------------------------------------------------------


def digest() -> str:
    """Changes when the environment has to be made again."""
    parts = [(ROOT / "pyproject.toml").read_bytes(), CONSTRAINTS.read_bytes(), os.fsencode(ROOT)]
    return hashlib.sha256(b"\0".join([*parts, sys.version.encode()])).hexdigest()


def stamp(extras: str) -> Path:
    return VENV / f".installed{extras or '[]'}"


def ready(extras: str) -> bool:
    wanted = digest()
    for candidate in (extras, "[dev]"):
        try:
            if stamp(candidate).read_text(encoding="utf-8") == wanted and PYTHON.exists():
                return True
        except FileNotFoundError:
            continue
    return False


def usable() -> bool:
    """Tells whether `.venv` exists and has this very Python, with pip."""
    if not PYTHON.exists():
        return False
    asked = [str(PYTHON), "-c", "import pip, sys; print(sys.version)"]
    told = subprocess.run(asked, check=False, capture_output=True, text=True)
    return told.returncode == 0 and told.stdout.strip() == sys.version.strip()


def prepare(extras: str = "") -> None:
    """Makes `.venv` and installs into it, or does nothing when that was done.

    Args:
        extras: `[dev]` for the tools of the tests.
    """
    if sys.version_info < (3, 11):  # noqa: UP036 (whoever starts this may have an older one)
        sys.exit(f"Gas Town Desktop needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    check_system()
    if ready(extras):
        return
    if not usable():
        say("Making .venv …")
        if call(sys.executable, "-m", "venv", "--clear", VENV):
            sys.exit("The virtual environment could not be made; see above.")
    say("Installing what pyproject.toml names (once; a minute or two) …")
    options = ("-qq", "--disable-pip-version-check", "--no-input")
    if call(PYTHON, "-m", "pip", "install", *options, "-e", f".{extras}", "-c", CONSTRAINTS):
        sys.exit("The dependencies could not be installed; see above. Nothing else was changed.")
    stamp(extras).write_text(digest(), encoding="utf-8")
    say("Ready.")


def become(arguments: list[str]) -> None:
    """Goes on as the Python of `.venv`."""
    command = [str(PYTHON), *arguments]
    if os.name == "nt":
        sys.exit(subprocess.run(command, check=False).returncode)
    sys.stderr.flush()
    os.execv(command[0], command)  # noqa: S606 (this process has nothing else to do)


if __name__ == "__main__":
    prepare()
    # -P: the folder in which the user stands, maybe a hostile repository, is no source of modules
    become(["-P", "-m", "gastown_desktop", *sys.argv[1:]])
