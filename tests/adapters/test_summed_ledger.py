"""A ledger that goes on from its sums is the ledger of all its records: sums, caps, days and refusals."""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from gastown_desktop.adapters import money_log
from gastown_desktop.adapters.money_log import FileMoneyLog, read_ledger, read_summed
from gastown_desktop.core.errors import CapReached, MoneyError, NoReservation, StoreError
from gastown_desktop.core.ledger import (
    Acknowledge,
    Assume,
    Ledger,
    Record,
    Release,
    Reserve,
    SetCap,
    Settle,
    Shrink,
)
from gastown_desktop.core.ledger_sums import LedgerSums, sums_from_json
from gastown_desktop.core.money import NanoUsd
from gastown_desktop.core.usage import Usage
from gastown_desktop.engine import spend_gate
from gastown_desktop.engine.spend_gate import SpendGate
from tests.fakes.clock import FakeClock

ORIGIN = "https://api.example.org"
MINE = "convoy:cv-1"
AT = "2026-11-25T10:00:00+01:00"
USAGE = Usage(input_tokens=3, output_tokens=2)


def request(number: int, dice: random.Random) -> Reserve:
    convoy = dice.choice((MINE, "convoy:cv-2", "convoy:cv-10"))
    day = f"day:2026-11-{1 + number // 40:02d}+01:00"
    return Reserve(
        id=f"r{number}",
        at=AT,
        scopes=(convoy, f"bead:b{dice.randrange(9)}", "town", *([day] if dice.random() < 0.8 else [])),
        amount=NanoUsd(dice.randrange(1, 1_000)),
        model="claude-opus-5-5",
        max_tokens=10,
        what=f'says "{MINE}"' if dice.random() < 0.1 else "b1 Nux turn 1",
        body_hash="0",
    )


def history(seed: int, requests: int) -> list[Record]:
    """What a ledger may hold: up to four requests are open at a time, few replies cost too much."""
    dice = random.Random(seed)
    records: list[Record] = []
    open_: dict[str, int] = {}

    def end(name: str) -> None:
        held = open_.pop(name)
        too_much = dice.random() < 0.02
        amount = NanoUsd(held + 1 if too_much else dice.randrange(held + 1))
        records.append(
            dice.choice(
                (
                    Settle(id=name, amount=amount, usage=USAGE, request_id="q"),
                    Settle(id=name, amount=amount, usage=USAGE, request_id="q", listed=NanoUsd(1)),
                    Assume(id=name, reason="cut"),
                    Release(id=name, reason="429"),
                )
            )
        )
        if too_much and dice.random() < 0.7:
            records.append(Acknowledge(id=name, at=AT))

    for number in range(1, requests + 1):
        if dice.random() < 0.1:
            scope = dice.choice((MINE, "town", "day:2026-11-01+01:00", "convoy:cv-2"))
            cap = None if dice.random() < 0.2 else NanoUsd(dice.randrange(10**9))
            records.append(SetCap(scope=scope, cap=cap, at=AT))
        reserve = request(number, dice)
        records.append(reserve)
        open_[reserve.id] = reserve.amount
        if dice.random() < 0.5:
            held = dice.randrange(reserve.amount + 1)
            records.append(Shrink(id=reserve.id, amount=NanoUsd(held)))
            open_[reserve.id] = held
        while open_ and (len(open_) > 4 or dice.random() < 0.7):
            end(dice.choice(list(open_)))
    return records


def balances(ledger: Ledger) -> dict[str, object]:
    return {scope: ledger.totals(scope) for scope in ledger.scopes()}


@pytest.mark.parametrize("seed", range(40))
def test_wherever_a_ledger_is_summed_up_it_goes_on_as_if_it_was_not(seed: int) -> None:
    records = history(seed, 60)
    whole, orphans = Ledger.replay(records)
    summed = 0
    for cut in range(len(records) + 1):
        first = Ledger()
        for record in records[:cut]:
            first._fold(record)
        sums = first.sums("day:x")
        assert (sums is None) == bool(first.open_reservations or first.tripped), cut
        if sums is None:
            continue
        summed += 1
        sums = sums_from_json(sums.to_json())
        later, its_orphans = Ledger.replay(records[cut:], sums)
        assert (balances(later), later.scopes()) == (balances(whole), whole.scopes()), cut
        assert (later.tripped, its_orphans) == (whole.tripped, orphans)
        again = later.sums("day:x")
        assert again == whole.sums("day:x")
    assert summed > 3


