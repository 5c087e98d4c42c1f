from __future__ import annotations

import json

import pytest

from gastown_desktop.core.foreign_town import formula_in, rig_in, rigs_in, routes_in, town_name

RIGS = {
    "version": 1,
    "rigs": {
        "harbor": {
            "git_url": "git@example.org:sea/harbor.git",
            "local_repo": "/home/ada/harbor",
            "added_at": "2026-01-06T12:00:00Z",
            "beads": {"repo": "local", "prefix": "hb-"},
        },
        "odd": "text",
    },
}


def test_rigs_are_read_from_the_registry() -> None:
    harbor, odd = rigs_in(json.dumps(RIGS))
    assert (harbor.name, harbor.repository, harbor.local, harbor.prefix) == (
        "harbor",
        "git@example.org:sea/harbor.git",
        "/home/ada/harbor",
        "hb",
    )
    assert (odd.name, odd.repository) == ("odd", "")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"rigs": []}', "[" * 100_000, json.dumps({"rigs": {str(n): {} for n in range(999)}})],
)
def test_what_is_no_registry_says_so(text: str) -> None:
    with pytest.raises(ValueError, match="it "):
        rigs_in(text)


def test_a_rig_says_of_itself_what_it_is() -> None:
    rig = rig_in("harbor", '{"type": "rig", "git_url": "u\\nv", "beads": {"prefix": "hb"}}')
    assert (rig.name, rig.repository, rig.prefix) == ("harbor", "u v", "hb")
    with pytest.raises(ValueError, match="not about a rig"):
        rig_in("mayor", '{"type": "mayor-config"}')


def test_routes_are_read_and_other_lines_passed_over() -> None:
    text = '{"prefix":"hq-","path":"."}\nnonsense\n{"prefix":"hb-","path":"harbor/mayor/rig"}\n{"id":"x"}\n'
    assert routes_in(text) == {"hq": ".", "hb": "harbor/mayor/rig"}


def test_a_formula_is_named_and_counted() -> None:
    steps = '[[steps]]\nid = "a"\n[[steps]]\nid = "b"\n'
    text = f'formula = "ship"\ntype = "workflow"\ndescription = "a\\nb"\n{steps}'
    formula = formula_in("ship.formula.toml", text)
    assert (formula.name, formula.kind, formula.steps, formula.description) == ("ship", "workflow", 2, "a b")
    assert formula_in("x.formula.json", '{"steps": [1]}').name == "x"
    for file, wrong in (
        ("x.formula.toml", "= ="),
        ("x.formula.json", "[]"),
        ("x.formula.json", "[" * 100_000),
    ):
        with pytest.raises(ValueError):
            formula_in(file, wrong)


def test_a_town_has_a_name_or_none() -> None:
    assert town_name('{"type": "town", "name": "gt"}') == "gt"
    assert town_name('{"name": 5}') == ""
