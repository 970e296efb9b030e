"""Logs: one JSON line per event on standard error.

Values are JSON strings, so a title with line breaks cannot forge a line. Callers pass no
credentials: URLs are logged as host and port, never whole.
"""

import json
import sys
import time


def event(name: str, **fields: object) -> None:
    """Write one event; every field that is not a number or None is logged as text."""
    record: dict[str, object] = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "event": name,
    }
    for key, value in fields.items():
        record[key] = value if isinstance(value, int | float | None) else str(value)
    sys.stderr.write(json.dumps(record, ensure_ascii=True) + "\n")
    sys.stderr.flush()
