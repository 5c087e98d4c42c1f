"""Past beads come from histories and ledgers as they were paid; a forecast is read back as it was told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from gastown_desktop.core import events as ev
from gastown_desktop.core.bead import BeadSize
from gastown_desktop.core.charges import charges_of
from gastown_desktop.core.errors import StoreError
from gastown_desktop.core.forecast import PastBead
from gastown_desktop.core.ids import BeadId, ConvoyId
from gastown_desktop.core.ledger import Assume, Record, Release, Settle
from gastown_desktop.core.money import usd
from gastown_desktop.core.planning_folds import forecast_view
from gastown_desktop.core.planning_words import forecast_sentence, forecast_words
from gastown_desktop.core.prices import PRICES
from gastown_desktop.core.projection import fold
from gastown_desktop.engine.forecast import (
    forecast_event,
    forecast_json,
    forecast_plan,
)
from gastown_desktop.engine.past import Archive, ConvoyPast, Past, convoy_past, past_of
from gastown_desktop.engine.worth import Fleet, Question, report_of
from gastown_desktop.engine.worth_page import as_markdown
from tests.told_convoy import CONVOY, OPUS, ToldConvoy


def worked(*, rehearsal: bool = False, status: str = "merged") -> ToldConvoy:
    """gt-a (S, two files): $1.50 in 30 s of two attempts, $0.25 in 10 s of a resolver; gt-b is not over."""
    told = ToldConvoy(rehearsal=rehearsal)
    told.bead(0, "gt-a", size="S", files=("a.py", "b.py"))
    told.bead(0, "gt-b")
    told.stage(0, "running")
    told.sling(0, "gt-a", "Nux")
    told.turn(0, 20, "gt-a", "Nux", 1, "1")
    told.submit(20, "gt-a", "Nux")
    told.sling(20, "gt-b", "Slit")
    told.turn(20, 22, "gt-b", "Slit", 1, "7")
    told.resolver(25, "gt-a.r1", "gt-a")
    told.sling(30, "gt-a.r1", "Ace")
    told.settle(30, "gt-a.r1 Ace turn 1", "0.25", bead="gt-a", polecat="Ace")
    told.tell(
        40,
        ev.TurnEnded(
            **told.where,
            polecat="Ace",  # type: ignore[arg-type]
            bead=BeadId("gt-a.r1"),
            turn=1,
            hook=told.envelopes[0].event.base,  # type: ignore[union-attr]
            cost=usd("0.25"),
            prompt_tokens=100,
            output_tokens=50,
        ),
    )
    told.reopen(45, "gt-a")
    told.sling(50, "gt-a", "Nux", turn=1)
    told.assume(50, "gt-a Nux turn 2", "0.10", bead="gt-a", polecat="Nux")
    told.turn(50, 60, "gt-a", "Nux", 2, "0.40")
    told.submit(60, "gt-a", "Nux")
    if status == "merged":
        told.merge(70, "gt-a")
    return told


def beads_of(told: ToldConvoy) -> tuple[PastBead, ...]:
    return convoy_past(fold(told.envelopes), told.envelopes, told.charges).beads


def archive(*convoys: ToldConvoy, ledger: Sequence[Record] = (), broken: str = "") -> Archive:
    """Convoys under the names cv-0, cv-1, …, the newest first; what `broken` names is damaged."""
    named = {ConvoyId(f"cv-{number}"): told for number, told in enumerate(convoys)}

    def history(convoy: ConvoyId) -> Sequence[ev.Envelope]:
        if convoy == broken:
            raise StoreError(f"The history of {convoy} is damaged.")
        return named[convoy].envelopes

    def of_all() -> Sequence[Record]:
        if broken == "ledger":
            raise StoreError("The money log is damaged.")
        return ledger

    return Archive(
        convoys=list(named),
        history=history,
        ledger=of_all,
        rehearsal_ledger=lambda convoy: named[convoy].records,
    )


def test_a_past_bead_costs_what_was_paid_for_it_with_its_resolvers_and_its_rework() -> None:
    told = worked()
    (bead,) = beads_of(told)
    assert bead == PastBead(size="S", files=2, model=OPUS, cost=usd("1.75"), turns=2, seconds=40.0)


def test_what_is_not_over_is_no_past() -> None:
    told = worked(status="submitted")
    assert beads_of(told) == ()


def test_a_rehearsed_bead_takes_its_tools_and_the_time_that_a_model_would() -> None:
    told = worked(rehearsal=True)
    (bead,) = beads_of(told)
    assert bead.rehearsed
    assert bead.seconds == pytest.approx(100 / 70 + 2 * 2.0)


def test_real_beads_are_paid_from_the_ledger_of_all_rigs_and_only_the_newest_rehearsal_counts() -> None:
    real, newer, older = worked(), worked(rehearsal=True), worked(rehearsal=True)
    unfinished = worked(rehearsal=True, status="submitted")
    records = [*real.records]
    past = past_of(archive(unfinished, newer, older, ledger=records))
    assert [one.rehearsed for one in past.beads] == [True]
    named = Archive(
        convoys=[CONVOY],
        history=lambda _: real.envelopes,
        ledger=lambda: records,
        rehearsal_ledger=lambda _: [],
    )
    assert [one.cost for one in past_of(named).beads] == [usd("1.75")]


def test_a_landed_convoy_is_read_once() -> None:
    landed, going_on = worked(), worked(status="submitted")
    landed.stage(90, "landed")
    kept: dict[ConvoyId, ConvoyPast] = {}
    memory = {"remembered": kept.get, "remember": kept.__setitem__}
    first = past_of(replace(archive(landed, going_on, ledger=landed.records), **memory))
    assert set(kept) == {"cv-0"}
    second = past_of(replace(archive(landed, going_on, broken="cv-0"), **memory))
    assert (second.beads, second.unread) == (first.beads, ())


def test_what_was_not_paid_for_all_it_is_worth_is_read_again() -> None:
    held, unpaid = worked(), worked()
    for told in (held, unpaid):
        told.stage(90, "landed")
    kept: dict[ConvoyId, ConvoyPast] = {}
    memory = {"remembered": kept.get, "remember": kept.__setitem__}
    past_of(replace(archive(unpaid, broken="ledger"), **memory))
    records = [one for one in held.records if not isinstance(one, Settle | Assume | Release)]
    named = replace(archive(ledger=records), convoys=[CONVOY], history=lambda _: held.envelopes, **memory)
    past_of(named)
    assert not kept


def test_what_is_damaged_is_left_out_and_said() -> None:
    past = past_of(archive(worked(rehearsal=True), worked(rehearsal=True), broken="cv-0"))
    assert len(past.beads) == 1
    assert past.unread == ("The history of cv-0 is damaged.",)
    lost = past_of(archive(worked(), broken="ledger"))
    assert [one.cost for one in lost.beads] == [0]
    assert lost.unread == ("The money log is damaged.",)


def test_the_time_of_gates_is_that_of_all_answers() -> None:
    told = worked()
    oid = told.envelopes[0].event.base  # type: ignore[union-attr]
    told.tell(80, ev.GateRun(**told.where, gate="g", tree=oid, green=True, seconds=30.0))
    told.tell(
        81, ev.GateRun(**told.where, gate="g", tree=oid, green=True, seconds=0, cached=True, saved_s=10)
    )
    assert past_of(archive(told)).gate_s == 20.0


def planned(**fields: Any) -> ToldConvoy:
    told = ToldConvoy()
    told.bead(0, "gt-a", status="draft", **fields)
    return told


def test_a_plan_is_forecast_with_each_beads_own_model_and_without_what_nobody_works_on() -> None:
    told = planned(model="claude-haiku-5-5", files=("a.py",))
    told.bead(0, "gt-b", status="draft")
    told.bead(0, "gt-epic", status="draft", type="epic")
    price = PRICES[OPUS]
    found = forecast_plan(fold(told.envelopes), Past(), PRICES, model=OPUS, price=price)
    assert found is not None
    assert list(found.beads) == ["gt-a", "gt-b"]
    assert found.beads[BeadId("gt-a")].p50 < found.beads[BeadId("gt-b")].p50 / 10
    none = forecast_plan(fold(ToldConvoy().envelopes), Past(), PRICES, model=OPUS, price=price)
    assert none is None


def test_a_beads_own_model_without_a_price_costs_what_the_fleets_does() -> None:
    state = fold(planned(model="mystery").envelopes)
    usual = fold(planned().envelopes)
    price = PRICES[OPUS]
    found = forecast_plan(state, Past(), PRICES, model=OPUS, price=price)
    assert found is not None
    same = forecast_plan(usual, Past(), PRICES, model=OPUS, price=price)
    assert same is not None
    assert found.convoy.p50 == pytest.approx(same.convoy.p50, rel=0.05)


def event(told: ToldConvoy, past: Past, spent: str = "0.25") -> ev.ConvoyForecast:
    found = forecast_plan(fold(told.envelopes), past, PRICES, model=OPUS, price=PRICES[OPUS])
    assert found is not None
    return forecast_event(told.where, found, past, workers=6, spent=usd(spent))


def bead(size: BeadSize = "M") -> PastBead:
    return PastBead(size=size, files=0, model=OPUS, cost=usd("1"), turns=20, seconds=600.0)


def test_a_forecast_is_told_in_a_sentence_as_json_and_in_the_history() -> None:
    told = planned()
    one = event(told, Past(beads=(bead(),) * 12))
    view = forecast_view(one)
    sentence = forecast_sentence(view)
    assert sentence.startswith("P50–P90: $0.9")
    assert sentence.endswith("/h with 6 workers (knee 1), from 12 beads of this rig on claude-opus-5-5")
    assert forecast_words(one).endswith("for 1 bead, from 12 beads of this rig on claude-opus-5-5")
    values = forecast_json(view)
    assert values is not None
    assert values["by_bead"] == [{"bead": "gt-a", "p50_usd": values["p50_usd"], "p90_usd": values["p90_usd"]}]
    assert values["per_hour_usd"] == values["fleet"][0]["per_hour_usd"]
    assert forecast_json(None) is None


def test_dollars_an_hour_have_no_cents_from_ten() -> None:
    view = forecast_view(
        ev.ConvoyForecast(
            **ToldConvoy().where,
            p50=usd("3.10"),
            p90=usd("5.40"),
            beads=12,
            basis="12 beads of this rig",
            workers=6,
            knee=6,
            per_hour=(usd("3.2"), *(usd("19.4"),) * 29),
        )
    )
    words = "P50–P90: $3.10–$5.40, about $19/h with 6 workers (knee 6), from 12 beads of this rig"
    assert forecast_sentence(view) == words


def test_damage_is_part_of_what_a_forecast_rests_on() -> None:
    one = event(planned(), Past(beads=(bead(),) * 2, unread=("a", "b")))
    assert one.basis == "2 beads of this rig on claude-opus-5-5 (2 damaged files left out)"


@pytest.mark.parametrize(("dollars", "verdict"), [("0.10", "below"), ("1.10", "within"), ("99", "above")])
def test_the_report_compares_with_what_was_spent_after_the_launch(dollars: str, verdict: str) -> None:
    told = planned()
    told.settle(0, "Mayor turn 1", "0.25", role="mayor")
    told.tell(1, event(told, Past(beads=(bead(),) * 12)))
    told.stage(2, "running")
    told.sling(2, "gt-a", "Nux")
    told.turn(3, 20, "gt-a", "Nux", 1, dollars)
    report = report_of(told.envelopes, told.records, Fleet(), Question())
    assert report["forecast"]["verdict"] == verdict
    assert report["forecast"]["spent_before_usd"] == 0.25
    assert usd(str(report["forecast"]["spent_usd"])) == usd(dollars)
    assert sum(one.spent for one in charges_of(told.records)) == usd(dollars) + usd("0.25")
    text = as_markdown(report)
    assert "from 12 beads of this rig on claude-opus-5-5), actual" in text
    assert "after the $0.25 before the launch" in text
