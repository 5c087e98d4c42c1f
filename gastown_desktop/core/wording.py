"""How numbers and times are said everywhere in the window; what is not known is said to be unknown."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from unicodedata import category

from gastown_desktop.core.money import NANO

UNKNOWN = "unknown"
_CENT = Decimal("0.01")
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode categories of control, format (bidi, zero width), surrogate, private and separator characters."""
_NO_BREAK = "\N{NO-BREAK SPACE}"


def show_money(amount: int | None) -> str:
    """An amount of nano-dollars: `$0.84`, `<$0.01`, `$1,240` from a thousand; `unknown` for None."""
    if amount is None:
        return UNKNOWN
    value = Decimal(amount) / NANO
    if 0 < value < _CENT:
        return "<$0.01"
    return ("−$" if value < 0 else "$") + _digits(abs(value))


def show_cents(amount: int) -> str:
    """The same without a sign, for columns whose header says the unit: `0.84`."""
    return _digits(Decimal(amount) / NANO)


def show_held(amount: int) -> str:
    """What is promised on top: `+0.31`."""
    return "+" + _digits(Decimal(amount) / NANO)


def show_age(seconds: float | None) -> str:
    """A length of time: `34 s`, `6 m 30 s`, `31 m` from ten minutes, `1 h 12 m`; `unknown` for None."""
    if seconds is None:
        return UNKNOWN
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 10:
        return f"{minutes} m {rest:02} s"
    if minutes < 60:
        return f"{minutes} m"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} m" if minutes else f"{hours} h"


def show_minutes(seconds: float) -> str:
    """About how long ago: `34 s`, `4 m`, `1 h 12 m`."""
    return f"{int(seconds) // 60} m" if 60 <= seconds < 600 else show_age(seconds)


def show_stopwatch(seconds: float) -> str:
    """How long something has been running: `0:42`, `12:05`, `1:02:07`."""
    whole = max(0, int(seconds))
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02}"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def show_took(seconds: float) -> str:
    """How long something took, as a stopwatch shows it; `<1 s` for less than it can."""
    return show_stopwatch(seconds) if seconds >= 1 else "<1 s"


def show_clock(at: datetime, zone: tzinfo | None = None, *, seconds: bool = False) -> str:
    """The time of day where the user is: `14:32`, in the history `14:32:08`."""
    return at.astimezone(zone).strftime("%H:%M:%S" if seconds else "%H:%M")


def show_day(at: datetime, now: datetime, zone: tzinfo | None = None) -> str:
    """A day as people say it: `today 15:46`, `yesterday`, `18 Nov`, `18 Nov 2025`."""
    then, today = at.astimezone(zone), now.astimezone(zone)
    days = (today.date() - then.date()) // timedelta(days=1)
    if days == 0:
        return f"today {then:%H:%M}"
    if days == 1:
        return "yesterday"
    return f"{then.day} {then:%b}" if then.year == today.year else f"{then.day} {then:%b %Y}"


def show_tokens(count: int | None) -> str:
    """A number of tokens: `840`, `48 k`, `2.80 M`; `unknown` for None."""
    if count is None:
        return UNKNOWN
    if count < 1_000:
        return str(count)
    if count < 1_000_000:
        return f"{count // 1_000}{_NO_BREAK}k"
    return f"{count / 1_000_000:.2f}{_NO_BREAK}M"


def show_percent(share: float | None) -> str:
    """A share from 0 to 1: `93 %`, below ten with a digit more: `4.6 %`."""
    if share is None:
        return UNKNOWN
    percent = share * 100
    text = f"{percent:.0f}" if percent >= 10 or percent == round(percent) else f"{percent:.1f}"
    return f"{text}{_NO_BREAK}%"


def show_lines(added: int, removed: int) -> str:
    """Changed lines: `+120 −34`."""
    return f"+{added} −{removed}"


def show_hidden(text: str) -> str:
    """Text with what cannot be seen, or turns other characters round, written out: `‹U+202E›`.

    Line ends and tabs stay.
    """
    return "".join(
        f"‹U+{ord(one):04X}›" if one not in "\n\t" and category(one) in _UNSEEN else one for one in text
    )


def plural(count: int, one: str, many: str | None = None) -> str:
    """A number with its noun: `1 file`, `3 files`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def show_model(model: str) -> str:
    """A model's id as people call it: `claude-opus-5-5` is `Opus 5.5`."""
    words = model.removeprefix("claude-").split("-")
    name = [word for word in words if not word.isdigit()]
    version = [word for word in words if word.isdigit()]
    return " ".join([" ".join(name).title(), ".".join(version)]).strip()


def _digits(value: Decimal) -> str:
    if abs(value) >= 1_000:
        return f"{value.quantize(Decimal(1), ROUND_HALF_UP):,}".replace("-", "−")
    return f"{value.quantize(_CENT, ROUND_HALF_UP)}".replace("-", "−")
