from __future__ import annotations

import random
from dataclasses import replace
from itertools import count
from math import log
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_desktop.core.ids import BeadId, ConvoyId, MergeId, Oid
from gastown_desktop.core.merge_queue import (
    MAX_OVERTAKEN,
    FailureRate,
    PrefixSearch,
    Probe,
    after_landing,
    landing_order,
    score,
)
from gastown_desktop.core.merge_request import MERGE_STATES, MergeRequest, MergeState, may_become
from tests.benchmarks import queue_cost

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Gate = Callable[[Sequence[MergeId]], bool]

HOUR = 3600.0
CONVOY = ConvoyId("cv-x")


def entry(
    name: str,
    at: float,
    *,
    priority: int = 2,
    retries: int = 0,
    overtaken: int = 0,
    convoy: ConvoyId | None = CONVOY,
) -> MergeRequest:
    return MergeRequest(
        id=MergeId(name),
        bead=BeadId(name),
        convoy=convoy,
        branch=f"work/{name}",
        commit=Oid(name),
        base=Oid("0"),
        submitted_at=at,
        priority=priority,
        retries=retries,
        overtaken=overtaken,
    )


def names(entries: Sequence[MergeRequest]) -> str:
    return "".join(entry.id for entry in entries)


@pytest.mark.parametrize(
    ("waiting", "expected"),
    [
        (entry("a", 0), 1200),
        (entry("a", 0, priority=0), 1400),
        (entry("a", 0, priority=4), 1000),
        (entry("a", 0, retries=2), 1100),
        (entry("a", 0, retries=9), 900),
        (entry("a", -2 * HOUR), 1400),
    ],
)
def test_score_without_convoy_age(waiting: MergeRequest, expected: float) -> None:
    assert score(waiting, 0, 0).total == expected
    assert score(waiting, 0, None).total == expected


def test_score_grows_with_the_age_of_the_convoy() -> None:
    assert score(entry("a", 3 * HOUR), 3 * HOUR, 0).total == 1500


def test_more_urgent_requests_land_first_and_equals_in_order_of_arrival() -> None:
    waiting = [entry("c", 2), entry("b", 0), entry("a", 0), entry("u", 3, priority=0)]
    assert names(landing_order(waiting, 10, {CONVOY: 0})) == "uabc"


def test_a_request_of_an_older_convoy_lands_first() -> None:
    other = ConvoyId("cv-y")
    waiting = [entry("a", 0), entry("b", 1, convoy=other), entry("c", 2, convoy=None)]
    assert names(landing_order(waiting, HOUR, {CONVOY: HOUR, other: 0})) == "bac"


def test_nothing_passes_a_request_that_was_overtaken_ten_times() -> None:
    old = entry("o", 5, priority=4, overtaken=MAX_OVERTAKEN)
    waiting = [entry("e", 1, priority=4, retries=5), old, entry("u", 6, priority=0), entry("p", 2)]
    assert names(landing_order(waiting, 10, {})) == "poue"


def test_a_long_prefix_stops_passing_a_request_at_the_tenth() -> None:
    late = [entry(f"{number:02}", number, priority=0) for number in range(1, 15)]
    order = landing_order([entry("slow", 0, priority=4), *late], 20, {})
    assert order[MAX_OVERTAKEN].id == "slow"


def test_landing_counts_each_later_request_that_landed() -> None:
    waiting = [entry("a", 1), entry("b", 2), entry("c", 3), entry("d", 4)]
    left = after_landing(waiting, {MergeId("b"), MergeId("d")})
    assert [(request.id, request.overtaken) for request in left] == [("a", 2), ("c", 1)]


