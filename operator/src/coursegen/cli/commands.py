"""Every command with its options; what it does is imported when it is called."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .app import MACHINES, OBJECTS, Output, Scope, command, new_app

app = new_app()

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name, kind/name or uid of an object.")]
Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="Names, or kind/name.")]
Source = Annotated[
    str, typer.Argument(metavar="NAME|FILE", help="A course or chapter; or a file of your own, *.md or *.json.")
]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Go on showing what changes.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="A manifest, or - for stdin.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Prometheus = Annotated[
    str | None,
    typer.Option(metavar="URL", envvar="COURSEGEN_PROMETHEUS_URL", show_envvar=True, help="Prometheus, for history."),
]
Target = Annotated[
    float | None,
    typer.Option(
        metavar="NUMBER",
        min=0,
        max=100,
        help="Percent of tasks that shall succeed. Default: the operator's setting, if it may be read, else 95.",
    ),
]


class Format(StrEnum):
    """Formats of an export."""

    PDF = "pdf"
    SCORM = "scorm"
    JSON = "json"
    EPUB = "epub"
    QTI = "qti"
    MARKDOWN = "markdown"
    HTML = "html"
    CMI5 = "cmi5"


class Shell(StrEnum):
    """Shells that completion is there for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


# ---- seeing -------------------------------------------------------------------------------------------------


@command(app, "status", Output.WIDE, *MACHINES)
def status(scope: Scope, watch: Watch = False) -> None:
    """Show queues, capacity, breakers and each part's health."""
    from . import overview

    overview.status(scope, watch)


@command(app, "get-task", Output.WIDE, *OBJECTS)
def get_task(scope: Scope, name: Name, watch: Watch = False) -> None:
    """Show all of one object: attempts, errors, Events, files."""
    from . import one

    one.get_task(scope, name, watch)


@command(app, "why", *MACHINES)
def why(scope: Scope, name: Name) -> None:
    """Say in a sentence what an object waits for."""
    from . import one

    one.why(scope, name)


@command(app, "active", Output.WIDE, *OBJECTS)
def active(scope: Scope, watch: Watch = False) -> None:
    """Show what runs now, with live percentages."""
    from . import overview

    overview.active(scope, watch)


@command(app, "monitor", *MACHINES)
def monitor(
    scope: Scope,
    duration: Annotated[int, typer.Option(metavar="NUMBER", min=1, help="Seconds to watch for.")] = 300,
) -> None:
    """Watch queues and work for a while, and sum up."""
    from . import monitoring

    monitoring.run(scope, duration)


@command(app, "performance", *MACHINES)
def performance(
    scope: Scope,
    since: Annotated[int, typer.Option(metavar="NUMBER", min=1, help="Minutes of the past to look at.")] = 60,
    prometheus: Prometheus = None,
    target: Target = None,
) -> None:
    """Show throughput, success and durations by kind. Exits with 1 below the target."""
    from . import figures

    figures.performance(scope, since, prometheus, target)


@command(app, "logs")
def logs(
    scope: Scope,
    name: Name,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written.")] = False,
    attempt: Annotated[
        int | None, typer.Option(metavar="NUMBER", min=1, help="Number of the attempt. Default: the last.")
    ] = None,
) -> None:
    """Show the log of an object's worker."""
    from . import workerlog

    workerlog.logs(scope, name, follow, attempt)


# ---- giving work --------------------------------------------------------------------------------------------


@command(app, "submit", *OBJECTS, everywhere=False)
def submit(scope: Scope, file: File) -> None:
    """Apply a manifest of work, with its ConfigMaps."""
    from . import manifests

    manifests.submit(scope, file)


@command(app, "plan", *MACHINES, everywhere=False)
def plan(scope: Scope, file: File) -> None:
    """Say what a manifest would create, take and cost. Creates nothing; exits with 4 if it would be refused."""
    from . import manifests

    manifests.plan(scope, file)


@command(app, "export", *OBJECTS)
def export(
    scope: Scope,
    name: Source,
    format: Annotated[
        Format, typer.Option("--format", metavar="FORMAT", help="pdf, scorm, json, epub, qti, markdown, html or cmi5.")
    ],
    assessments: Annotated[bool, typer.Option(help="Put questions and answers into the file.")] = True,
) -> None:
    """Export a course, a chapter or a file of your own."""
    from . import verbs

    verbs.export(scope, name, format.value, assessments)


