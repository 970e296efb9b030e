"""The Grafana dashboards as code: each module is one dashboard, `board.py` is what they are written in."""

from . import board, courses, fleet, operator, queues

BOARDS = (fleet.BOARD, queues.BOARD, courses.BOARD, operator.BOARD)


def files() -> dict[str, str]:
    """Give the JSON that Grafana reads, by file name."""
    return {f"{one.uid}.json": board.to_json(one) for one in BOARDS}
