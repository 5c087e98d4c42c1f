"""Was it worth it: the report of a convoy as Markdown, from the object that `--json` prints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from gastown_desktop.core.money import NANO, show_usd
from gastown_desktop.core.wording import plural, show_age, show_percent, show_tokens

KINDS = {
    "assumed": "requests that were cut off: nobody knows what they cost, so they count in full",
    "failed": "beads that failed",
    "discarded": "beads that were discarded",
    "resolvers": "resolving conflicts",
    "stopped": "attempts that were given up and begun anew",
    "rework": "rework after a red gate or a conflict",
    "repeated": "replies that were cut or lost and asked for again",
}
"""Each kind of waste in words."""
NO_BREAK = "\N{NO-BREAK SPACE}"
_MARKUP = re.compile(r"[\\`\[\]<>|]")
_VERDICTS = {"below": "below P50", "within": "between P50 and P90", "above": "above P90"}
_MOST_BEADS = 5


def as_markdown(report: Mapping[str, Any]) -> str:
    """The person's form."""
    lines = [
        f"# Was it worth it? {report['convoy']}",
        "",
        *([cell(report["title"]), ""] if report["title"] else []),
        *_headline(report),
        *_cost(report),
        *_wasted(report),
        *_work(report),
        *_speed(report["speed"]),
        *_breakdown("By role", "role", report["by_role"]),
        *_breakdown("By bead", "bead", report["by_bead"], report["titles"]),
        *_breakdown("By worker", "worker", report["by_polecat"]),
        *_breakdown("By model", "model", report["by_model"]),
        *_breakdown("By day", "day", report["by_day"]),
        *_tokens(report["tokens"]),
    ]
    return "\n".join(lines).replace(NO_BREAK, " ")


def dollars(amount: float | None) -> str:
    """A number of dollars as people read it; a dash for None."""
    return "–" if amount is None else show_usd(round(Decimal(repr(amount)) * NANO))


def cell(text: str) -> str:
    """Text of unknown origin as one line in which cells, links, pictures and HTML are out of force."""
    return _MARKUP.sub(r"\\\g<0>", " ".join(text.split()))


def _headline(report: Mapping[str, Any]) -> list[str]:
    cost, beads = report["cost"], report["beads"]
    spent = dollars(cost["spent_usd"])
    paid = f"$0.00 spent · {spent} at list price" if report["rehearsal"] else f"{spent} spent"
    each = cost["per_landed_bead_usd"]
    done, word = (beads["merged"], "merged") if each is None else (beads["landed"], "landed")
    each = cost["per_merged_bead_usd"] if each is None else each
    by_bead = f"{plural(done, f'{word} bead')}, {dollars(each)} each" if done else "nothing is merged yet"
    share = show_percent(report["wasted"]["share"]) if report["wasted"]["share"] is not None else "none"
    wasted = f"{dollars(report['wasted']['usd'])} of it wasted ({share})."
    return [f"**{paid}** · {by_bead} · {wasted}", "", *_saved(report), *_forecast(report["forecast"])]


def _saved(report: Mapping[str, Any]) -> list[str]:
    saved = report["saved"]
    if saved is None:
        return []
    rate = dollars(saved["hourly_rate_usd"])
    pays = "It would pay" if report["rehearsal"] else "It pays"
    text = f"{pays} if it saves you more than {show_age(saved['break_even_hours'] * 3600)} at {rate}/h."
    if saved["saved_usd"] is not None:
        hours = f"{saved['hours']:g} h of yours"
        gain = saved["saved_usd"]
        kept = "would have been " if report["rehearsal"] else ""
        text += f" Against {hours}: {dollars(abs(gain))} {kept}{'saved' if gain >= 0 else 'lost'}."
    return [text, ""]


def _forecast(forecast: Mapping[str, Any] | None) -> list[str]:
    if forecast is None:
        return []
    expected = f"{dollars(forecast['p50_usd'])} to {dollars(forecast['p90_usd'])}"
    spent = dollars(forecast["spent_usd"])
    before = forecast["spent_before_usd"]
    since = f" after the {dollars(before)} before the launch" if before else ""
    basis = f", from {cell(forecast['basis'])}" if forecast["basis"] else ""
    verdict = _VERDICTS[forecast["verdict"]]
    return [f"Forecast {expected} (P50–P90{basis}), actual {spent}{since}: {verdict}.", ""]


def _cost(report: Mapping[str, Any]) -> list[str]:
    cost, layers = report["cost"], report["layers"]
    mark_up = layers["gateway_mark_up_usd"]
    in_all = "in all, at list price; nothing of it was spent" if report["rehearsal"] else "spent"
    rows = [
        ("settled", dollars(cost["settled_usd"])),
        ("– tokens at list price", dollars(layers["list_price_usd"])),
        ("– gateway mark-up", "not reported" if mark_up is None else dollars(mark_up)),
        ("assumed: nobody knows, so it counts in full", dollars(cost["assumed_usd"])),
        ("our infrastructure", "$0"),
        (f"**{in_all}**", f"**{dollars(cost['spent_usd'])}**"),
        ("held: in flight, or its program ended and it will be assumed", dollars(cost["held_usd"])),
        ("limit", dollars(cost["cap_usd"])),
    ]
    return ["## The bill", "", *table(("", "$"), rows), ""]