@given(st.randoms(use_true_random=False), st.lists(st.integers(0, 12), min_size=1, max_size=25))
@settings(deadline=None)
def test_nobody_is_overtaken_more_than_ten_times(random_: random.Random, arrivals: list[int]) -> None:
    fresh = count()
    waiting: list[MergeRequest] = []
    for moment, arriving in enumerate(arrivals):
        for _ in range(arriving):
            priority, retries = random_.randint(0, 4), random_.randint(0, 8)
            at = float(moment * 600)
            waiting.append(entry(f"{next(fresh):04}", at, priority=priority, retries=retries))
        order = landing_order(waiting, moment * 600.0, {CONVOY: 0})
        assert sorted(names([request]) for request in order) == sorted(
            names([request]) for request in waiting
        )
        landed = {request.id for request in order[: random_.randint(0, 8)]}
        waiting = after_landing(waiting, landed)
        assert all(request.overtaken <= MAX_OVERTAKEN for request in waiting)


MERGE_ALLOWED: dict[MergeState, str] = {
    "queued": "checking ejected superseded",
    "checking": "queued gating conflicted ejected superseded",
    "gating": "queued merged conflicted red ejected superseded",
    "merged": "queued ejected",
    "conflicted": "queued resolving ejected superseded",
    "resolving": "queued conflicted ejected superseded",
    "red": "queued ejected superseded",
    "ejected": "queued superseded",
    "superseded": "",
}


@pytest.mark.parametrize("now", MERGE_STATES)
def test_a_merge_request_goes_only_to_the_states_of_the_table(now: MergeState) -> None:
    reachable = {then for then in MERGE_STATES if may_become(now, then)}
    assert reachable == {now, *MERGE_ALLOWED[now].split()}


def test_nothing_merges_without_passing_the_gates() -> None:
    assert [now for now in MERGE_STATES if now != "merged" and may_become(now, "merged")] == ["gating"]


def submission(commit: str, at: float, *, bead: str = "rig-00001") -> MergeRequest:
    return MergeRequest(
        id=MergeId(f"{bead}.{commit}"),
        bead=BeadId(bead),
        convoy=None,
        branch=f"work/Nux/{bead}",
        commit=Oid(commit),
        base=Oid("0"),
        submitted_at=at,
    )


def test_a_newer_commit_supersedes_and_the_same_commit_repeats() -> None:
    first, again, newer = submission("a", 1), submission("a", 2), submission("b", 3)
    assert again.repeats(first)
    assert not again.supersedes(first)
    assert newer.supersedes(first)
    assert not first.supersedes(newer)
    assert not submission("b", 3, bead="rig-00002").supersedes(first)


def test_failure_rate_starts_near_five_percent_and_learns() -> None:
    rate = FailureRate()
    assert rate.p == 0.05
    assert rate.seen(0, 10).p > 0.3
    assert rate.seen(1000, 0).p < 0.001
    assert rate.seen(3, 0).seen(0, 1) == rate.seen(3, 1)


def stack_of(size: int) -> list[MergeId]:
    return [MergeId(str(number)) for number in range(size)]


def after(size: int, *seen: tuple[int, bool] | tuple[int, bool, bool]) -> PrefixSearch:
    """A search over so many candidates after runs (length, green, confirming)."""
    search = PrefixSearch(stack_of(size), FailureRate())
    for length, green, *confirming in seen:
        search.record(Probe(length=length, confirming=bool(confirming)), green)
    return search


@pytest.mark.parametrize(("size", "length"), [(30, 13), (5, 5), (1, 1)])
def test_first_probe_is_green_half_of_the_time(size: int, length: int) -> None:
    assert after(size).next_probe() == Probe(length=length)


def test_first_probe_is_one_candidate_when_most_fail() -> None:
    assert PrefixSearch(stack_of(9), FailureRate(alpha=9, beta=1)).next_probe() == Probe(length=1)


def test_an_empty_stack_needs_no_probe() -> None:
    assert after(0).next_probe() is None
    assert after(2, (2, True)).next_probe() is None


def test_a_green_prefix_is_landable_and_the_search_goes_on_above_it() -> None:
    search = after(30, (13, True))
    assert search.landable == 13
    assert search.next_probe() == Probe(length=26)


