"""What all shards share: API server, Job controller, scheduler, and the accounts at model providers."""

import hashlib
import math
import struct
from dataclasses import dataclass, field
from statistics import NormalDist

from coursegen_api.base import FailureClass

from .setting import Setting, shipped_queues
from .stations import Bucket, Server
from .work import ASKS_A_MODEL, CHAPTER, EXPORT, OUTLINE, VALIDATION, Piece

_BURST_SECONDS = 1.5
"""Of a client's limit: 30 for 20 a second as shipped."""

_TOLD_AT_ONCE_SECONDS = 1.0
"""A worker that is told to come back later than it can wait ends."""


@dataclass(slots=True)
class Account:
    """What a model provider lets one account have."""

    tokens: Bucket
    requests: Bucket
    refused: int = 0

    def wait(self, now: float, tokens: float, requests: float) -> float:
        """Give how long so much would have to wait."""
        return max(self.tokens.wait(now, tokens), self.requests.wait(now, requests))

    def take(self, now: float, tokens: float, requests: float) -> None:
        """Take so much."""
        self.tokens.take(now, tokens)
        self.requests.take(now, requests)


@dataclass(slots=True)
class Cluster:
    """Takes an attempt from its announcement to its worker's end, and from there to the end of its Job."""

    setting: Setting
    api: Server = field(init=False)
    controller: Bucket = field(init=False)
    scheduler: Bucket = field(init=False)
    accounts: list[Account] = field(init=False)
    spent: float = 0.0
    """Tokens."""

    def __post_init__(self) -> None:
        given = self.setting.cluster
        self.api = Server(given.api_cores)
        self.controller = Bucket(given.controller_rate, given.controller_rate * _BURST_SECONDS)
        self.scheduler = Bucket(given.scheduler_rate, given.scheduler_rate * _BURST_SECONDS)
        a_second = given.tokens_a_minute / 60, given.requests_a_minute / 60
        self.accounts = [
            Account(Bucket(a_second[0], given.tokens_a_minute), Bucket(a_second[1], given.requests_a_minute))
            for _ in range(given.accounts)
        ]

    @property
    def heard(self) -> float:
        """Give how much more each task costs the API server, since each shard hears of it."""
        return 1 + self.setting.figures.api_watch * (self.setting.shards - 1)

    def start(self, piece: Piece, now: float) -> float:
        """Make the Job of an attempt; give when its worker begins."""
        figures = self.setting.figures
        there = self.api.serve(now, figures.api_cpu / 2 * self.heard) + 2 * figures.api_seconds
        there = self.controller.take(there, figures.controller_begin)
        return self.scheduler.take(there, figures.scheduler_requests) + figures.pod_start_seconds

    def finish(self, now: float) -> float:
        """Give when a Job is known to have ended whose worker ends now."""
        figures = self.setting.figures
        there = self.api.serve(now, figures.api_cpu / 2 * self.heard) + figures.api_seconds
        return self.controller.take(there, figures.controller_end) + figures.pod_end_seconds

    def work(self, piece: Piece, account: int, started: float) -> float:
        """Let a worker do its work, or fail at it; give when it ends."""
        piece.failure, piece.retry_after = None, None
        chances = _chances(f"{self.setting.seed}/{piece.key.name}/{piece.attempts}")
        seconds = self._seconds(piece.kind, chances[0])
        if chances[1] < self.setting.trouble.failing:
            piece.failure = FailureClass.BAD_OUTPUT if piece.kind in ASKS_A_MODEL else FailureClass.INTERNAL
            seconds *= chances[2]
        if piece.kind in ASKS_A_MODEL:
            return self._ask(piece, account, started, seconds)
        return started + seconds

    def _ask(self, piece: Piece, account: int, started: float, seconds: float) -> float:
        trouble, figures = self.setting.trouble, self.setting.figures
        down = max(started, trouble.outage_from)
        if down < started + seconds and trouble.is_out(account, down):
            back = trouble.outage_from + trouble.outage_seconds
            if back > down + figures.unavailable_seconds:
                piece.failure = FailureClass.PROVIDER_UNAVAILABLE
                return down + figures.unavailable_seconds
            seconds += back - down
        tokens, requests = self._demand(piece.kind)
        asked = self.accounts[account]
        wait = asked.wait(started, tokens, requests)
        if seconds + wait > _DEADLINES[piece.queue] - figures.report_seconds:
            piece.failure, piece.retry_after = FailureClass.RATE_LIMITED, math.ceil(wait)
            asked.refused += 1
            return started + _TOLD_AT_ONCE_SECONDS
        asked.take(started, tokens, requests)
        self.spent += tokens
        return started + seconds + wait

    def _demand(self, kind: str) -> tuple[float, float]:
        figures = self.setting.figures
        if kind == CHAPTER:
            return figures.chapter_tokens, figures.chapter_requests
        return figures.outline_tokens, figures.outline_requests

    def _seconds(self, kind: str, chance: float) -> float:
        figures = self.setting.figures
        median, spread = {
            CHAPTER: (figures.chapter_seconds, figures.chapter_spread),
            OUTLINE: (figures.outline_seconds, figures.other_spread),
            VALIDATION: (figures.validation_seconds, figures.other_spread),
            EXPORT: (figures.export_seconds, figures.other_spread),
        }.get(kind, (figures.other_seconds, figures.other_spread))
        return median * math.exp(spread * _NORMAL.inv_cdf(chance))


def _chances(name: str) -> tuple[float, float, float]:
    """Draw three numbers from 0 to 1 that depend on nothing but a name: an attempt has the same in every setting."""
    drawn = struct.unpack(">III", hashlib.blake2b(name.encode(), digest_size=12).digest())
    first, second, third = ((number + 0.5) / 2**32 for number in drawn)
    return first, second, third


_NORMAL = NormalDist()

_DEADLINES = {name: float(queue.spec.timeout_seconds) for name, queue in shipped_queues().items()}