def _wasted(report: Mapping[str, Any]) -> list[str]:
    kinds = report["wasted"]["kinds"]
    if not kinds:
        return ["## Wasted", "", "Nothing.", ""]
    rows = [
        (KINDS[one["kind"]], dollars(one["usd"]), str(one["requests"]), _beads(one["beads"])) for one in kinds
    ]
    return ["## Wasted", "", *table(("what", "$", "requests", "beads"), rows), ""]


def _beads(beads: Sequence[Mapping[str, Any]]) -> str:
    named = [f"{cell(one['bead'])} {dollars(one['usd'])}" for one in beads[:_MOST_BEADS]]
    more = len(beads) - _MOST_BEADS
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")


def _work(report: Mapping[str, Any]) -> list[str]:
    beads, rework, gates = report["beads"], report["rework"], report["gates"]
    lines = [
        f"- {plural(beads['begun'], 'bead')} begun, {beads['merged']} merged, {beads['landed']} landed, "
        f"{beads['failed']} failed, {beads['discarded']} discarded, {beads['unfinished']} not finished.",
        f"- {plural(rework['conflicts'], 'conflict')}, {_rate(rework['conflicts_per_landing'])} a landing; "
        f"{plural(rework['rounds'], 'rework round')}, {_rate(rework['rounds_per_bead'])} a bead; "
        f"{plural(rework['restarts'], 'restart')}.",
        f"- {plural(gates['runs'], 'gate run')} took {_lasting(gates['seconds'])}; "
        f"{plural(gates['cached'], 'answer')} known from before saved {_lasting(gates['saved_s'])}.",
        f"- {plural(report['questions']['asked'], 'question')} asked{_waited(report['questions'])}; "
        f"{plural(report['needs_you']['asked'], 'item')} needed you{_waited(report['needs_you'])}.",
    ]
    return ["## How it went", "", *lines, ""]


def _waited(waits: Mapping[str, Any]) -> str:
    if not waits["asked"]:
        return ""
    still = f", {waits['open']} still open" if waits["open"] else ""
    return f", waited {show_age(waits['waited_s'])} in all, {show_age(waits['longest_s'])} at most{still}"


def _speed(speed: Mapping[str, Any]) -> list[str]:
    lines = ["## Against one worker", ""]
    if not speed["measured"]:
        return [*lines, f"Not measured. {speed['why_not']}", ""]
    known = "" if speed["slots_known"] else " (the most at the same time; the fleet's size was not kept)"
    return [
        *lines,
        f"- {speed['speed_up']:.2f} times as fast: {show_age(speed['own_s'])} of work on beads in "
        f"{show_age(speed['ran_s'])}; pauses, and waiting for limits and answers, are left out.",
        f"- Idle: {show_percent(speed['idle_share'])} of {plural(speed['slots'], 'place')}{known} × the time "
        "with unfinished beads.",
        "",
    ]


def _breakdown(
    heading: str, name: str, lines: Sequence[Mapping[str, Any]], titles: Mapping[str, str] | None = None
) -> list[str]:
    """Sums by name; nothing where there are none."""
    if not lines:
        return []
    rows = [
        (
            _titled(line["name"], titles or {}),
            dollars(line["spent_usd"]),
            dollars(line["held_usd"]),
            str(line["requests"]),
            show_tokens(line["prompt_tokens"]),
            show_tokens(line["reply_tokens"]),
            show_tokens(line["cache_read_tokens"]),
        )
        for line in lines
    ]
    head = (name, "spent", "held", "requests", "tokens in", "tokens out", "from cache")
    return [f"## {heading}", "", *table(head, rows), ""]


def _titled(name: str, titles: Mapping[str, str]) -> str:
    title = titles.get(name)
    return cell(f"{name} {title}" if title else name)


def _tokens(tokens: Mapping[str, Any]) -> list[str]:
    after = tokens["cache_hit_share_after_first"]
    return [
        "## Tokens",
        "",
        f"{show_tokens(tokens['prompt_tokens'])} in, {show_tokens(tokens['reply_tokens'])} out; "
        f"{show_tokens(tokens['cache_read_tokens'])} read from the cache, "
        f"{show_tokens(tokens['cache_written_tokens'])} written to it.",
        f"The cache served {show_percent(tokens['cache_hit_share'])} of all prompt tokens, "
        f"{show_percent(after)} after the first request of each conversation.",
        "",
    ]


def _lasting(seconds: float) -> str:
    return "<1 s" if 0 < seconds < 1 else show_age(seconds)


def _rate(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int = 1) -> list[str]:
    """A Markdown table; its first columns are texts, the others figures."""
    rule = "|".join(["---"] * texts + ["---:"] * (len(head) - texts))
    return [
        f"| {' | '.join(head)} |",
        f"|{rule}|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
