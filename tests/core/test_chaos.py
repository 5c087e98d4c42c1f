"""Which faults happen is a matter of the seed."""

from __future__ import annotations

from collections import Counter

from gastown_desktop.core.chaos import LASTING_FAULTS, SLIPS, TRANSPORT_FAULTS, Chaos

WORKS = [f"{number:040x}" for number in range(400)]


def test_the_same_seed_has_the_same_faults_and_another_has_others() -> None:
    def drawn(seed: int) -> list[object]:
        chaos = Chaos(seed)
        turns = [(work, turn) for work in WORKS[:50] for turn in range(8)]
        return [
            *(chaos.transport(work, turn, 0) for work, turn in turns),
            *(chaos.slip(work, turn) for work, turn in turns),
            *((chaos.lasting(work), chaos.lasting_from(work), chaos.breaks_once(work)) for work in WORKS),
        ]

    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)


def test_every_kind_happens_and_most_goes_well() -> None:
    chaos = Chaos(1)
    struck = Counter(chaos.transport(work, turn, 0) for work in WORKS for turn in range(5))
    slips = Counter(chaos.slip(work, turn) for work in WORKS for turn in range(5))
    lasting = Counter(map(chaos.lasting, WORKS))
    for counted, kinds in ((struck, TRANSPORT_FAULTS), (slips, SLIPS), (lasting, LASTING_FAULTS)):
        assert set(counted) == {None, *kinds}
        assert 0.05 < 1 - counted[None] / counted.total() < 0.25


def test_a_provider_answers_at_the_fourth_attempt() -> None:
    chaos = Chaos(3)
    assert any(chaos.transport(work, 0, attempt) for work in WORKS for attempt in (1, 2))
    assert not any(chaos.transport(work, 0, attempt) for work in WORKS for attempt in (3, 4, 9))
