from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gastown_desktop.adapters.recent_repositories import RecentRepositories
from gastown_desktop.core.errors import GasTownError, Refused
from gastown_desktop.core.glances import EphemeralEvent, Progressed
from gastown_desktop.wiring.opening import Opening
from tests.builders import RepositoryBuilder, small_python_repository
from tests.e2e.conftest import contents


class Desk:
    """An opening, with what it showed."""

    def __init__(self, data: Path) -> None:
        self.shown: list[EphemeralEvent] = []
        self.data = data
        self.hear(self.shown.append)

    def hear(self, heard: Callable[[EphemeralEvent], None]) -> None:
        """Lets another hear what is shown."""
        self.opening = Opening(self.data, heard)


@pytest.fixture
async def desk(data: Path) -> AsyncIterator[Desk]:
    made = Desk(data)
    yield made
    await made.opening.close()


@pytest.fixture
def small(tmp_path: Path) -> RepositoryBuilder:
    return small_python_repository(tmp_path / "greetings")


# --- looking --------------------------------------------------------------------------------------


async def test_an_ordinary_repository_opens_without_a_word(desk: Desk, small: RepositoryBuilder) -> None:
    before = contents(small.folder)
    looked = await desk.opening.look(small.folder)
    assert (looked.kind, looked.path, looked.sentence, looked.branch) == (
        "repository",
        small.folder,
        "",
        "main",
    )
    assert looked.opens
    assert looked.notes == ()
    assert contents(small.folder) == before


async def test_a_folder_inside_opens_at_the_top(desk: Desk, small: RepositoryBuilder) -> None:
    small.write("src/deep/x.py", "x = 1\n").commit("Go deep")
    looked = await desk.opening.look(small.folder / "src" / "deep")
    assert looked.kind == "inside"
    assert looked.path == small.folder
    assert looked.sentence == "deep is inside the repository greetings."
    assert looked.opens


async def test_a_plain_folder_is_called_one(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    looked = await desk.opening.look(tmp_path / "plain")
    assert looked.kind == "plain_folder"
    assert not looked.opens
    assert looked.sentence


async def test_a_repository_without_commits_says_so(desk: Desk, tmp_path: Path) -> None:
    looked = await desk.opening.look(RepositoryBuilder(tmp_path / "new").folder)
    assert looked.kind == "empty"
    assert "commit" in looked.sentence


async def test_a_bare_repository_says_so(desk: Desk, small: RepositoryBuilder, tmp_path: Path) -> None:
    small.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    looked = await desk.opening.look(tmp_path / "bare.git")
    assert looked.kind == "bare"
    assert not looked.opens


async def test_a_file_and_nothing_are_told_apart(desk: Desk, small: RepositoryBuilder) -> None:
    looked = await desk.opening.look(small.folder / "greet.py")
    assert (looked.kind, looked.sentence) == ("file", "greet.py is a file.")
    looked = await desk.opening.look(small.folder / "nowhere")
    assert looked.kind == "missing"
    assert str(small.folder / "nowhere") in looked.sentence


async def test_a_broken_repository_is_refused_in_words(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "odd" / ".git").mkdir(parents=True)
    looked = await desk.opening.look(tmp_path / "odd")
    assert not looked.opens
    assert looked.sentence


async def test_uncommitted_changes_are_noted(desk: Desk, small: RepositoryBuilder) -> None:
    small.write("greet.py", "changed\n")
    looked = await desk.opening.look(small.folder)
    assert looked.opens
    assert [note.split(";")[0] for note in looked.notes] == ["You have uncommitted changes"]


async def test_a_detached_head_is_noted(desk: Desk, small: RepositoryBuilder) -> None:
    small.git("checkout", "-q", "--detach")
    looked = await desk.opening.look(small.folder)
    assert looked.branch is None
    assert [note.split(";")[0] for note in looked.notes] == ["HEAD is detached"]


async def test_a_shallow_clone_is_noted(desk: Desk, small: RepositoryBuilder, tmp_path: Path) -> None:
    small.git("clone", "-q", "--depth", "2", f"file://{small.folder}", str(tmp_path / "shallow"))
    looked = await desk.opening.look(tmp_path / "shallow")
    assert looked.opens
    assert any("shallow" in note for note in looked.notes)


async def test_submodules_are_noted_by_name(desk: Desk, small: RepositoryBuilder) -> None:
    small.write(".gitmodules", '[submodule "lib"]\n\tpath = vendor/lib\n\turl = ../lib\n')
    small.git("add", ".gitmodules")
    small.submodule_bump("vendor/lib", "1" * 40).commit("Add a submodule", everything=False)
    looked = await desk.opening.look(small.folder)
    assert looked.opens
    assert any("vendor/lib" in note for note in looked.notes)


async def test_the_machine_is_described(desk: Desk) -> None:
    system = await desk.opening.system()
    assert tuple(int(part) for part in system.git.split(".")[:2]) >= (2, 39)
    assert system.sandbox == "" or system.sandbox[-1].isdigit()


# --- making ---------------------------------------------------------------------------------------


async def test_a_plain_folder_becomes_a_repository_with_what_is_not_ignored(
    desk: Desk, home: Path, tmp_path: Path
) -> None:
    (home / ".gitconfig").write_text("[user]\n\tname = Ada\n\temail = ada@example.org\n")
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "work.txt").write_text("work\n")
    (folder / "junk.log").write_text("junk\n")
    (folder / ".gitignore").write_text("*.log\n")
    assert await desk.opening.initialise(folder) == folder
    looked = await desk.opening.look(folder)
    assert (looked.kind, looked.branch, looked.notes) == ("repository", "main", ())
    builder = RepositoryBuilder(folder)
    assert builder.git("ls-files").split() == [".gitignore", "work.txt"]
    assert builder.git("log", "--format=%an <%ae>") == "Ada <ada@example.org>"


