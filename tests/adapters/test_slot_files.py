from __future__ import annotations

import contextlib
import errno
import os
import shutil
import threading
from pathlib import Path

import pytest

from gastown_desktop.adapters.slot_files import SlotFiles
from gastown_desktop.core.errors import StoreError, ToolRefused
from tests.abilities import lacking

SECRET = b"the user's own secret"
LIMIT = 1 << 20


@pytest.fixture
def slot(tmp_path: Path) -> Path:
    folder = tmp_path / "slot"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "a.py").write_bytes(b"print('a')\n")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(SECRET)
    return folder


def refuses_both(slot: Path, path: str) -> None:
    with pytest.raises(ToolRefused):
        SlotFiles(slot).read(path, LIMIT)
    with pytest.raises(ToolRefused):
        SlotFiles(slot).write(path, b"x")


def test_a_file_is_read_and_written_whole(slot: Path) -> None:
    files = SlotFiles(slot)
    assert files.read("src/a.py", LIMIT) == b"print('a')\n"
    files.write("src/a.py", b"b")
    assert (slot / "src" / "a.py").read_bytes() == b"b"


def test_folders_on_the_way_are_made_for_writing_only(slot: Path) -> None:
    files = SlotFiles(slot)
    files.write("new/deep/file", b"x")
    assert (slot / "new" / "deep" / "file").read_bytes() == b"x"
    with pytest.raises(ToolRefused, match="does not exist"):
        files.read("other/file", LIMIT)
    assert not (slot / "other").exists()


def test_a_file_keeps_its_mode(slot: Path) -> None:
    (slot / "run.sh").write_bytes(b"old and longer")
    (slot / "run.sh").chmod(0o755)
    SlotFiles(slot).write("run.sh", b"new")
    assert (slot / "run.sh").read_bytes() == b"new"
    assert (slot / "run.sh").stat().st_mode & 0o777 == 0o755


def test_a_name_that_is_no_utf8_can_be_read_and_written(slot: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    SlotFiles(slot).write(name, b"x")
    assert (os.fsencode(slot) + b"/caf\xe9") in [os.fsencode(path) for path in slot.iterdir()]
    assert SlotFiles(slot).read(name, LIMIT) == b"x"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../outside/secret",
        "src/../../outside/secret",
        "./src/a.py",
        "src//a.py",
        "src/",
        "src/.",
        "..",
        "a\0b",
        "half \ud800 a pair",
        "n" * 300,
        "n" * 300 + "/file",
        "src",
        "src/a.py/below",
    ],
)
def test_a_path_that_leads_out_or_nowhere_is_refused(slot: Path, path: str) -> None:
    refuses_both(slot, path)
    assert (slot / "src" / "a.py").read_bytes() == b"print('a')\n"


@pytest.mark.parametrize(
    "path",
    [
        *(".git/config", ".GIT/hooks/x", ".Git", "sub/.git/config", "sub/.gIt/hooks/x"),
        *("git~1/config", "GIT~1/x", ".g\u200cit/config", ".git\ufeff/x", ".git./x", "sub/.git /x"),
    ],
)
def test_the_git_folder_is_not_for_tools_however_it_is_spelled(slot: Path, path: str) -> None:
    refuses_both(slot, path)
    assert not (slot / path).exists()


def test_names_that_only_begin_like_git_are_fine(slot: Path) -> None:
    for name in (".gitignore", ".github/workflow", "git", "x.git"):
        SlotFiles(slot).write(name, b"x")
        assert SlotFiles(slot).read(name, LIMIT) == b"x"


def test_a_link_at_the_end_is_not_followed(slot: Path, tmp_path: Path) -> None:
    (slot / "link").symlink_to(tmp_path / "outside" / "secret")
    (slot / "dangling").symlink_to(tmp_path / "outside" / "made")
    refuses_both(slot, "link")
    refuses_both(slot, "dangling")
    assert (tmp_path / "outside" / "secret").read_bytes() == SECRET
    assert not (tmp_path / "outside" / "made").exists()


