"""Taking over an old artifact, and removing one, without harm to each other though nobody locks anything.

Who takes over writes first and looks second; who removes announces first and looks second:

    take over: write the same bytes again (it is young now), then look for an announcement
    remove:    write the announcement, then look whether it is still old, delete it, take the announcement away

The store is strongly consistent (S3, GCS and Azure are). So if the one that takes over sees no announcement, a removal
that begins later sees a young artifact and lets it be. If it sees one, it waits for the removal's end and looks again:
the artifact is there, and young, or it is not there and is made anew. What one has announced no other removes, and who
removes sends no request twice.
"""

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from coursegen_api import names
from coursegen_worker.failures import storage_unavailable
from coursegen_worker.store import Found, Store, TooLargeError

ANNOUNCED = names.STORE_ANNOUNCED

YOUNG = timedelta(days=1)
"""What is younger is taken over as it is: nothing is removed that is younger than two days."""

_SPARE = timedelta(seconds=30)
"""An announcement says for how many seconds who wrote it can live; so much later it is of one that was killed."""
_LONGEST = 2 * 3600
"""Where it does not say that: a worker lives an hour at most."""
_LONGEST_WORD = 8
_WAIT_SECONDS = 15.0
_LOOK_SECONDS = 0.25


def take_over(store: Store, keys: Sequence[str], rewrite: Callable[[], object]) -> bool:
    """Keep an artifact that was found from being removed; False if it is gone, so that it has to be made.

    Arguments:
        keys: of the artifact and of what belongs to it, the artifact first.
        rewrite: writes the same bytes again.

    Raises:
        TaskFailedError: StorageUnavailable, if a removal that was announced does not end.
    """
    now = store.now_by_us()
    ages = [now - found.written if (found := store.look(key)) else None for key in keys]
    if all(age is not None and abs(age) < YOUNG for age in ages):
        return True
    rewrite()
    waited_until = time.monotonic() + _WAIT_SECONDS
    while announced := store.look(keys[0] + ANNOUNCED):
        if _is_left_behind(store, announced):
            break
        if time.monotonic() > waited_until:
            raise storage_unavailable(f"{keys[0]} is being removed by a clean-up that does not end: try again later")
        time.sleep(_LOOK_SECONDS)
    return all(store.look(key) for key in keys)


def remove(store: Store, key: str, parts: Sequence[str], before: datetime, lives_seconds: int = _LONGEST) -> bool:
    """Remove an artifact, unless a part of it was written again or another is at it; tell whether it went.

    Arguments:
        lives_seconds: for how long this process can still live: whoever finds the announcement later need not wait.
    """
    if not store.create(key + ANNOUNCED, str(lives_seconds).encode()):
        settle(store, key)
        return False
    still = [store.look(part) for part in parts]
    went = all(found is None or found.written < before for found in still)
    if went:
        for part in parts:
            store.delete(part)
    store.delete(key + ANNOUNCED)
    return went


def settle(store: Store, key: str) -> None:
    """Take an announcement away that a killed clean-up left, of what is gone or is to stay."""
    left = store.look(key + ANNOUNCED)
    if left and _is_left_behind(store, left):
        store.delete(key + ANNOUNCED)


def _is_left_behind(store: Store, announced: Found) -> bool:
    """Tell whether who announced a removal is surely dead: nothing of it can reach the store any more."""
    try:
        said = store.read(announced.key, _LONGEST_WORD) or b""
    except TooLargeError:
        said = b""
    lives = int(said) if said.isdigit() else _LONGEST
    return store.now() - announced.written > timedelta(seconds=lives) + _SPARE
