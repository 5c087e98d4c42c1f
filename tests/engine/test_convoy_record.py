from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

from gastown_desktop.core.charges import Charge
from gastown_desktop.core.projection import fold
from gastown_desktop.core.usage import Usage
from gastown_desktop.engine.convoy_record import convoy_record, ledger_as_csv
from tests.told_convoy import ToldConvoy


def test_a_record_is_json_and_has_every_bead() -> None:
    told = ToldConvoy("hb-1", "hb-2")
    told.resolver(1, "hb-1.r1", "hb-1")
    record = json.loads(json.dumps(convoy_record(fold(told.envelopes))))
    assert (record["convoy"], record["title"], record["stage"]) == ("cv-1", "Two things", "draft")
    assert [one["id"] for one in record["beads"]] == ["hb-1", "hb-2", "hb-1.r1"]
    assert record["dependencies"] == [{"bead": "hb-1.r1", "on": "hb-1", "type": "parent"}]


def test_amounts_are_exact_and_no_cell_is_a_formula() -> None:
    charge = Charge(
        id="r1",
        at=datetime(2026, 1, 2, tzinfo=UTC),
        scopes=("convoy:cv-1", "bead:gt-1", "polecat:Nux", "role:worker"),
        model="=cmd()",
        what="@gt-1 turn 1",
        state="settled",
        amount=1_234_567_891,
        usage=Usage(input_tokens=1, output_tokens=2),
    )
    held = Charge(
        id="r2",
        at=charge.at,
        scopes=("convoy:cv-1",),
        model="m",
        what="x",
        state="held",
        amount=5,
        note="why",
    )
    first, second = csv.DictReader(io.StringIO(ledger_as_csv([("paid", charge), ("rehearsed", held)])))
    assert (first["amount_usd"], first["part"], first["convoy"]) == ("1.234567891", "paid", "cv-1")
    assert (first["bead"], first["worker"], first["role"]) == ("gt-1", "Nux", "worker")
    assert (first["model"], first["what"]) == ("'=cmd()", "'@gt-1 turn 1")
    assert (first["input_tokens"], first["output_tokens"]) == ("1", "2")
    assert (second["amount_usd"], second["state"], second["input_tokens"]) == ("0.000000005", "held", "")
    assert second["note"] == "why"
