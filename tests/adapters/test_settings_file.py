"""The settings file: read strictly, changed value by value, never overwritten when it is not understood."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from gastown_desktop.adapters.settings_file import Settings, read_settings, write_setting
from gastown_desktop.core.errors import Refused, StoreError

MINE = """\
# What I like.
theme = "dark" # at night

# Fans get loud above eight.
polecats = 8
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def test_a_file_that_is_not_there_is_all_defaults(file: Path) -> None:
    assert read_settings(file) == Settings()
    assert not file.exists()


def test_only_what_the_file_says_comes_from_it(file: Path) -> None:
    file.write_text(MINE)
    settings = read_settings(file)
    assert (settings.theme, settings.polecats, settings.rail) == ("dark", 8, "open")


def test_allowed_hosts_are_kept_in_one_spelling(file: Path) -> None:
    assert Settings().allowed_hosts == ()
    file.write_text('allowed_hosts = ["PyPI.org", "a.example.org:80"]\n')
    assert read_settings(file).allowed_hosts == ("a.example.org:80", "pypi.org:443")
    file.write_text('allowed_hosts = ["pypi.org", "169.254.169.254"]\n')
    with pytest.raises(Refused, match=r"allowed_hosts: 169\.254\.169\.254 is not an address of the public"):
        read_settings(file)


def test_an_amount_is_exact(file: Path) -> None:
    file.write_text("rehearsal_limit_usd = 0.1\n")
    assert read_settings(file).rehearsal_limit_usd == Decimal("0.1")
    write_setting(file, "rehearsal_limit_usd", Decimal("12.50"))
    assert file.read_text() == "rehearsal_limit_usd = 12.50\n"
    assert read_settings(file).rehearsal_limit_usd == Decimal("12.5")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("polecats = ", "cannot be read"),
        ("polecats = 31", "polecats: Input should be less than or equal to 30"),
        ('polecats = "6"', "polecats: Input should be a valid integer"),
        ("polecats = true", "polecats: Input should be a valid integer"),
        ('theme = "pink"', "theme: Input should be 'system', 'light' or 'dark'"),
        ('reduced_motion = "yes"', "reduced_motion: Input should be a valid boolean"),
        ('model = "gpt"', "model: the price of gpt is not known"),
        ("rehearsal_limit_usd = 0", "rehearsal_limit_usd: Input should be greater than 0"),
        ("rehearsal_limit_usd = nan", "rehearsal_limit_usd: Input should be a finite number"),
        ("colour = 1", "there is no setting colour"),
        ("[fleet]\nsize = 3", "there is no setting fleet"),
    ],
)
def test_what_makes_no_sense_is_named_and_never_overwritten(file: Path, text: str, says: str) -> None:
    file.write_text(text)
    with pytest.raises(Refused, match=r"settings\.toml") as refused:
        read_settings(file)
    assert says in str(refused.value)
    assert refused.value.remedy == "Mend or remove it."
    with pytest.raises(Refused, match=r"settings\.toml"):
        write_setting(file, "theme", "light")
    assert file.read_text() == text


@pytest.mark.parametrize("data", [b"\xff\xfe", b"\xef\xbb\xbftheme = 'dark'"])
def test_bytes_that_are_no_toml_are_refused(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    with pytest.raises(Refused, match="cannot be read"):
        read_settings(file)


def test_a_folder_in_its_place_is_refused(file: Path) -> None:
    file.mkdir()
    with pytest.raises(Refused, match="cannot be read: Is a directory"):
        read_settings(file)


def test_a_change_keeps_comments_order_and_everything_else(file: Path) -> None:
    file.write_text(MINE)
    settings = write_setting(file, "theme", "light")
    assert settings.theme == "light"
    assert file.read_text() == MINE.replace('"dark"', '"light"')
    write_setting(file, "reduced_motion", True)
    assert file.read_text() == MINE.replace('"dark"', '"light"') + "reduced_motion = true\n"


def test_a_file_of_windows_keeps_its_line_ends(file: Path) -> None:
    file.write_bytes(b"# mine\r\npolecats = 8\r\n")
    write_setting(file, "polecats", 9)
    assert file.read_bytes() == b"# mine\r\npolecats = 9\r\n"


def test_a_file_without_a_last_line_end_gets_its_value_on_a_line(file: Path) -> None:
    file.write_text('theme = "dark"')
    write_setting(file, "polecats", 9)
    assert read_settings(file) == Settings(theme="dark", polecats=9)
    assert file.read_text().splitlines() == ['theme = "dark"', "polecats = 9"]


def test_a_value_taken_out_is_the_default_again_and_its_comment_stays(file: Path) -> None:
    file.write_text(MINE)
    assert write_setting(file, "theme", None).theme == "system"
    assert read_settings(file) == Settings(polecats=8)
    assert "# at night" in file.read_text()
    assert "# Fans get loud above eight.\npolecats = 8\n" in file.read_text()
    assert write_setting(file, "theme", None).theme == "system"


def test_a_new_file_is_the_users_alone(file: Path) -> None:
    deep = file.parent / "config" / "settings.toml"
    write_setting(deep, "polecats", 3)
    assert deep.read_text() == "polecats = 3\n"
    assert deep.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in deep.parent.iterdir()] == ["settings.toml"]


def test_rights_and_a_link_stay(file: Path) -> None:
    real = file.parent / "dotfiles.toml"
    real.write_text("polecats = 3\n")
    real.chmod(0o640)
    file.symlink_to(real)
    write_setting(file, "polecats", 4)
    assert file.is_symlink()
    assert real.read_text() == "polecats = 4\n"
    assert real.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("name", "value"), [("polecats", 0), ("model", "gpt"), ("colour", "red"), ("theme", 3)]
)
def test_a_value_that_makes_no_sense_is_not_written(file: Path, name: str, value: str | int) -> None:
    file.write_text(MINE)
    with pytest.raises(Refused) as refused:
        write_setting(file, name, value)
    assert refused.value.safe == "Nothing was changed."
    assert name in str(refused.value)
    assert file.read_text() == MINE


def test_a_file_in_the_place_of_its_folder_is_refused(file: Path) -> None:
    file.write_text("in the way")
    with pytest.raises(Refused, match="cannot be read: Not a directory"):
        write_setting(file / "settings.toml", "polecats", 3)


def test_no_room_for_the_new_file_leaves_the_old_one(file: Path) -> None:
    file.write_text(MINE)
    long = file.parent / ("x" * 250)
    long.write_text(MINE)
    with pytest.raises(StoreError, match="could not be written") as failed:
        write_setting(long, "polecats", 3)
    assert failed.value.safe == "The file is as it was."
    assert long.read_text() == MINE
