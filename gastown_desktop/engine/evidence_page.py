"""The evidence report as one self-contained HTML page: no script, no request, plots as inline SVG."""

from __future__ import annotations

from html import escape
from math import log2
from typing import Any

from gastown_desktop.engine.conflict_evidence import conflicts_as_html
from gastown_desktop.engine.evidence import quarantine

_STYLE = """
:root { --ink:#211E1A; --soft:#575047; --line:#E2DCD1; --page:#F8F6F2; --raised:#FFFFFF; --bar:#857C6E;
  --dark:#3D372F; --accent:#B04A06; --good:#23703A; --bad:#B01E2B; --shade:#ECE8E0; }
@media (prefers-color-scheme: dark) { :root { --ink:#ECE7DE; --soft:#B5AC9E; --line:#3A352E; --page:#1B1916;
  --raised:#24211D; --bar:#9A9184; --dark:#D2CABC; --accent:#E8894A; --good:#6FBF85; --bad:#F08A8F;
  --shade:#2A2621; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1080px; padding: 24px; background: var(--page); color: var(--ink);
  font: 13px/1.45 Inter, system-ui, sans-serif; font-variant-numeric: tabular-nums; }
pre { font: 11px/1.4 "JetBrains Mono", ui-monospace, monospace; margin: 0; white-space: pre-wrap; }
code { font: 12px "JetBrains Mono", ui-monospace, monospace; overflow-wrap: anywhere; }
h1 { font-size: 20px; margin: 0 0 4px; } h2 { font-size: 14px; margin: 24px 0 8px; }
h2 small, .soft { color: var(--soft); font-weight: 400; font-size: 12px; }
.good { color: var(--good); } .bad { color: var(--bad); }
.figures { display: flex; flex-wrap: wrap; gap: 8px 40px; padding: 12px 0; margin: 12px 0;
  border: solid var(--line); border-width: 1px 0; }
.figures b { display: block; font-size: 20px; font-weight: 600; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 0 40px; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; color: var(--soft); font-weight: 400; }
td:first-child { min-width: 13em; }
th, td { padding: 5px 8px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.n { text-align: right; white-space: nowrap; } svg { display: block; width: 100%; height: auto; }
svg text { font: 11px Inter, system-ui, sans-serif; fill: var(--soft); }
"""
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 480, 274, 36, 16, 42


def as_page(result: dict[str, Any]) -> str:
    """The whole page, from the result that `--json` prints."""
    fit = result["fit"]
    body = [
        f"<h1>Fit: {escape(fit['verdict'])}</h1>",
        f"<p class=soft>{escape(_span(result))}</p>",
        _oracle(result),
        _figures(result),
        "<ul>" + "".join(f"<li>{escape(reason)}</li>" for reason in fit["reasons"]) + "</ul>",
        "<div class=columns><div>",
        _curve(result),
        _plans(result),
        _widths(result),
        "</div><div>",
        _costs(result),
        _silent(result),
        _hot_spots(result),
        "</div></div>",
        conflicts_as_html(result, result["titles"]),
        _gates(result),
        _needs_you(result),
        _assumptions(result),
    ]
    head = (
        f"<meta charset=utf-8><title>Rehearsal: fit {escape(fit['verdict'])}</title><style>{_STYLE}</style>"
    )
    return f"<!doctype html><html lang=en><head>{head}</head><body>{''.join(body)}</body></html>\n"


def _span(result: dict[str, Any]) -> str:
    return f"{result['beads']} commits, {result['base'][:10]} to {result['tip'][:10]}"


def _oracle(result: dict[str, Any]) -> str:
    expected, landed = result["expected_tree"][:10], (result["landed_tree"] or "nothing")[:10]
    checked: dict[str, Any] = result.get("check") or {}
    if result["tree_equal"]:
        text, kind = "✔ The rehearsed tree equals your history, bit for bit", "good"
    elif result["plan"] != "true" and checked.get("ok"):
        paths = ", ".join(_shown(one["path"]) for one in checked["differences"])
        text, kind = f"✔ Every landing is what git merges; not as in your history: {paths}", "good"
    else:
        text, kind = "✘ The rehearsed tree differs from your history", "bad"
    spent = f"$0.00 spent, ${result['list_price_usd']:.2f} at list price"
    return f"<p><b class={kind}>{escape(text)}</b> <code>{expected} = {landed}</code> · {spent}</p>".replace(
        " = ", " = " if result["tree_equal"] else " ≠ "
    )


