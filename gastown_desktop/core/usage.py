"""What a reply consumed, in tokens."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one request as the provider counts them; the four buckets are disjoint."""

    input_tokens: int = 0
    """Prompt tokens that were neither read from nor written to the cache."""
    output_tokens: int = 0
    """Tokens of the reply, thinking included."""
    cache_read_tokens: int = 0
    """Prompt tokens read from the cache."""
    cache_write_5m_tokens: int = 0
    """Prompt tokens written to the five-minute cache."""
    cache_write_1h_tokens: int = 0
    """Prompt tokens written to the one-hour cache."""

    @property
    def prompt_tokens(self) -> int:
        """All tokens of the prompt, whatever the cache did: this picks the price tier."""
        cached = self.cache_read_tokens + self.cache_write_5m_tokens + self.cache_write_1h_tokens
        return self.input_tokens + cached
