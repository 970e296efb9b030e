"""The few forms of PromQL that the dashboards use; the variables `job` and `instance` select where `{@}` stands."""


def now(metric: str, by: str = "") -> str:
    """Give a gauge as it is, the highest where several operators share a cluster."""
    return f"max{_by(by)}({metric}{{@}})"


def all_in_all(metric: str, by: str = "", where: str = "") -> str:
    """Give a gauge that adds up over the operators of a cluster; of each, max is the replica's that leads."""
    labels = f"{by}, shard" if by else "shard"
    return f"sum{_by(by)}(max by ({labels}) ({metric}{_selected(where)}))"


def rate(metric: str, by: str = "", where: str = "") -> str:
    """Give the growth of a counter a second."""
    return f"sum{_by(by)}(rate({metric}{_selected(where)}[$__rate_interval]))"


def hourly(metric: str, by: str = "", where: str = "") -> str:
    """Give the growth of a counter at the pace of an hour."""
    return f"3600 * {rate(metric, by, where)}"


def total(metric: str, where: str = "") -> str:
    """Give the growth of a counter over the time shown."""
    return f"sum(increase({metric}{_selected(where)}[$__range]))"


def quantile(share: float, histogram: str, by: str = "") -> str:
    """Give the value under which a share of what was measured lies."""
    labels = f"{by}, le" if by else "le"
    return f"histogram_quantile({share}, {rate(f'{histogram}_bucket', labels)})"


def mean(histogram: str, by: str) -> str:
    """Give the mean of what was measured."""
    return ratio(rate(f"{histogram}_sum", by), rate(f"{histogram}_count", by))


def ratio(part: str, whole: str) -> str:
    """Give a part of a whole; nothing where the whole is 0."""
    return f"{part} / ({whole} > 0)"


def _by(labels: str) -> str:
    return f" by ({labels}) " if labels else ""


def _selected(where: str) -> str:
    return f"{{@, {where}}}" if where else "{@}"
