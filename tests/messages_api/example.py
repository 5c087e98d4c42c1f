"""A script as a test writes it, and a rule in Python: what the server's own tests play."""

from __future__ import annotations

from typing import Any

KEY = "sk-test"
READ_TOOL: dict[str, Any] = {
    "name": "read",
    "description": "Reads a file.",
    "input_schema": {
        "type": "object",
        "properties": {"path": {"type": "string"}},
        "required": ["path"],
        "additionalProperties": False,
    },
}
SCRIPT: dict[str, Any] = {
    "keys": {KEY: {}, "sk-other": {}},
    "rules": [
        {
            "role": "polecat",
            "when": {"first_user": r"BEAD (?P<bead>[\w-]+)", "tool": "read"},
            "turns": [
                {
                    "thinking": "Where to begin?",
                    "text": "I look at {bead}.",
                    "calls": [{"name": "read", "input": {"path": "{bead}.py"}}],
                },
                {"calls": [{"name": "read", "input": {"path": f"{name}.py"}} for name in "ab"]},
                {"text": "{bead} is done in turn {turn}."},
            ],
        },
        {"role": "python", "when": {"first_user": "^COUNT"}, "python": "tests.messages_api.example:counts"},
        {"role": "victim", "when": {"first_user": "^TASK"}, "obey": True, "turns": [{"text": "As planned."}]},
        {
            "role": "mayor",
            "when": {"system": "^You are the Mayor", "last_user": "(?P<wish>.+)"},
            "count": "since-last-text",
            "turns": [{"text": "You said {wish}.", "calls": [{"name": "read", "input": {"path": "plan"}}]}],
        },
        {
            "role": "short",
            "when": {"first_user": "^x"},
            "turns": [{"text": "y" * 36}],
            "after": "repeat-last",
        },
        {
            "role": "long",
            "when": {"first_user": "^LONG"},
            "turns": [{"text": "Well, ", "pad_text_tokens": 500}],
        },
    ],
}


def counts(request: dict[str, Any], groups: dict[str, str]) -> dict[str, Any]:
    """A rule in Python sees the whole request."""
    return {"text": f"{len(request['messages'])} messages, {groups or 'no groups'}"}
