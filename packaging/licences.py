"""Lists the licences of what the program ships with, and refuses those it must not ship.

`licences.py` prints a table; `--write FILE` writes it with the full texts, for the bundle.
Run it with the Python of `.venv`.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = "gastown-desktop"
FONTS = ("Inter 3.19", "JetBrains Mono 2.242")
FONTS_LICENCE = Path(__file__).resolve().parent.parent / "resources" / "fonts" / "OFL.txt"
ALLOWED = re.compile(
    r"\b(MIT|MIT-0|BSD|0BSD|BSD-\d-Clause|Apache|ISC|PSF|Python-2\.0|Python Software Foundation|MPL|MPL-2\.0"
    r"|Mozilla Public|LGPL|Lesser General Public|Unlicense)\b",
    re.IGNORECASE,
)
LINKING_EXCEPTION = re.compile(r"GPL.*(linking exception|WITH GCC-exception|WITH .*linking)", re.IGNORECASE)
TEXT = re.compile(r"(^|/)(licen[cs]e|copying|notice|authors)[^/]*$", re.IGNORECASE)


def dependencies(name: str, seen: dict[str, Distribution]) -> None:
    """Gathers what a distribution needs on this system, without extras nobody asked for."""
    for text in distribution(name).requires or ():
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        key = re.sub(r"[-_.]+", "-", requirement.name).lower()
        if key in seen:
            continue
        try:
            seen[key] = distribution(requirement.name)
        except PackageNotFoundError:
            sys.exit(f"{requirement.name} is needed by {name} and not installed.")
        dependencies(requirement.name, seen)


def licence(found: Distribution) -> str:
    """What the metadata say, the most exact field first."""
    metadata = found.metadata
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    classifiers = metadata.get_all("Classifier") or []
    named = [
        line.rpartition("::")[2].strip()
        for line in classifiers
        if line.startswith("License ::") and line.count("::") > 1
    ]
    free = metadata["License"].strip().splitlines() if "License" in metadata else []
    short = free[0] if free and len(free[0]) < 80 else ""
    return short or " AND ".join(named) or "unknown"


def allowed(text: str) -> bool:
    """One alternative of OR is enough; every part of AND is needed."""
    plain = text.replace("(", " ").replace(")", " ")
    if LINKING_EXCEPTION.search(plain):
        return True
    alternatives = re.split(r"\bOR\b", plain)
    return any(all(ALLOWED.search(part) for part in re.split(r"\bAND\b", one)) for one in alternatives)


def texts(found: Distribution) -> Iterator[tuple[str, str]]:
    """The licence files that came with a distribution."""
    for file in found.files or ():
        if TEXT.search(str(file)) and not str(file).endswith((".py", ".pyc")):
            path = Path(str(file.locate()))
            if path.is_file():
                yield str(file), path.read_text(encoding="utf-8", errors="replace")


def main() -> int:
    parser = argparse.ArgumentParser(description="Licences of the runtime dependencies.")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table and the full texts")
    options = parser.parse_args()
    seen: dict[str, Distribution] = {}
    dependencies(PROJECT, seen)
    rows = [(found.metadata["Name"], found.version, licence(found)) for _, found in sorted(seen.items())]
    lines = [f"{name} {version}: {text}" for name, version, text in rows]
    table = "\n".join([*lines, *(f"{font} (font): OFL-1.1" for font in FONTS)])
    refused = [name for name, _, text in rows if not allowed(text)]
    if options.write:
        pieces = [f"Gas Town Desktop is shipped with:\n\n{table}\n"]
        for _, found in sorted(seen.items()):
            pieces += [f"\n{'=' * 80}\n{name}\n\n{text}\n" for name, text in texts(found)]
        pieces.append(f"\n{'=' * 80}\n{', '.join(FONTS)}\n\n{FONTS_LICENCE.read_text(encoding='utf-8')}\n")
        options.write.write_text("".join(pieces), encoding="utf-8")
    else:
        print(table)
    if refused:
        print("Not allowed, or unknown: " + ", ".join(refused), file=sys.stderr)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
