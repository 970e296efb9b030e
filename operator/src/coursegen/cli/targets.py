"""What share of tasks shall succeed: as asked for, else by the setting that the alert and the page go by."""

from dataclasses import replace

from .. import fleet
from ..performance import Report, Target
from .app import Scope


def judged(scope: Scope, report: Report, namespace: str, wanted: float | None = None) -> Report:
    """Give a report its target, unless Prometheus has given it one.

    Arguments:
        namespace: whose operator's setting counts; empty: that of the operator without a name.
        wanted: percent that were asked for.
    """
    if wanted is not None:
        return replace(report, target=Target(wanted, "as asked for"))
    if report.target != Target():
        return report
    setting = scope.client.run(fleet.success_target(namespace, scope.system_namespace))
    return report if setting is None else replace(report, target=Target(setting, "the operator's setting"))