def test_a_link_in_the_middle_is_not_followed(slot: Path, tmp_path: Path) -> None:
    (slot / "link").symlink_to(tmp_path / "outside")
    (slot / "inside").symlink_to(slot / "src")
    refuses_both(slot, "link/secret")
    refuses_both(slot, "inside/a.py")
    with pytest.raises(ToolRefused):
        SlotFiles(slot).write("link/new/file", b"x")
    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["secret"]


def test_a_pipe_never_blocks(slot: Path) -> None:
    os.mkfifo(slot / "pipe")
    refuses_both(slot, "pipe")


def test_a_pipe_with_somebody_at_its_other_end_is_no_file_either(slot: Path) -> None:
    os.mkfifo(slot / "pipe")
    other = os.open(slot / "pipe", os.O_RDWR | os.O_NONBLOCK)
    refuses_both(slot, "pipe")
    os.close(other)


def test_a_device_is_no_file(slot: Path) -> None:
    try:
        os.mknod(slot / "zero", 0o666 | 0o020000, os.makedev(1, 5))
    except PermissionError:
        lacking("devices cannot be made here")
    refuses_both(slot, "zero")


def test_a_sparse_file_of_three_gigabytes_is_refused_by_its_size(slot: Path) -> None:
    with (slot / "huge").open("wb") as file:
        file.truncate(3 << 30)
    with pytest.raises(ToolRefused, match="3221225472 bytes"):
        SlotFiles(slot).read("huge", 20 << 20)


def test_a_file_of_just_the_limit_is_read(slot: Path) -> None:
    (slot / "full").write_bytes(b"x" * 100)
    assert len(SlotFiles(slot).read("full", 100)) == 100
    (slot / "full").write_bytes(b"x" * 101)
    with pytest.raises(ToolRefused, match="101"):
        SlotFiles(slot).read("full", 100)


@pytest.mark.parametrize(("place", "target"), [("src", "outside"), ("src/a.py", "outside/secret")])
def test_a_link_that_flips_between_check_and_use_never_leads_out(
    slot: Path, tmp_path: Path, place: str, target: str
) -> None:
    (slot / "src" / "secret").write_bytes(b"harmless")
    real, link, stop = slot / place, tmp_path / "link", threading.Event()
    link.symlink_to(tmp_path / target)
    parked = tmp_path / "parked"
    path = "src/secret" if place == "src" else "src/a.py"

    def put_in_place(what: Path) -> None:
        while True:
            try:
                what.rename(real)
            except OSError:
                shutil.rmtree(real, ignore_errors=True)
            else:
                return

    def flip() -> None:
        while not stop.is_set():
            real.rename(parked)
            put_in_place(link)
            real.rename(link)
            put_in_place(parked)

    flipper = threading.Thread(target=flip)
    flipper.start()
    seen: set[bytes] = set()
    try:
        for _ in range(600):
            with contextlib.suppress(ToolRefused):
                seen.add(SlotFiles(slot).read(path, LIMIT))
            with contextlib.suppress(ToolRefused):
                SlotFiles(slot).write(path, b"harmless")
    finally:
        stop.set()
        flipper.join()
    assert seen
    assert SECRET not in seen
    assert (tmp_path / "outside" / "secret").read_bytes() == SECRET


def test_a_disk_that_is_full_is_told_to_the_model(slot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(ToolRefused, match="No space left"):
        SlotFiles(slot).write("src/a.py", b"x")


def test_a_disk_that_is_broken_is_not_the_model_s_affair(slot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_handle: int, _size: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "ftruncate", fails)
    with pytest.raises(StoreError, match="Input/output error") as caught:
        SlotFiles(slot).write("src/a.py", b"x")
    assert "kept" in caught.value.safe


def test_no_descriptor_stays_open(slot: Path, tmp_path: Path) -> None:
    (slot / "link").symlink_to(tmp_path / "outside")
    files = SlotFiles(slot)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in ("src/a.py", "link/secret", "src/missing", "src", "a/b/c/d"):
        for _ in range(5):
            with contextlib.suppress(ToolRefused):
                files.read(path, LIMIT)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
