"""`submit` and `plan`: what a manifest says, sent to the API server in earnest or to be checked only."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer
import yaml
from rich.text import Text

from coursegen_api import names
from coursegen_api.chapter import ChapterGeneration
from coursegen_api.course import CourseGeneration

from .. import calls, fleet, kinds, planning, times
from ..calls import Json
from ..errors import InputError, NotFoundError, RefusedError
from ..kinds import Work
from . import show
from .app import Scope
from .outcomes import Outcomes
from .show import Cell, cell, number

_MEANT = {k.__name__: k for k in kinds.WORK}


@dataclass(frozen=True)
class Verdict:
    """What would become of one manifest."""

    what: str
    namespace: str
    does: str
    """created, changed, unchanged, refused or passed over."""
    says: str = ""
    estimate: planning.Estimate | None = None


def read(file: Path) -> list[Json]:
    """Read the manifests of a file or of stdin; InputError names what is wrong with it."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text()
        found = [m for m in yaml.safe_load_all(text) if m]
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{file} is no YAML: {' '.join(str(error).split())}") from error
    flat = [i for m in found for i in (m.get("items", [m]) if isinstance(m, dict) and m.get("kind") == "List" else [m])]
    for manifest in flat:
        if not isinstance(manifest, dict) or not manifest.get("kind") or not manifest.get("apiVersion"):
            raise InputError(f"{file} has a document that is no manifest: it needs apiVersion and kind.")
    if not flat:
        raise InputError(f"{file} is empty.")
    return flat


def _is_ours(manifest: Json) -> bool:
    return bool(manifest["apiVersion"] == names.API_VERSION and manifest["kind"] in _MEANT)


def _goes_along(manifest: Json) -> bool:
    return bool(manifest["apiVersion"] == "v1" and manifest["kind"] == "ConfigMap")


def submit(scope: Scope, file: Path) -> None:
    """Apply work and its ConfigMaps; what else is in the file is passed over, and mentioned."""
    manifests = read(file)
    taken = [m for m in manifests if _is_ours(m) or _goes_along(m)]
    for manifest in manifests:
        if manifest not in taken:
            scope.screen.tell(_passed_over(manifest))
    with Outcomes(scope, several=len(taken) != 1) as outcomes:
        for manifest in sorted(taken, key=_is_ours):  # a ConfigMap before what names it
            before = _there(scope, manifest)
            after = scope.client.apply(manifest)
            name = f"{_short(manifest)}/{after['metadata']['name']}"
            outcomes.tell_of(name, _shown(after), _difference(before, after))


def _shown(obj: Json) -> Json:
    """Give an object without its field managers, as kubectl does."""
    meta = {k: v for k, v in obj["metadata"].items() if k != "managedFields"}
    return obj | {"metadata": meta}


def _passed_over(manifest: Json) -> str:
    name = (manifest.get("metadata") or {}).get("name", "without a name")
    return f"{manifest['kind']} {name} is passed over: it is no work; `kubectl apply` takes it."


def _short(manifest: Json) -> str:
    kind = _MEANT.get(manifest["kind"])
    return kind.meta.short if kind else str(manifest["kind"]).lower()


def _there(scope: Scope, manifest: Json) -> Json | None:
    try:
        return scope.client.read(calls.manifest_path(manifest, scope.client.namespace))
    except NotFoundError:
        return None


def _difference(before: Json | None, after: Json) -> str:
    if before is None:
        return "created"
    same = all(before.get(part) == after.get(part) for part in ("spec", "data"))
    labels = all(before["metadata"].get(p) == after["metadata"].get(p) for p in ("labels", "annotations"))
    return "unchanged" if same and labels else "changed"


def plan(scope: Scope, file: Path) -> None:
    """Show what would come of a file; exits with 4 if some of it would be refused."""
    found = [_verdict(scope, m) for m in read(file)]
    if scope.for_machines:
        scope.screen.data([_data(v) for v in found], scope.output)
    else:
        scope.screen.lines(*lines(found))
    if any(v.does == "refused" for v in found):
        raise typer.Exit(RefusedError.exit_code)


def _verdict(scope: Scope, manifest: Json) -> Verdict:
    meta = manifest.get("metadata") or {}
    namespace = str(meta.get("namespace") or scope.client.namespace)
    what = f"{_short(manifest)}/{meta.get('name', '?')}"
    if not (_is_ours(manifest) or _goes_along(manifest)):
        return Verdict(what, namespace, "passed over", "no work: kubectl apply takes it")
    try:
        before = _there(scope, manifest)
        after = scope.client.apply(manifest, dry_run=True)
    except (RefusedError, InputError, NotFoundError) as error:
        return Verdict(what, namespace, "refused", str(error))
    does = _difference(before, after)
    if _goes_along(manifest) or does == "unchanged":
        return Verdict(what, namespace, does)
    kind = _MEANT[manifest["kind"]]
    return Verdict(what, namespace, does, estimate=_estimate(scope, calls.parse(kind, after), namespace))


def _estimate(scope: Scope, obj: Work, namespace: str) -> planning.Estimate:
    run = scope.client.run
    known = planning.Known(
        {q.metadata.name: q for q in run(fleet.readable_queues())[0]},
        run(calls.listed(CourseGeneration, namespace)),
        run(calls.listed(ChapterGeneration, namespace)),
    )
    return planning.estimate(obj, known)


def lines(found: Sequence[Verdict]) -> Iterator[Sequence[Text]]:
    """Give the blocks of the screen."""
    head = ("OBJECT", "NAMESPACE", "WOULD BE", "JOBS", "CHAPTERS", "CACHED", "TIME", "COST")
    yield show.table(head, map(_row, found))
    estimates = [v.estimate for v in found if v.estimate]
    notes = [f"{v.what}: {v.says}" for v in found if v.says]
    if any(e.chapters is None and e.jobs is None for e in estimates):
        notes.append(
            "Its outline decides how many chapters a course gets, unless chapterCount says so: only then is more known."
        )
    if any(e.rounds for e in estimates):
        notes.append("Chapters below the quality bar are made anew: that may add up to one Job for each, a round.")
    if any(e.seconds is None and e.jobs is not None for e in estimates):
        notes.append("The time is not known: no run of one of its queues was measured in the last hour.")
    yield [Text(n) for n in notes]


def _row(v: Verdict) -> list[Cell]:
    e = v.estimate
    unknown = cell("unknown", right=True)
    cost = None if e is None or e.cost_micro_usd is None else f"${e.cost_micro_usd / 1e6:.2f}"
    figures = [cell(None, right=True)] * 5
    if e:
        figures = [
            unknown if e.jobs is None else number(e.jobs),
            (number(None) if e.jobs is not None else unknown) if e.chapters is None else number(e.chapters),
            number(e.cached),
            unknown if e.seconds is None else cell(times.span(e.seconds), right=True),
            unknown if cost is None else cell(cost, right=True),
        ]
    return [cell(v.what), cell(v.namespace), cell(v.does), *figures]


def _data(v: Verdict) -> Json:
    e = v.estimate
    told: Json = {"object": v.what, "namespace": v.namespace, "wouldBe": v.does, "message": v.says or None}
    if e:
        told |= {"jobs": e.jobs, "chapters": e.chapters, "cached": e.cached, "qualityRounds": e.rounds}
        told |= {"seconds": e.seconds, "costMicroUSD": e.cost_micro_usd}
    return told
