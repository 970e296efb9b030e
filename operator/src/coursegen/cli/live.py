"""Percentages as workers report them, from Redis: newer than those of status, and never needed."""

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from coursegen_api import names
from coursegen_api.base import Phase
from coursegen_api.course import CourseGeneration
from coursegen_api.task import Progress

from ..client import Client
from ..errors import CoursegenError
from ..kinds import Work

_BATCH = 1000
_TIMEOUTS: Any = {"socket_connect_timeout": 2, "socket_timeout": 2, "protocol": 2}


class Words:
    """The last word about each object, by uid; without a URL, or without Redis, there is none."""

    def __init__(self, client: Client, url: str | None) -> None:
        self._client, self._url = client, url
        self._uids: dict[str, str] = {}
        self._positions: dict[str, str] = {}
        self._last: dict[tuple[str, str], Progress] = {}
        """By namespace and uid: who may append to a namespace's stream may speak of that namespace alone."""

    def read(self, namespaces: Iterable[str]) -> None:
        """Read what was said last in some namespaces; a Redis that is not there leaves the percentages of status."""
        if not self._url:
            return
        from redis import Redis
        from redis.exceptions import RedisError

        try:
            with Redis.from_url(self._url, decode_responses=True, encoding_errors="replace", **_TIMEOUTS) as redis:
                for namespace in namespaces:
                    if uid := self._uid(namespace):
                        self._follow(redis, names.progress_stream(uid), namespace)
        except (RedisError, OSError, ValueError):
            return

    def _follow(self, redis: Any, stream: str, namespace: str) -> None:
        """Read on to the end of a stream; XREAD is what Redis lets the operator's user do."""
        while True:
            position = self._positions.get(stream, "0")
            answer = redis.xread({stream: position}, count=_BATCH)
            entries = answer[0][1] if answer else []
            for entry, fields in entries:
                self._positions[stream] = entry
                self._take(fields, namespace)
            if len(entries) < _BATCH:
                return

    def _take(self, fields: dict[str, str], namespace: str) -> None:
        """Keep one message; what is none is passed over."""
        try:
            word = Progress.model_validate(fields, extra="ignore")
        except ValidationError:
            return
        self._last[namespace, word.uid] = word

    def over(self, obj: Work) -> Work:
        """Lay the last word over an object's status, if it is about the attempt that runs."""
        word = self._last.get((obj.metadata.namespace, obj.metadata.uid))
        if word is None or isinstance(obj, CourseGeneration) or obj.status.phase is not Phase.RUNNING:
            return obj
        status = obj.status
        last = status.attempts[-1] if status.attempts else None
        if last is None or last.outcome or (word.revision, word.attempt) != (status.revision, last.number):
            return obj
        newer = {"progress_percentage": max(word.percentage, status.progress_percentage), "stage": word.stage}
        return obj.model_copy(update={"status": status.model_copy(update=newer)})

    def _uid(self, namespace: str) -> str:
        if namespace not in self._uids:
            try:
                found = self._client.read(f"/api/v1/namespaces/{namespace}")
            except CoursegenError:  # not everybody may read a namespace
                return ""
            self._uids[namespace] = found["metadata"]["uid"]
        return self._uids[namespace]