@command(app, "validate", *OBJECTS)
def validate(scope: Scope, name: Source) -> None:
    """Measure a course, a chapter or a file of your own. Readability, alignment with its objectives, bias."""
    from . import verbs

    verbs.validate(scope, name)


@command(app, "download", *OBJECTS)
def download(
    scope: Scope,
    name: Name,
    directory: Annotated[
        Path, typer.Option("--directory", "-d", metavar="FOLDER", help="Where to put the files.")
    ] = Path(),
    store_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="COURSEGEN_STORE_URL",
            show_envvar=True,
            help="The object store, with AWS_* beside it. Default: what the namespace's Secret coursegen-store says.",
        ),
    ] = None,
) -> None:
    """Fetch an object's files. Each is checked against its hash."""
    from . import downloads

    downloads.download(scope, name, directory, store_url)


# ---- steering -----------------------------------------------------------------------------------------------


@command(app, "retry", *OBJECTS)
def retry(scope: Scope, names: Names) -> None:
    """Run failed work again, with all its retries."""
    from . import verbs

    verbs.ask(scope, names, "retry")


@command(app, "cancel", *OBJECTS)
def cancel(scope: Scope, names: Names) -> None:
    """End work, and what it has running."""
    from . import verbs

    verbs.ask(scope, names, "cancel")


@command(app, "stop", *OBJECTS)
def stop(scope: Scope, names: Names) -> None:
    """Write no more of a course, and deliver what is there."""
    from . import verbs

    verbs.ask(scope, names, "stop")


@command(app, "suspend", *OBJECTS)
def suspend(scope: Scope, names: Names) -> None:
    """Start nothing new; what runs ends normally."""
    from . import verbs

    verbs.suspend(scope, names, on=True)


@command(app, "resume", *OBJECTS)
def resume(scope: Scope, names: Names) -> None:
    """Go on after a suspend."""
    from . import verbs

    verbs.suspend(scope, names, on=False)


@command(app, "regenerate", *OBJECTS)
def regenerate(
    scope: Scope,
    name: Name,
    feedback: Annotated[str, typer.Option(metavar="TEXT", help="What to change, in your words.")],
    focus_area: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What it is about, in a word: simplification.")
    ] = None,
) -> None:
    """Make a chapter, or a whole course, anew from feedback."""
    from . import verbs

    verbs.regenerate(scope, name, feedback, focus_area)


@command(app, "purge", *OBJECTS)
def purge(
    scope: Scope,
    failed: Annotated[bool, typer.Option("--failed", help="What has failed; nothing else can be purged.")] = False,
    yes: Yes = False,
) -> None:
    """Delete failed work that nobody else owns. Asks first."""
    from . import verbs

    verbs.purge(scope, failed, yes)


# ---- looking after the system -------------------------------------------------------------------------------


@command(app, "doctor", *MACHINES, everywhere=False)
def doctor(scope: Scope) -> None:
    """Check each part, and say how to mend what is wrong. Exits with 1 if something is."""
    from . import checkup

    checkup.doctor(scope)


@command(app, "test-queue", *MACHINES, everywhere=False)
def try_queue(
    scope: Scope,
    courses: Annotated[int, typer.Option(metavar="NUMBER", min=1, max=1000, help="Courses to generate at once.")] = 10,
    chapters: Annotated[int, typer.Option(metavar="NUMBER", min=1, max=20, help="Chapters of each.")] = 3,
    timeout: Annotated[int, typer.Option(metavar="NUMBER", min=1, help="Seconds until it is given up.")] = 900,
    target: Target = None,
    scratch: Annotated[
        str | None,
        typer.Option(
            metavar="NAMESPACE",
            help="The namespace to make. Default: one labelled coursegen.dev/test-queue=true, else a new one.",
        ),
    ] = None,
) -> None:
    """Generate courses in a scratch namespace, and judge. Cleans up, also after ^C; exits with 1 if it fails."""
    from . import trial

    trial.run(scope, trial.Load(courses, chapters, timeout, target), scratch)


@command(app, "support-bundle")
def support_bundle(
    scope: Scope,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="The archive. Default: coursegen-support-TIME.tar.gz")
    ] = None,
) -> None:
    """Collect what explains a problem, in one archive. Without content or credentials."""
    from . import bundle

    bundle.run(scope, file)


@command(app, "completion", everywhere=False)
def completion(
    scope: Scope, shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")]
) -> None:
    """Print shell completion for `coursegen`. Under kubectl put kubectl_complete-coursegen on the PATH."""
    from . import completion as completing

    scope.screen.say(completing.script(shell.value))
