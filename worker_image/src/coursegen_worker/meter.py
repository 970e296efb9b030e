"""What the attempt has paid so far, by the provider's own figures: read at its end, however it ends."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coursegen_api.base import Usage
    from coursegen_api.budget import Prices

_MILLION = 1_000_000


class Meter:
    """Adds up tokens and their cost. Read by the thread that ends the process while others may still add."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._prompt = self._completion = self._picodollars = 0

    @property
    def tokens(self) -> int:
        """Tokens sent and received so far."""
        return self._prompt + self._completion

    def add(self, prompt: int, completion: int, prices: Prices | None, cached_prompt: int = 0) -> None:
        """Take in one answer; `cached_prompt` of the prompt's tokens were in the provider's own cache."""
        with self._lock:
            self._prompt += prompt
            self._completion += completion
            if prices:
                cached_prompt = min(cached_prompt, prompt)  # a server's mistake must not make a cost negative
                cheap = prices.cached_prompt_micro_usd
                cheap = prices.prompt_micro_usd if cheap is None else cheap
                self._picodollars += (prompt - cached_prompt) * prices.prompt_micro_usd + cached_prompt * cheap
                self._picodollars += completion * prices.completion_micro_usd

    def usage(self) -> Usage | None:
        """Give what was used, the cost rounded up once; None if nothing was."""
        from coursegen_api.base import Usage

        with self._lock:
            if not self._prompt + self._completion:
                return None
            cost = -(-self._picodollars // _MILLION)
            return Usage(prompt_tokens=self._prompt, completion_tokens=self._completion, cost_micro_usd=cost)
