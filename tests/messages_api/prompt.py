"""A prompt as a row of blocks: how many tokens each has, and where the cache may be cut.

The tokenizer is deterministic and counts about one token for 3.6 bytes. It stays below what a client may
take for granted: UTF-8 bytes + 20 for each block and tool + 400.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

from tests.messages_api.values import canonical

Ttl = Literal["5m", "1h"]
IMAGE_TOKENS = 1_500
_OF_A_PROMPT = 7
_OF_TOOLS = 290
_OF_A_TOOL = 9
_OF_A_BLOCK = 4
_TENTHS_OF_BYTES = 36


def tokens_of(text: str) -> int:
    """Tokens of a text alone, as the reply's output is counted too."""
    return -(-len(text.encode("utf-8", "surrogatepass")) * 10 // _TENTHS_OF_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block of a prompt."""

    tokens: int
    prefix: bytes
    """Names everything up to and including this block."""
    cached: Ttl | None
    """A breakpoint stands here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """All blocks of a request in the cache's order: tools, system, messages."""

    blocks: tuple[Block, ...]
    tokens: int
    head: str
    """Names [tools][system]: requests that share it may share a cache entry."""


def prompt_of(request: Mapping[str, Any]) -> Prompt:
    """Counts a valid request's prompt."""
    blocks: list[Block] = []
    prefix = blake2b(str(request.get("model")).encode(), digest_size=16)
    head = ""
    messages_begin = False
    automatic = ttl_of(request.get("cache_control"))
    rows = list(_rows(request))
    for number, (where, block) in enumerate(rows):
        if where == "messages" and not messages_begin:
            messages_begin = True
            head = prefix.hexdigest()
            prefix.update(canonical([request.get("tool_choice"), request.get("thinking")]).encode())
        prefix.update(canonical(_plain(block)).encode("utf-8", "surrogatepass"))
        marked = ttl_of(block.get("cache_control"))
        if number == len(rows) - 1 and automatic is not None:
            marked = automatic
        blocks.append(Block(tokens=_tokens(block, where), prefix=prefix.digest(), cached=marked))
    wrapped = _OF_A_PROMPT + (_OF_TOOLS if request.get("tools") else 0)
    first = Block(tokens=wrapped, prefix=b"", cached=None)
    return Prompt(blocks=(first, *blocks), tokens=wrapped + sum(block.tokens for block in blocks), head=head)


def _rows(request: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for tool in request.get("tools") or ():
        yield "tools", tool
    for block in blocks_of(request.get("system") or ()):
        yield "system", block
    for message in request["messages"]:
        for block in blocks_of(message["content"]):
            yield "messages", {"role": message["role"], **block}


def blocks_of(content: Any) -> list[Any]:
    """Content as a list of blocks, whichever way it was written."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def ttl_of(control: Any) -> Ttl | None:
    """How long a `cache_control` keeps its block."""
    if not isinstance(control, Mapping):
        return None
    return "1h" if control.get("ttl") == "1h" else "5m"


def _plain(block: Mapping[str, Any]) -> dict[str, Any]:
    """A block without its breakpoints: moving one never changes what is cached."""
    plain = {name: value for name, value in block.items() if name != "cache_control"}
    if isinstance(plain.get("content"), list):
        plain["content"] = [_plain(inner) for inner in plain["content"] if isinstance(inner, Mapping)]
    return plain


def _tokens(block: Mapping[str, Any], where: str) -> int:
    """Tokens of a block: of its words, not of the JSON around them."""
    if where == "tools":
        words = f"{block.get('name')}{block.get('description', '')}{canonical(block.get('input_schema'))}"
        return tokens_of(words) + _OF_A_TOOL
    return _words(block) + _OF_A_BLOCK


def _words(block: Mapping[str, Any]) -> int:
    match block.get("type"):
        case "text":
            return tokens_of(str(block.get("text", "")))
        case "thinking":
            return tokens_of(str(block.get("thinking", "")))
        case "tool_use":
            return tokens_of(f"{block.get('name')}{canonical(block.get('input'))}")
        case "tool_result":
            return sum(_words(inner) for inner in blocks_of(block.get("content") or ()))
        case "image":
            return min(IMAGE_TOKENS, tokens_of(canonical(block.get("source"))))
        case _:
            return tokens_of(canonical(block.get("source") or block.get("content")))