def test_what_ended_before_has_ended_and_what_was_never_made_was_not() -> None:
    ledger, _ = Ledger.replay([], LedgerSums(requests=12))
    with pytest.raises(NoReservation, match="has ended"):
        ledger.apply(Release(id="r12", reason=""))
    with pytest.raises(MoneyError, match="made before"):
        ledger.apply(request(1, random.Random(1)))
    for never in ("r13", "r0", "12", "x12", "r"):
        with pytest.raises(NoReservation, match="never made"):
            ledger.apply(Release(id=never, reason=""))
    ledger.apply(request(13, random.Random(1)))


def test_other_ids_are_not_summed_up() -> None:
    ledger = Ledger()
    ledger.apply(request(2, random.Random(1)))
    ledger.apply(Release(id="r2", reason=""))
    assert ledger.sums() is None


def test_caps_hold_over_what_was_spent_before() -> None:
    ledger = Ledger()
    ledger.apply(SetCap(scope="town", cap=NanoUsd(100), at=AT))
    one = request(1, random.Random(3))
    ledger.apply(Reserve(**{**asdict(one), "amount": 90, "scopes": ("town",)}))
    ledger.apply(Assume(id="r1", reason="cut"))
    sums = ledger.sums()
    assert sums is not None
    later, _ = Ledger.replay([], sums)
    with pytest.raises(CapReached) as reached:
        later.check(("town",), 11)
    assert not reached.value.fits_later
    later.check(("town",), 10)


# --- a log of its own -----------------------------------------------------------------------------


async def filled(folder: Path, records: list[Record]) -> Path:
    path = folder / "money.log"
    log = FileMoneyLog(path)
    for record in records:
        await log.append(record.to_json(), durable=False)
    await log.close()
    return path


async def opened(path: Path, *, summed: bool) -> SpendGate:
    log = FileMoneyLog(path, summed=summed)
    gate = SpendGate(log, FakeClock(), origin=ORIGIN, by_day=True, keeps=MINE)
    await log.close()
    return gate


def seen(gate: SpendGate) -> tuple[object, ...]:
    return (
        balances(gate.ledger),
        gate.ledger.tripped,
        gate.ledger.open_reservations,
        gate.requests,
        gate._number,
        gate._day,
        gate.records,
        gate._orphans,
    )


def closed_at(records: list[Record]) -> list[int]:
    """Where nothing is open."""
    open_: set[str] = set()
    found: list[int] = []
    for end, record in enumerate(records, 1):
        match record:
            case Reserve():
                open_.add(record.id)
            case Settle() | Assume() | Release():
                open_.discard(record.id)
            case _:
                pass
        found += [] if open_ else [end]
    return found


@pytest.mark.parametrize("seed", range(12))
async def test_a_gate_over_sums_is_the_gate_over_all_records(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spend_gate, "SUMMED_UP", 4)
    records, dice = history(seed, 90), random.Random(seed)
    path, whole = tmp_path / "money.log", tmp_path / "all" / "money.log"
    whole.parent.mkdir()
    ends = sorted({*dice.sample(range(len(records)), 3), *dice.sample(closed_at(records), 6)})
    used, tripped = 0, False
    for begin, end in zip([0, *ends], [*ends, len(records)], strict=True):
        await filled(tmp_path, records[begin:end])
        shutil.copyfile(path, whole)
        expected, found = await opened(whole, summed=False), await opened(path, summed=True)
        assert seen(found) == seen(expected), end
        part = read_summed(path, MINE)
        used += part.sums is not None
        tripped |= found.ledger.tripped is not None
        read = read_ledger(path)
        assert part.later == read[len(read) - len(part.later) :]
        mine = {one.id for one in read if isinstance(one, Reserve) and MINE in one.scopes}
        wanted = [one for one in read if isinstance(one, SetCap | Acknowledge) or one.id in mine]
        assert [one for one in (*part.earlier, *part.later) if one in wanted] == wanted
    assert used > 2 or tripped
    assert not sums_of(whole).exists()