def test_a_red_prefix_is_split_where_the_first_failure_is_as_likely_before_as_after() -> None:
    assert after(30, (13, False)).next_probe() == Probe(length=5)
    assert after(30, (13, False), (5, True)).next_probe() == Probe(length=9)
    assert after(30, (13, False), (5, False)).next_probe() == Probe(length=2)


def test_a_red_is_confirmed_before_anybody_is_blamed() -> None:
    search = after(3, (2, False), (1, True))
    assert search.next_probe() == Probe(length=2, confirming=True)
    assert search.blamed is None
    search.record(Probe(length=2, confirming=True), green=False)
    assert search.blamed == "1"
    assert search.next_probe() is None
    assert search.landable == 1


def test_a_confirming_run_that_comes_green_is_flaky_and_counts_as_green() -> None:
    search = after(3, (2, False), (1, True), (2, True, True))
    assert search.flaky
    assert search.blamed is None
    assert search.landable == 2
    assert search.next_probe() == Probe(length=3)


def test_a_green_above_a_red_lands_because_that_very_tree_was_gated() -> None:
    search = after(9, (3, False), (7, True))
    assert search.landable == 7
    assert not search.flaky


def test_several_executors_gate_several_prefixes() -> None:
    assert [probe.length for probe in after(30).probes(2)] == [7, 21]
    assert [probe.length for probe in after(30, (13, False)).probes(3)] == [3, 5, 9]
    assert [probe.length for probe in after(30, (2, False)).probes(5)] == [1]
    assert after(30).probes(0) == []


def test_landing_takes_candidates_off_the_stack_and_keeps_what_was_learned() -> None:
    search = after(6, (5, False), (2, True))
    search.landed(2)
    search.extend([MergeId("new")])
    assert search.stack == ("2", "3", "4", "5", "new")
    assert search.landable == 0
    assert search.next_probe() == Probe(length=1)
    search.record(Probe(length=1), green=False)
    search.record(Probe(length=1, confirming=True), green=False)
    assert search.blamed == "2"


def test_what_was_not_gated_green_cannot_have_landed() -> None:
    with pytest.raises(ValueError):
        after(6, (2, True)).landed(3)
    with pytest.raises(ValueError):
        after(6).record(Probe(length=7), green=True)


class Outcome:
    def __init__(self) -> None:
        self.landed: list[MergeId] = []
        self.blamed: list[tuple[MergeId, int]] = []
        self.gate_times = 0


def refine(
    todo: Sequence[MergeId], gate: Gate, rate: FailureRate, executors: int, window: int = 30
) -> Outcome:
    """Plays a whole queue: gates, lands what is green, ejects the blamed, until nothing waits."""
    outcome = Outcome()
    waiting = list(todo)
    search = PrefixSearch(waiting[:window], rate)
    del waiting[:window]
    while probes := search.probes(executors):
        outcome.gate_times += 1
        gated: dict[int, bool] = {}
        for probe in probes:
            gated[probe.length] = gate([*outcome.landed, *search.stack[: probe.length]])
            search.record(probe, gated[probe.length])
        length = search.landable
        assert length == 0 or gated[length]
        outcome.landed += search.stack[:length]
        search.landed(length)
        if search.blamed is not None:
            assert search.stack[0] == search.blamed
            outcome.blamed.append((search.blamed, len(outcome.landed)))
            search = PrefixSearch(search.stack[1:], rate)
        missing = window - len(search.stack)
        search.extend(waiting[:missing])
        del waiting[:missing]
    assert search.stack == ()
    return outcome


