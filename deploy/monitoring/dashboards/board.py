"""What the dashboards are written in: rows of figures and charts, and how they become Grafana's JSON.

A query writes `{@}`, or `{@, queue="x"}`, where the variables `job` and `instance` select (queries.py).
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

_MATCHERS = 'job=~"$job", instance=~"$instance"'
_PROGRAMS = '{__name__=~"coursegen_(gateway_)?build_info"'
"""Operators and gateways: a figure of either can be looked at for one job, or one replica."""
_SOURCE = common_models.DataSourceRef(type_val="prometheus", uid="${datasource}")
_ALL = models.VariableOption(text="All", value="$__all", selected=True)
_COLUMNS = 24
_FIGURE_HEIGHT, _CHART_HEIGHT = 4, 8


class Unit(StrEnum):
    """Grafana's names of units."""

    COUNT = "short"
    SECONDS = "s"
    RATIO = "percentunit"
    DOLLARS = "currencyUSD"
    BYTES = "bytes"
    PER_SECOND = "ops"
    NONE = "none"
    YES_NO = "bool_yes_no"


@dataclass(frozen=True)
class Panel:
    """One panel."""

    title: str
    unit: Unit
    description: str
    """For the little i: what it shows, and when to worry."""
    queries: Mapping[str, str]
    """By legend, which may name labels as `{{queue}}`."""
    width: int = 8
    """Of 24 columns."""


class Figure(Panel):
    """A number, the last one."""


@dataclass(frozen=True)
class Chart(Panel):
    """Lines over time."""

    stacked: bool = False
    most: float | None = None
    """Of the axis, where there is one by nature."""


@dataclass(frozen=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Board:
    """A dashboard."""

    uid: str
    title: str
    description: str
    rows: Sequence[Row] = field(default_factory=tuple)


def expression(query: str) -> str:
    """Give a query with the variables that select in it."""
    return query.replace("@", _MATCHERS)


def to_json(board: Board) -> str:
    """Give the JSON that Grafana reads; the same board gives the same bytes."""
    made = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.description)
        .tags(["coursegen"])
        .readonly()
        .time("now-3h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data Source").type("prometheus"))
        .with_variable(_variable("job", f"label_values({_PROGRAMS}}}, job)"))
        .with_variable(_variable("instance", f'label_values({_PROGRAMS}, job=~"$job"}}, instance)'))
        .link(
            dashboard.DashboardLink("Coursegen")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags(["coursegen"])
            .include_vars(True)
            .keep_time(True)
        )
    )
    number = itertools.count(1)
    for row in board.rows:
        made = made.with_row(dashboard.Row(row.title).id(next(number)))
        for panel in row.panels:
            drawn = _figure(panel) if isinstance(panel, Figure) else _chart(panel)
            made = made.with_panel(drawn.id(next(number)))
    return JSONEncoder(sort_keys=True, indent=2).encode(made.build()) + "\n"


def _variable(name: str, query: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .label(name.capitalize())
        .datasource(_SOURCE)
        .query(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(_ALL)
    )


def _queries(panel: Panel) -> list[prometheus.Dataquery]:
    return [
        prometheus.Dataquery()
        .datasource(_SOURCE)
        .expr(expression(query))
        .legend_format(legend)
        .ref_id(chr(65 + n))
        .range()
        for n, (legend, query) in enumerate(panel.queries.items())
    ]


def _figure(panel: Panel) -> stat.Panel:
    made = (
        stat.Panel()
        .title(panel.title)
        .description(panel.description)
        .datasource(_SOURCE)
        .unit(panel.unit)
        .span(panel.width)
        .height(_FIGURE_HEIGHT)
        .graph_mode(common_models.BigValueGraphMode.AREA)
        .color_mode(common_models.BigValueColorMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    for query in _queries(panel):
        made = made.with_target(query)
    return made


def _chart(panel: Panel) -> timeseries.Panel:
    made = (
        timeseries.Panel()
        .title(panel.title)
        .description(panel.description)
        .datasource(_SOURCE)
        .unit(panel.unit)
        .min(0)
        .span(panel.width)
        .height(_CHART_HEIGHT)
        .line_width(1)
        .fill_opacity(10)
        .show_points(common_models.VisibilityMode.NEVER)
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(common_models.LegendDisplayMode.LIST)
            .placement(common_models.LegendPlacement.BOTTOM)
        )
        .tooltip(
            common.VizTooltipOptions()
            .mode(common_models.TooltipDisplayMode.MULTI)
            .sort(common_models.SortOrder.DESCENDING)
        )
    )
    if isinstance(panel, Chart) and panel.most is not None:
        made = made.max(panel.most)
    if isinstance(panel, Chart) and panel.stacked:
        made = made.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
    for query in _queries(panel):
        made = made.with_target(query)
    return made
