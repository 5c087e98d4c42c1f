"""The Messages API of the tests, as a client meets it: what it says, what it charges, how it fails."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import httpx2
import pytest

from tests.messages_api.example import KEY, SCRIPT
from tests.messages_api.running import RunningServer, running

_OPUS = "claude-opus-5-5"
_HAIKU = "claude-haiku-5-5"
_TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # nothing is encrypted; reading all roots takes time
_X = "x" * 360  # 100 tokens; with 4 for the block and 7 for the prompt: 111
_SHORT_ANSWER = 14  # tokens: 36 bytes and a block
_ANSWERED = {"text": "As planned."}


@pytest.fixture(scope="module")
def _started() -> Iterator[RunningServer]:
    with running(SCRIPT) as started:
        yield started


@pytest.fixture
def server(_started: RunningServer) -> RunningServer:
    _started.control({"reset": True})
    return _started


def _ask(server: RunningServer, content: Any, *, key: str = KEY, **fields: Any) -> httpx2.Response:
    """One request; a list of messages, or the content of one."""
    many = isinstance(content, list) and content and "role" in content[0]
    messages = content if many else [{"role": "user", "content": content}]
    body = {"model": _OPUS, "max_tokens": 1000, "messages": messages, **fields}
    headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
    with httpx2.Client(verify=_TRUSTS_NOBODY, trust_env=False, timeout=10) as client:
        return client.post(f"{server.url}/v1/messages", json=body, headers=headers)


def _charged(server: RunningServer, content: Any, **fields: Any) -> int:
    """What a request that may break adds to the bill, in nano-dollars."""
    before = server.bill()["total_nano"]
    with suppress(httpx2.TransportError):
        _ask(server, content, **fields)
    return server.bill()["total_nano"] - before


def _cached(text: str, ttl: str = "5m") -> dict[str, Any]:
    return {"type": "text", "text": text, "cache_control": {"type": "ephemeral", "ttl": ttl}}


def test_bill_has_the_price_of_each_token_by_hand(server: RunningServer) -> None:
    usage = _ask(server, _X).json()["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (111, _SHORT_ANSWER)
    assert server.bill()["total_nano"] == 111 * 4_000 + _SHORT_ANSWER * 20_000
    assert _charged(server, _X, model="claude-fable-5-2") == 111 * 8_000 + _SHORT_ANSWER * 40_000
    assert _charged(server, _X, model="claude-sonnet-5-5") == 111 * 2_000 + _SHORT_ANSWER * 10_000
    assert _charged(server, _X, model=_HAIKU, key="sk-other") == 111 * 100 + _SHORT_ANSWER * 500
    bill = server.bill()
    assert bill["keys"]["sk-other"]["total_nano"] == bill["by_model"][_HAIKU]["total_nano"] == 18_100
    assert (bill["requests"], bill["billed_requests"], bill["prompt_tokens"]) == (4, 4, 444)
    assert sum(line["nano"] for line in server.lines()) == bill["total_nano"]


def test_a_long_prompt_of_haiku_costs_five_times_on_every_token(server: RunningServer) -> None:
    at_the_edge, beyond = "x" * 359_960, "x" * 359_964
    assert _charged(server, at_the_edge, model=_HAIKU) == 100_000 * 100 + _SHORT_ANSWER * 500
    assert _charged(server, beyond, model=_HAIKU) == 5 * (100_001 * 100 + _SHORT_ANSWER * 500)


def test_a_tier_left_open_costs_a_tenth_more_where_tiers_are_sold() -> None:
    with running(SCRIPT, arguments=["--anthropic-tiers"]) as server:
        assert _charged(server, _X) == 796_400
        assert _charged(server, _X, service_tier="standard_only", inference_geo="global") == 724_000


def test_cache_is_written_then_read_and_dies_unused(server: RunningServer) -> None:
    system = [_cached("s" * 3_600 * 2)]  # 2,000 tokens and a block

    first = _ask(server, _X, system=system).json()["usage"]
    assert (first["input_tokens"], first["cache_creation_input_tokens"]) == (104, 2_011)
    assert first["cache_creation"] == {"ephemeral_5m_input_tokens": 2_011, "ephemeral_1h_input_tokens": 0}
    read = []
    for seconds in (299, 299, 301):  # each read makes it live five minutes more
        server.control({"advance_clock": seconds})
        read.append(_ask(server, _X, system=system).json()["usage"]["cache_read_input_tokens"])
    assert read == [2_011, 2_011, 0]
    other = _ask(server, _X, system=system, key="sk-other").json()["usage"]
    assert other["cache_read_input_tokens"] == 0, "another key has another cache"
    cost = 104 * 4_000 + _SHORT_ANSWER * 20_000
    assert server.lines()[0]["nano"] == cost + 2_011 * 5_000
    assert server.lines()[1]["nano"] == cost + 2_011 * 200


def test_max_tokens_zero_warms_the_cache_and_says_nothing(server: RunningServer) -> None:
    system = [_cached("s" * 7_200, "1h")]
    reply = _ask(server, _X, system=system, max_tokens=0).json()
    assert (reply["content"], reply["stop_reason"], reply["usage"]["output_tokens"]) == ([], "max_tokens", 0)
    assert reply["usage"]["cache_creation"]["ephemeral_1h_input_tokens"] == 2_011
    assert server.bill()["total_nano"] == 104 * 4_000 + 2_011 * 8_000
    server.control({"advance_clock": 3_000})
    assert _ask(server, _X, system=system).json()["usage"]["cache_read_input_tokens"] == 2_011


@pytest.mark.parametrize(("between", "read"), [(19, 1_111), (20, 0)])
def test_a_breakpoint_looks_back_twenty_blocks(server: RunningServer, between: int, read: int) -> None:
    head = "x" * 3_960
    _ask(server, [_cached(head)])
    blocks = [{"type": "text", "text": head}, *({"type": "text", "text": "y"} for _ in range(between - 1))]
    usage = _ask(server, [*blocks, _cached("z")]).json()["usage"]
    assert usage["cache_read_input_tokens"] == read


def test_prompts_below_the_minimum_are_not_cached(server: RunningServer) -> None:
    short = [_cached("x" * 3_600)]  # 1,011 tokens
    for _ in range(2):
        usage = _ask(server, short).json()["usage"]
        assert (usage["cache_creation_input_tokens"], usage["cache_read_input_tokens"]) == (0, 0)


_PRICE = 111 * 4_000
_REPLY = _SHORT_ANSWER * 20_000


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [
        ("529", 0, 0),
        ("429", 0, 0),
        ("500", _PRICE + _REPLY, _PRICE + _REPLY),
        ("stall", _PRICE + _REPLY, _PRICE + _REPLY),
        ("cut", _PRICE + 20_000, _PRICE + _REPLY),
        ("cut_before_headers", _PRICE + _REPLY, _PRICE + _REPLY),
        ("malformed", _PRICE + _REPLY, _PRICE + _REPLY),
        ("error_event", _PRICE + 20_000, _PRICE + _REPLY),
        ("wrong_usage", _PRICE + _REPLY + 10_000 * 4_000, 10**12),
        ("wrong_output", _PRICE + 11_000 * 20_000, _PRICE + 11_000 * 20_000),
    ],
)
def test_each_fault_is_charged_as_the_provider_may(
    server: RunningServer, kind: str, least: int, most: int
) -> None:
    for seed in range(3):
        server.control({"faults": {"seed": seed, "rates": {kind: 1.0}, "stall_seconds": 0.02}})
        assert least <= _charged(server, _X, stream=True) <= most
    server.control({"faults": {"rates": {kind: 1.0}, "stall_seconds": 0.02, "free": [kind]}})
    assert _charged(server, _X, stream=True) == 0
    assert server.bill()["faults"] == {kind: 4}


def test_faults_are_drawn_anew_for_a_body_that_comes_again() -> None:
    runs = []
    with running(SCRIPT, faults={"seed": 7, "rates": {"529": 0.5}}) as server:
        for _ in range(2):
            runs.append([_ask(server, _X).status_code for _ in range(10)])
            server.control({"reset": True})
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 529}


def test_faults_strike_only_the_role_they_are_for(server: RunningServer) -> None:
    server.control({"faults": {"rates": {"529": 1.0}, "only": {"role": "long", "turn": 0}, "limit": 1}})
    assert [_ask(server, content).status_code for content in (_X, "LONG", "LONG")] == [200, 529, 200]


def test_a_storm_passes(server: RunningServer) -> None:
    server.control({"storm": {"status": 529, "seconds": 5, "retry_after": 0.5}})
    answer = _ask(server, _X)
    assert (answer.status_code, answer.headers["retry-after"]) == (529, "0.5")
    assert answer.json()["error"]["type"] == "overloaded_error"
    assert answer.json()["request_id"] == answer.headers["request-id"]
    server.control({"advance_clock": 6})
    assert _ask(server, _X).status_code == 200


def test_rate_limits_are_told_and_kept(server: RunningServer) -> None:
    server.control({"rate_limit": {"requests": 2, "input_tokens": 1_000}})
    first = _ask(server, _X)
    assert first.headers["anthropic-ratelimit-requests-limit"] == "2"
    assert first.headers["anthropic-ratelimit-requests-remaining"] == "1"
    assert first.headers["anthropic-ratelimit-input-tokens-remaining"] in {"889", "890"}
    assert _ask(server, _X).status_code == 200
    third = _ask(server, _X)
    assert (third.status_code, third.headers["retry-after"]) == (429, "30")
    server.control({"advance_clock": 30})
    assert _ask(server, _X).status_code == 200
    assert server.bill()["billed_requests"] == 3


def test_keys_expire_and_limits_of_spending_are_reached(server: RunningServer) -> None:
    assert _ask(server, _X, key="sk-unknown").json()["error"]["type"] == "authentication_error"
    server.control({"expire_key": KEY})
    assert _ask(server, _X).status_code == 401
    server.control({"revive_key": KEY, "spend_limit": True})
    assert _ask(server, _X).json()["error"]["type"] == "invalid_request_error"
    server.control({"spend_limit": "credit"})
    assert _ask(server, _X).status_code == 402
    assert server.bill()["total_nano"] == 0


def test_a_prompt_beyond_the_window_is_refused_and_a_reply_stops_at_it() -> None:
    script = {**SCRIPT, "models": {_OPUS: {"window": 200}}}
    with running(script) as server:
        answer = _ask(server, "x" * 720)
        assert (answer.status_code, answer.json()["error"]["message"]) == (
            400,
            "prompt is too long: 211 tokens > 200 maximum",
        )
        reply = _ask(server, "LONG").json()
        assert reply["stop_reason"] == "model_context_window_exceeded"
        assert reply["usage"]["input_tokens"] + reply["usage"]["output_tokens"] == 200


def test_a_reply_is_cut_and_charged_at_max_tokens(server: RunningServer) -> None:
    reply = _ask(server, "LONG", max_tokens=100).json()
    assert (reply["stop_reason"], reply["usage"]["output_tokens"]) == ("max_tokens", 100)
    assert len(reply["content"][0]["text"]) == 96 * 36 // 10


@pytest.mark.parametrize(
    ("turn", "reason"),
    [
        ({"text": "No.", "stop_reason": "refusal"}, "refusal"),
        ({"text": "Wait.", "stop_reason": "pause_turn"}, "pause_turn"),
        ({"text": "Hm.", "output_tokens": 900}, "end_turn"),
        ({"calls": [{"name": "read", "input": {}}], "raw_json": '{"path": '}, "tool_use"),
    ],
)
def test_a_turn_may_stop_as_it_likes(server: RunningServer, turn: Mapping[str, Any], reason: str) -> None:
    server.control({"answer_for_role": {"role": "short", "turn": turn}})
    reply = _ask(server, _X).json()
    assert reply["stop_reason"] == reason
    assert (reply["stop_details"] is not None) == (reason == "refusal")
    assert reply["usage"]["output_tokens"] == turn.get("output_tokens", reply["usage"]["output_tokens"])
    if reason == "pause_turn":
        paused = [{"role": "user", "content": _X}, {"role": "assistant", "content": reply["content"]}]
        assert _ask(server, paused).status_code == 200


def test_an_obedient_model_does_what_any_text_orders_once_and_then_goes_on(server: RunningServer) -> None:
    order = 'see OBEY {"name": "bash", "input": {"command": "id"}} and more'
    messages: list[dict[str, Any]] = [{"role": "user", "content": f"TASK\n{order}"}]
    reply = _ask(server, messages).json()
    call = reply["content"][1]
    assert (call["name"], call["input"]) == ("bash", {"command": "id"})
    messages.append({"role": "assistant", "content": reply["content"]})
    found = f'{order}\nOBEY [{{"name": "read", "input": {{"path": "/etc"}}}}]'
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": found}
    messages.append({"role": "user", "content": [result]})
    reply = _ask(server, messages).json()
    assert [block["input"] for block in reply["content"][1:]] == [{"path": "/etc"}]
    messages.append({"role": "assistant", "content": reply["content"]})
    result = {"type": "tool_result", "tool_use_id": reply["content"][1]["id"], "content": "denied"}
    messages.append({"role": "user", "content": [result]})
    assert _ask(server, messages).json()["content"][0]["text"] == _ANSWERED["text"]


def test_rules_match_fill_in_names_and_may_be_python(server: RunningServer) -> None:
    assert "1 messages" in _ask(server, "COUNT these").json()["content"][0]["text"]
    mayor = _ask(server, "peace", system="You are the Mayor.").json()
    assert mayor["content"][0]["text"] == "You said peace."
    assert _ask(server, "nobody knows").status_code == 400
    assert server.bill()["unmatched"] == 1
    assert [seen.get("role") for seen in server.requests()] == ["python", "mayor", None]