def _figures(result: dict[str, Any]) -> str:
    planned = result["plans"]["predicted"]
    gates = "none" if not result["gates"] else "see" if result["gate_sees"] else "blind"
    figures = [
        ("Beads", result["beads"]),
        ("Could start at once", planned["independent"]),
        ("Longest line", planned["critical_path"]),
        ("Merged", result["merged"]),
        ("Conflict alone on the base", result["conflicting_alone"]),
        ("Sent back", result["rework"]),
        ("Gates", gates),
        ("Your repository", "untouched" if result["user_repo_untouched"] else "changed"),
    ]
    return (
        "<div class=figures>"
        + "".join(
            f"<div><span class=soft>{escape(name)}</span><b{_alarm(value)}>{value}</b></div>"
            for name, value in figures
        )
        + "</div>"
    )


def _curve(result: dict[str, Any]) -> str:
    """Speed-up over workers, on a logarithmic axis, with the knee marked."""
    sizes, knee = result["fleet_sizes"], result["fit"]["knee"]
    top = max(size["speedup"] for size in sizes) * 1.15
    points = [(_x(size["workers"]), _y(size["speedup"], top)) for size in sizes]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    knee_x, floor = _x(knee), _HEIGHT - _BOTTOM
    marks = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="var(--ink)"/>'
        f'<text x="{x:.1f}" y="{floor + 16}" text-anchor="middle">{size["workers"]}</text>'
        f'<text x="{x:.1f}" y="{floor + 30}" text-anchor="middle">{_minutes(size["makespan_s"])}</text>'
        f'<text x="{x:.1f}" y="{y - 8:.1f}" text-anchor="middle">{size["speedup"]:.1f}×</text>'
        for (x, y), size in zip(points, sizes, strict=True)
    )
    return (
        "<h2>Speed-up <small>by workers, with the time it takes; simulated from this run</small></h2>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="speed-up by number of workers">'
        f'<rect x="{knee_x:.1f}" y="{_TOP}" width="{_x(30) - knee_x:.1f}" height="{floor - _TOP}" '
        'fill="var(--shade)"/>'
        f'<line x1="{_LEFT}" y1="{floor}" x2="{_x(30):.1f}" y2="{floor}" stroke="var(--line)"/>'
        f'<line x1="{knee_x:.1f}" y1="{_TOP}" x2="{knee_x:.1f}" y2="{floor}" stroke="var(--accent)" '
        'stroke-dasharray="3 3"/>'
        f'<polyline points="{line}" fill="none" stroke="var(--ink)" stroke-width="2"/>{marks}'
        f'<text x="{knee_x + 6:.1f}" y="{floor - 8}">above {knee} you pay for waiting</text></svg>'
    )


def _alarm(value: object) -> str:
    """Marks what a reader must not overlook."""
    return " class=bad" if value in {"none", "blind", "changed"} else ""


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 600 else f"{seconds / 60:.1f} min"


def _x(workers: int) -> float:
    return _LEFT + (_WIDTH - _LEFT - 30) * log2(workers) / log2(30)


def _y(speedup: float, top: float) -> float:
    floor = _HEIGHT - _BOTTOM
    return floor - (floor - _TOP) * speedup / top


def _plans(result: dict[str, Any]) -> str:
    """The three plans side by side."""
    words = {"true": "what beads really need", "predicted": "predicted from files", "none": "all at once"}
    rows = "".join(
        f"<tr><td>{words[kind]}<td class=n>{plan['independent']}<td class=n>{plan['critical_path']}"
        f"<td class=n>{plan['fit']['knee']}<td class=n>{plan['fleet_sizes'][-1]['speedup']:.1f}×"
        for kind, plan in result["plans"].items()
    )
    head = "<tr><th>Plan<th class=n>At once<th class=n>Longest line<th class=n>Knee<th class=n>At 30</tr>"
    title = "<h2>Three plans <small>the verdict is from the predicted one</small></h2>"
    return f"{title}<table>{head}{rows}</table>"