async def test_an_empty_folder_is_refused_and_stays_plain(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    with pytest.raises(Refused, match="no files"):
        await desk.opening.initialise(folder)
    assert list(folder.iterdir()) == []


async def test_a_clone_tells_how_far_it_is_and_opens(
    desk: Desk, small: RepositoryBuilder, tmp_path: Path
) -> None:
    into = tmp_path / "copies" / "greetings"
    assert await desk.opening.clone(f" file://{small.folder}\n", into) == into
    assert (await desk.opening.look(into)).kind == "repository"
    told = [one for one in desk.shown if isinstance(one, Progressed)]
    assert told
    assert {one.task for one in told} == {"clone"}
    assert all(0 <= one.done <= one.all for one in told)
    assert [path.name for path in into.parent.iterdir()] == ["greetings"]


async def test_a_clone_by_plain_path_needs_no_address(
    desk: Desk, small: RepositoryBuilder, tmp_path: Path
) -> None:
    await desk.opening.clone(str(small.folder), tmp_path / "copy")
    assert (await desk.opening.look(tmp_path / "copy")).opens


async def test_a_cancelled_clone_leaves_nothing(desk: Desk, tmp_path: Path) -> None:
    big = RepositoryBuilder(tmp_path / "big")
    for number in range(400):
        big.write(f"f{number}.txt", f"{number}\n" * 2_000)
    big.commit("Much")
    folder = tmp_path / "copies"
    folder.mkdir()
    cloning: list[asyncio.Future[Path]] = []
    desk.hear(lambda _: cloning[0].cancel())
    cloning.append(asyncio.ensure_future(desk.opening.clone(f"file://{big.folder}", folder / "big")))
    with pytest.raises(asyncio.CancelledError):
        await cloning[0]
    assert list(folder.iterdir()) == []


async def test_a_clone_of_nothing_says_what_git_said_and_leaves_nothing(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    with pytest.raises(GasTownError, match=r"does not exist|not appear to be a git repository"):
        await desk.opening.clone(f"file://{tmp_path / 'nowhere'}", folder / "x")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("url", ["ext::sh -c evil", "--upload-pack=evil", "not an address", ""])
async def test_an_address_that_could_run_a_program_is_refused(desk: Desk, tmp_path: Path, url: str) -> None:
    with pytest.raises(Refused, match="no address"):
        await desk.opening.clone(url, tmp_path / "x")


async def test_a_clone_never_lands_in_a_folder_that_holds_something(
    desk: Desk, small: RepositoryBuilder, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine\n")
    with pytest.raises(Refused, match="not empty"):
        await desk.opening.clone(str(small.folder), tmp_path / "full")
    assert (tmp_path / "full" / "mine").read_text() == "mine\n"


async def test_the_sample_is_made_once_and_opens(desk: Desk) -> None:
    folder = await desk.opening.make_sample()
    stamp = (folder / ".git").stat().st_mtime_ns
    assert await desk.opening.make_sample() == folder
    assert (folder / ".git").stat().st_mtime_ns == stamp
    assert (await desk.opening.look(folder)).kind == "repository"


# --- recents --------------------------------------------------------------------------------------


async def test_recents_are_newest_first_once_each_and_forgotten_on_demand(
    desk: Desk, small: RepositoryBuilder, tmp_path: Path
) -> None:
    other = RepositoryBuilder(tmp_path / "other")
    for folder in (small.folder, other.folder, small.folder):
        desk.opening.remember(folder)
    assert [(one.name, one.branch) for one in await desk.opening.recents()] == [
        ("greetings", "main"),
        ("other", "main"),
    ]
    await desk.opening.forget(small.folder)
    assert [one.name for one in await desk.opening.recents()] == ["other"]
    assert small.folder.is_dir()


async def test_a_recent_whose_folder_is_gone_says_so(desk: Desk, tmp_path: Path) -> None:
    desk.opening.remember(tmp_path / "gone")
    (recent,) = await desk.opening.recents()
    assert (recent.state, recent.words) == ("missing", "folder not found")


async def test_a_torn_list_of_recents_is_an_empty_one(desk: Desk) -> None:
    (desk.data / "recents.json").write_text("[{")
    assert await desk.opening.recents() == ()
    recents = RecentRepositories(desk.data / "recents.json")
    recents.add(desk.data, datetime(2026, 1, 1, tzinfo=UTC))
    assert len(await desk.opening.recents()) == 1
