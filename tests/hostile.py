"""What a tenant may try against another, at the object store and at Redis; nothing of it may work."""

from collections.abc import Callable

import obstore
from obstore.store import S3Store

STORE: dict[str, Callable[[S3Store, str, str], object]] = {
    "read": lambda store, key, own: obstore.get(store, key),
    "learn whether a guess is right": lambda store, key, own: obstore.head(store, _beside(key, "d")),
    "poison before it is written": lambda store, key, own: obstore.put(store, _beside(key, "e"), b"poison"),
    "write over": lambda store, key, own: obstore.put(store, key, b"poison"),
    "delete": lambda store, key, own: obstore.delete(store, key),
    "list": lambda store, key, own: list(obstore.list(store, key.partition("/")[0])),
    "list all": lambda store, key, own: list(obstore.list(store)),
    "copy out": lambda store, key, own: obstore.copy(store, key, own),
}
"""By what is tried: with a tenant's own credentials, on another's key, to a key of their own."""

REFUSED = "lacked the necessary privileges|Denied|403|500"
"""versitygw refuses a copy by 500 where it means 403; what counts is that nothing was copied."""

REDIS: dict[str, Callable[[str, str], tuple[str, ...]]] = {
    "append to another's stream": lambda own, others: ("XADD", others, "*", "percentage", "100"),
    "read another's stream": lambda own, others: ("XREAD", "STREAMS", others, "0"),
    "read its own": lambda own, others: ("XRANGE", own, "-", "+"),
    "cut its own": lambda own, others: ("XTRIM", own, "MAXLEN", "0"),
    "delete its own": lambda own, others: ("DEL", own),
    "write a key beside it": lambda own, others: ("SET", f"{own}:x", "1"),
    "look for keys": lambda own, others: ("KEYS", "*"),
    "empty the server": lambda own, others: ("FLUSHALL",),
    "read the configuration": lambda own, others: ("CONFIG", "GET", "*"),
    "make a user": lambda own, others: ("ACL", "SETUSER", "x"),
    "see who is connected": lambda own, others: ("CLIENT", "LIST"),
    "watch the others": lambda own, others: ("MONITOR",),
    "publish": lambda own, others: ("PUBLISH", "x", "y"),
    "run a script": lambda own, others: ("EVAL", "return 1", "0"),
}
"""By what is tried: the command, given a tenant's own stream and another's."""


def _beside(key: str, digit: str) -> str:
    """Give a key like another that nothing lies under."""
    folder, _, name = key.rpartition("/")
    return f"{folder}/{digit * 64}.{name.rpartition('.')[2]}"