@pytest.fixture
async def summed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log with sums of its first part and some records after it."""
    monkeypatch.setattr(spend_gate, "SUMMED_UP", 4)
    dice = random.Random(5)
    records: list[Record] = []
    for number in range(1, 21):
        one = request(number, dice)
        records += [one, Settle(id=one.id, amount=one.amount, usage=USAGE, request_id="q")]
    path = await filled(tmp_path, records[:30])
    await opened(path, summed=True)
    assert sums_of(path).exists()
    return await filled(tmp_path, records[30:])


async def is_read_whole(path: Path) -> bool:
    """Whether the gate is what all records make it; tells whether it read all of them."""
    expected = await opened(path, summed=False)
    log = FileMoneyLog(path, summed=True)
    all_of_them = log.sums() is None
    await log.close()
    assert seen(await opened(path, summed=True)) == seen(expected)
    return all_of_them


def sums_of(path: Path) -> Path:
    return path.with_name("money.log.sums")


def damage(path: Path, position: int, bit: int = 2) -> bytes:
    """Flips one bit; returns the file as it is then."""
    damaged = bytearray(path.read_bytes())
    damaged[position] ^= 1 << bit
    path.write_bytes(damaged)
    return bytes(damaged)


def size_of(path: Path) -> int:
    return path.stat().st_size


def content_of(path: Path) -> bytes:
    return path.read_bytes()


def moved(path: Path, name: str) -> Path:
    return path.replace(path.with_name(name))


async def test_sums_are_used_and_may_be_deleted(summed: Path) -> None:
    assert not await is_read_whole(summed)
    sums_of(summed).unlink()
    assert await is_read_whole(summed)


async def test_sums_that_another_version_spells_otherwise_are_not_used(
    summed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(money_log, "FORM", 2)
    assert await is_read_whole(summed)


@pytest.mark.parametrize("seed", range(30))
async def test_sums_that_were_damaged_are_not_used(summed: Path, seed: int) -> None:
    file, dice = sums_of(summed), random.Random(seed)
    size = size_of(file)
    if seed % 3 == 0:
        os.truncate(file, dice.randrange(size))
    else:
        damage(file, dice.randrange(size), dice.randrange(8))
    assert await is_read_whole(summed)


async def test_a_ledger_that_was_put_in_another_s_place_is_read_whole(summed: Path) -> None:
    aside = moved(summed, "aside")
    await filled(summed.parent, [request(1, random.Random(9)), Assume(id="r1", reason="cut")])
    assert await is_read_whole(summed)
    moved(aside, summed.name)
    assert not await is_read_whole(summed)


@pytest.mark.parametrize("seed", range(20))
async def test_damage_in_what_was_summed_up_is_an_error_all_the_same(summed: Path, seed: int) -> None:
    damaged = damage(summed, random.Random(seed).randrange(size_of(summed) // 2))
    for _ in range(2):
        with pytest.raises(StoreError, match="damaged at byte"):
            FileMoneyLog(summed, summed=True)
    assert content_of(summed) == damaged


async def test_damage_after_it_says_where_in_the_file(summed: Path) -> None:
    damage(summed, -300)
    with pytest.raises(StoreError) as whole:
        FileMoneyLog(summed)
    with pytest.raises(StoreError) as from_sums:
        FileMoneyLog(summed, summed=True)
    assert str(from_sums.value) == str(whole.value)


async def test_a_torn_last_record_is_cut_off_behind_sums_too(summed: Path) -> None:
    size = size_of(summed)
    await filled(summed.parent, [request(21, random.Random(1))])
    os.truncate(summed, size_of(summed) - 7)
    assert not await is_read_whole(summed)
    assert size_of(summed) == size


async def test_sums_that_cannot_be_written_are_left(summed: Path) -> None:
    sums_of(summed).unlink()
    summed.with_name("money.log.sums.new").mkdir()
    assert await is_read_whole(summed)
    assert await is_read_whole(summed)
