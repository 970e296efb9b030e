"""What all commands share: the options of kubectl, the client, and how trouble is told."""

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from ..errors import CoursegenError, InputError

if TYPE_CHECKING:
    from datetime import datetime

    from ..client import Client
    from ..kinds import Work
    from .show import Screen

INTERRUPTED = 130


class Output(StrEnum):
    """How the answer is written."""

    TEXT = "text"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", metavar="NAMESPACE", help="Namespace. Default: the context's.")
]
AllNamespaces = Annotated[bool, typer.Option("--all-namespaces", "-A", help="All namespaces.")]
Context = Annotated[str | None, typer.Option("--context", metavar="CONTEXT", help="Context of the kubeconfig.")]
Kubeconfig = Annotated[str | None, typer.Option("--kubeconfig", metavar="FILE", help="The kubeconfig file.")]
OutputOption = Annotated[
    Output, typer.Option("--output", "-o", metavar="OUTPUT", help="text, wide, json, yaml or name.")
]
System = Annotated[
    str,
    typer.Option(
        "--system-namespace",
        metavar="NAMESPACE",
        envvar="COURSEGEN_SYSTEM_NAMESPACE",
        help="Where the operator runs.",
    ),
]
RedisUrl = Annotated[
    str | None,
    typer.Option(
        "--redis-url",
        metavar="URL",
        envvar="COURSEGEN_REDIS_URL",
        show_envvar=True,
        help="Redis, for live percentages.",
    ),
]


@dataclass
class Scope:
    """Where a command looks, and how it answers."""

    namespace: Namespace = None
    all_namespaces: AllNamespaces = False
    context: Context = None
    kubeconfig: Kubeconfig = None
    output: OutputOption = Output.TEXT
    system_namespace: System = "coursegen-system"
    redis_url: RedisUrl = None
    command: str = field(default="", init=False)

    @cached_property
    def client(self) -> "Client":
        """Give the client; the half second that its imports take is not spent on `--help`."""
        from ..client import Client

        return Client(namespace=self.namespace, context=self.context, kubeconfig=self.kubeconfig)

    def client_in(self, namespace: str) -> "Client":
        """Give a client for a namespace; without a name, and for the one at hand, it is the one that is there."""
        from ..client import Client

        if namespace in ("", self.client.namespace):
            return self.client
        return Client(namespace=namespace, access=self.client.access)

    @cached_property
    def screen(self) -> "Screen":
        """Give what is written to."""
        from .show import Screen

        return Screen()

    @property
    def place(self) -> str:
        """Give the namespace to list; empty for all."""
        return "" if self.all_namespaces else self.client.namespace

    def widest(self) -> str:
        """Give the namespace of -n; without one all (empty), if they may be listed, else the context's."""
        from .. import fleet

        if self.namespace or self.all_namespaces:
            return self.place
        return self.client.run(fleet.find_namespace(self.client.namespace))

    def now(self) -> "datetime":
        """Give the time by the cluster's clock, as far as it has been heard."""
        return self.client.clock.now()

    def find(self, text: str) -> "Work":
        """Find the object that a person means, with -A in all namespaces; InputError lists several."""
        from .. import finding

        return self.client.run(finding.find(self.place, text))

    def kubectl(self) -> list[str]:
        """Give kubectl's command line, for the same cluster."""
        given = [("--kubeconfig", self.kubeconfig), ("--context", self.context)]
        return ["kubectl", *(f"{flag}={value}" for flag, value in given if value)]

    @property
    def for_machines(self) -> bool:
        """Whether the answer is JSON or YAML."""
        return self.output in (Output.JSON, Output.YAML)


@dataclass(frozen=True)
class Uses:
    """Which of the shared options make sense for a command; the others are refused, never passed over."""

    outputs: tuple[Output, ...]
    everywhere: bool

    def check(self, scope: Scope) -> None:
        """Raise InputError for an option that the command has no use for."""
        if scope.output not in (Output.TEXT, *self.outputs):
            known = ", ".join(["text", *self.outputs])
            raise InputError(f"`{scope.command}` has no output {scope.output}: it has {known}.")
        if scope.all_namespaces and not self.everywhere:
            raise InputError(f"`{scope.command}` has no -A (--all-namespaces): it is about one namespace at most.")


USES: dict[str, Uses] = {}
"""By command."""

MACHINES = (Output.JSON, Output.YAML)
OBJECTS = (*MACHINES, Output.NAME)

_SHARED = [
    inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=f.type)
    for f in fields(Scope)
    if f.init
]
_DEFAULTS = Scope()


@contextmanager
def _plainly() -> Iterator[None]:
    """Say of a wrong value what is wrong with it, and not which library found out."""
    try:
        yield
    except typer.BadParameter as error:
        error.message = error.message.removeprefix("Value error, ")
        raise


class _Group(TyperGroup):
    def make_context(self, *args: Any, **extra: Any) -> Any:
        with _plainly():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: Any) -> Any:
        with _plainly():
            return super().invoke(ctx)


def new_app() -> typer.Typer:
    """Make the application; the shared options may come before the verb too, as some are used to."""
    app = typer.Typer(
        name="coursegen",
        cls=_Group,
        help="See and steer course generation on Kubernetes.",
        epilog="Exit codes: 0 well, 1 not well, 2 wrong use, 3 not found, 4 refused, 5 no answer, 130 interrupted.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    def before(ctx: typer.Context, **given: Any) -> None:
        ctx.obj = Scope(**given)

    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    before.__signature__ = inspect.Signature([context, *_SHARED])  # type: ignore[attr-defined]
    before.__annotations__ = {"ctx": typer.Context} | {p.name: p.annotation for p in _SHARED}
    app.callback()(before)
    return app


def command(
    app: typer.Typer, name: str, *outputs: Output, everywhere: bool = True
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function of a Scope and options of its own as a command that also has the shared ones.

    Arguments:
        outputs: that it has beside text.
        everywhere: whether -A makes sense.
    """
    USES[name] = Uses(outputs, everywhere)

    def register(function: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        taken = {p.name for p in own}
        shared = [p for p in _SHARED if p.name not in taken]

        def run(ctx: typer.Context, **given: Any) -> None:
            scope = _merged(ctx.obj, {p.name: given.pop(p.name) for p in shared})
            scope.command = name
            told(lambda: _checked(scope, function, given))

        context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
        keyword = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
        run.__signature__ = inspect.Signature([context, *keyword, *shared])  # type: ignore[attr-defined]
        run.__annotations__ = {"ctx": typer.Context} | {p.name: p.annotation for p in [*keyword, *shared]}
        run.__doc__ = function.__doc__
        app.command(name)(run)
        return function

    return register


def _checked(scope: Scope, function: Callable[..., None], given: dict[str, Any]) -> None:
    USES[scope.command].check(scope)
    function(scope, **given)


def _merged(before: Scope, after: dict[str, Any]) -> Scope:
    """Lay options after the verb over those before it."""
    return replace(before, **{k: v for k, v in after.items() if v != getattr(_DEFAULTS, k)})


def told(action: Callable[[], None]) -> None:
    """Do something; tell trouble in words, on stderr, and end with its exit code."""
    try:
        action()
    except CoursegenError as error:
        print(f"Error: {error}", file=sys.stderr)
        if error.hint:
            print(error.hint, file=sys.stderr)
        raise typer.Exit(error.exit_code) from error
    except TimeoutError as error:
        print(f"Error: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(INTERRUPTED) from error
    except BrokenPipeError as error:  # `| head`: nobody reads on
        sys.stderr.close()
        raise typer.Exit(0) from error