@given(
    size=st.integers(0, 40),
    bad=st.sets(st.integers(0, 39)),
    clashes=st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=6),
    rate=st.builds(FailureRate, alpha=st.floats(0.1, 20), beta=st.floats(0.1, 200)),
    executors=st.integers(1, 5),
)
@settings(deadline=None)
def test_exactly_what_is_green_on_top_of_the_landed_lands(
    size: int, bad: set[int], clashes: list[tuple[int, int]], rate: FailureRate, executors: int
) -> None:
    def gate(prefix: Sequence[MergeId]) -> bool:
        inside = {int(name) for name in prefix}
        return not inside & bad and not any(a != b and {a, b} <= inside for a, b in clashes)

    outcome = refine(stack_of(size), gate, rate, executors)
    greedy: list[MergeId] = []
    for candidate in stack_of(size):
        if gate([*greedy, candidate]):
            greedy.append(candidate)
    assert outcome.landed == greedy
    for blamed, landed_before in outcome.blamed:
        before = outcome.landed[:landed_before]
        assert gate(before)
        assert not gate([*before, blamed])


@given(st.integers(1, 30), st.randoms(use_true_random=False), st.integers(1, 4))
@settings(deadline=None)
def test_a_flaky_gate_never_lands_an_ungated_length_and_the_search_ends(
    size: int, random_: random.Random, executors: int
) -> None:
    def gate(prefix: Sequence[MergeId]) -> bool:
        return random_.random() < 0.7

    outcome = refine(stack_of(size), gate, FailureRate(), executors)
    assert len(outcome.landed) + len(outcome.blamed) == size


def test_one_executor_lands_two_and_a_half_candidates_per_gate_time_at_five_percent() -> None:
    random_ = random.Random(20261125)
    bad = {MergeId(str(number)) for number in range(6_000) if random_.random() < 0.05}
    outcome = refine(stack_of(6_000), lambda prefix: not bad.intersection(prefix[-30:]), FailureRate(), 1)
    p = 0.05
    entropy = -p * log(p, 2) - (1 - p) * log(1 - p, 2)
    per_gate_time = len(outcome.landed) / outcome.gate_times
    assert 2.5 <= per_gate_time <= 1.05 * (1 - p) / (entropy + p)
    assert len(outcome.landed) == 6_000 - len(bad)


@pytest.mark.parametrize(("p", "least"), [(0.02, 5.3), (0.05, 2.65), (0.1, 1.45)])
def test_a_steady_gate_with_a_record_lands_nearly_what_can_be_landed(p: float, least: float) -> None:
    """Confirming runs counted, p learned; one by one and in batches of five much less lands."""

    def ours(todo: Sequence[MergeId], gate: queue_cost.Gate) -> int:
        return len(queue_cost.prefix_queue(todo, gate, 30)[0])

    landed = queue_cost.per_run(p, 20_000, 1, ours)
    assert least <= landed <= 1.05 * queue_cost.bound(p)
    assert landed > 1.2 * queue_cost.per_run(p, 20_000, 1, queue_cost.batches)
    assert landed > 1.8 * queue_cost.per_run(p, 20_000, 1, queue_cost.serial)


@pytest.mark.parametrize("waiting", [1, 7, 30])
def test_the_simulated_queue_lands_and_blames_everybody_once(waiting: int) -> None:
    todo = stack_of(300)
    bad = set(todo[::17])
    gate = queue_cost.Gate(bad, 0.0, queue_cost.LONG_RECORD, random.Random(1))
    landed, blamed = queue_cost.prefix_queue(todo, gate, waiting)
    assert landed == [one for one in todo if one not in bad]
    assert set(blamed) == bad


def test_a_rate_that_was_kept_for_long_still_learns() -> None:
    rate = FailureRate().seen(5_000, 10)
    assert rate.p < 0.01
    assert rate.seen(0, 40).p > 0.08


def test_counts_give_the_rate_again() -> None:
    rate = FailureRate().seen(40, 3)
    assert rate.counts == (40, 3)
    assert FailureRate().seen(*rate.counts) == rate


def test_an_entry_keeps_everything_but_its_count() -> None:
    waiting = [entry("a", 1, retries=3), entry("b", 2)]
    assert after_landing(waiting, {MergeId("b")}) == [replace(waiting[0], overtaken=1)]