def _widths(result: dict[str, Any]) -> str:
    """How many beads can run at the same time, step by step."""
    waves = result["plans"]["predicted"]["waves"]
    step = min(60.0, (_WIDTH - _LEFT) / len(waves))
    tallest = max(waves)
    bars = "".join(
        f'<rect x="{_LEFT + index * step:.1f}" y="{110 - 90 * count / tallest:.1f}" width="{step * 0.7:.1f}" '
        f'height="{90 * count / tallest:.1f}" rx="2" fill="var(--bar)"/>'
        f'<text x="{_LEFT + index * step + step * 0.35:.1f}" y="{104 - 90 * count / tallest:.1f}" '
        f'text-anchor="middle">{count}</text>'
        f'<text x="{_LEFT + index * step + step * 0.35:.1f}" y="126" text-anchor="middle">{index + 1}</text>'
        for index, count in enumerate(waves)
    )
    return (
        "<h2>How wide the work is <small>beads at the same time, step by step, as predicted</small></h2>"
        f'<svg viewBox="0 -12 {_WIDTH} 146" role="img" aria-label="beads by step">{bars}</svg>'
    )


def _costs(result: dict[str, Any]) -> str:
    costs = result["cost_by_model"]
    dearest = max(costs.values()) or 1
    rows = "".join(
        f"<tr><td>{escape(model)}<td style='width:45%'><div style='height:9px;border-radius:2px;background:"
        f"var(--bar);width:{100 * amount / dearest:.0f}%'></div><td class=n>${amount:.2f}"
        f"<td class=n>${amount / result['beads']:.2f} a bead"
        for model, amount in costs.items()
    )
    return (
        f"<h2>Cost at list price <small>{result['beads']} beads, estimate</small></h2><table>{rows}</table>"
    )


def _silent(result: dict[str, Any]) -> str:
    found = result["silent_differences"]
    if not found:
        return "<h2>Silent merge differences</h2><p>None: what merged without a conflict merged right.</p>"
    rows = "".join(
        f"<tr><td><code>{escape(', '.join(map(_shown, one['paths'])))}</code>"
        f"<td>{escape(one['bead'])} after {escape(', '.join(one['earlier']))}{_lines(one['lines'])}"
        for one in found
    )
    return (
        f"<h2>Silent merge differences <small>{len(found)}, merged without a conflict, but not into what "
        f"your history has</small></h2><table><tr><th>Files<th>Beads</tr>{rows}</table>"
    )


def _lines(lines: list[str]) -> str:
    """A short diff below a row; nothing where there is none."""
    text = escape("\n".join(map(_shown, lines)))
    return f"<tr><td colspan=2><pre>{text}</pre>" if lines else ""


def _hot_spots(result: dict[str, Any]) -> str:
    spots = result["hot_spots"]
    if not spots:
        return ""
    rows = "".join(
        f"<tr><td><code>{escape(_shown(spot['path']))}</code><td class=n>{spot['beads']}" for spot in spots
    )
    table = f"<h2>Files that hold the work up</h2><table><tr><th>File<th class=n>Beads</tr>{rows}</table>"
    proposed = result["proposed_config"]
    if not proposed:
        return table
    return f"{table}<p>To be added to <code>.gastown.toml</code>:<pre><code>{escape(proposed)}</code></pre>"


def _gates(result: dict[str, Any]) -> str:
    if not result["gates"]:
        return ""
    sight = {True: "notices a broken source", False: "sees nothing", None: "sight not known"}
    rows = "".join(
        f"<tr><td>{escape(gate['name'])}<td>{sight[gate['sees']]}<td class=n>{gate['flips']} of "
        f"{gate['known_runs']} red by chance<td>in quarantine: {escape(quarantine(gate))}"
        for gate in result["gates"]
    )
    counts = f"{result['gate_runs']} runs, {result['gate_cached']} answers known from before"
    return f"<h2>Gates <small>{counts}</small></h2><table>{rows}</table>"


def _needs_you(result: dict[str, Any]) -> str:
    if not result["needs_you"]:
        return ""
    rows = "".join(
        f"<tr><td>{escape(item['bead'] or '')}<td>{escape(item['about'])}<td>{escape(item['text'])}"
        for item in result["needs_you"]
    )
    return f"<h2>Needs you</h2><table>{rows}</table>"


def _assumptions(result: dict[str, Any]) -> str:
    texts = "".join(f"<li>{escape(text)}</li>" for text in result["assumptions"])
    return f"<h2>Assumptions</h2><ul class=soft>{texts}</ul>"


def _shown(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
