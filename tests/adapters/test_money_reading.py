from __future__ import annotations

from pathlib import Path

import pytest

from gastown_desktop.adapters.money_log import FileMoneyLog, read_ledger
from gastown_desktop.core.errors import StoreError
from gastown_desktop.core.ledger import Record
from tests.told_convoy import ToldConvoy


def records() -> list[Record]:
    told = ToldConvoy("gt-a")
    told.settle(1, "gt-a Nux turn 1", "1", bead="gt-a", polecat="Nux")
    told.assume(2, "gt-a Nux turn 2", "1", bead="gt-a", polecat="Nux")
    return told.records


async def write(path: Path) -> FileMoneyLog:
    log = FileMoneyLog(path)
    for record in records():
        await log.append(record.to_json(), durable=True)
    return log


async def test_what_another_process_has_open_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "money.log"
    log = await write(path)
    assert read_ledger(path) == records()
    await log.close()


def test_no_log_is_no_records_and_none_is_made(tmp_path: Path) -> None:
    assert read_ledger(tmp_path / "money.log") == []
    assert list(tmp_path.iterdir()) == []


async def test_a_torn_last_record_is_left_out_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "money.log"
    await (await write(path)).close()
    whole = path.read_bytes()
    for cut in (1, 30, 100):
        path.write_bytes(whole[:-cut])
        assert read_ledger(path) == records()[: len(read_ledger(path))]
        assert len(read_ledger(path)) < len(records())
        assert path.read_bytes() == whole[:-cut]


@pytest.mark.parametrize("at", [2, 6, 40])
async def test_damage_before_the_last_record_is_told(tmp_path: Path, at: int) -> None:
    path = tmp_path / "money.log"
    await (await write(path)).close()
    damaged = bytearray(path.read_bytes())
    damaged[at] ^= 0xFF
    path.write_bytes(damaged)
    with pytest.raises(StoreError, match="damaged at byte 0"):
        read_ledger(path)
