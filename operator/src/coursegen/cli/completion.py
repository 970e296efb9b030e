"""Shell completion: one program answers kubectl, in the words that kubectl expects, and the scripts for `coursegen`.

What may stand at a place follows from the metavar of its option or argument: that is the kind of its value.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from .app import USES, Output, Uses

_BASH = """
_coursegen() {
  local offers
  mapfile -t offers < <(kubectl_complete-coursegen "${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=("${offers[@]:0:${#offers[@]}-1}")
  case "${offers[-1]}" in
    :0) compopt -o filenames 2>/dev/null; mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$2") ;;
    :16) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$2") ;;
  esac
}
complete -F _coursegen coursegen
"""

_ZSH = """
#compdef coursegen
_coursegen() {
  local offers
  offers=("${(@f)$(kubectl_complete-coursegen "${(@)words[2,CURRENT]}")}")
  case "${offers[-1]}" in
    :0) _files ;;
    :16) _files -/ ;;
  esac
  compadd -- "${(@)offers[1,-2]}"
}
compdef _coursegen coursegen
"""

_FISH = """
function _coursegen
  set -l offers (kubectl_complete-coursegen (commandline -opc)[2..] (commandline -ct))
  string match -v ":*" -- $offers
  switch $offers[-1]
    case :0
      __fish_complete_path (commandline -ct)
    case :16
      __fish_complete_directories (commandline -ct) ""
  end
end
complete -c coursegen -f -a "(_coursegen)"
"""

_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}

_NO_FILES, _FILES, _FOLDERS = ":4", ":0", ":16"
"""kubectl's directives, as Cobra has them: what the shell offers beside, or if nothing else fits."""

_ALL_NAMESPACES = ("--all-namespaces", "-A")


def script(shell: str) -> str:
    """Give the completion script of a shell; it asks the same program as kubectl does."""
    return _SCRIPTS[shell].strip()


@dataclass
class Line:
    """What is on the line before the word that is completed."""

    verb: str = ""
    arguments: list[str] = field(default_factory=list)
    """After the verb."""
    given: dict[str, str] = field(default_factory=dict)
    """Values of options, by the names of their parameters; of a switch, empty."""
    waiting: Any = None
    """The option whose value comes next."""


@dataclass(frozen=True)
class Values:
    """A kind of value: what is offered for it, and what files the shell offers beside."""

    offers: Callable[[Line], Iterable[str]] = lambda line: ()
    directive: str = _NO_FILES


def answer(words: Sequence[str]) -> int:
    """Print what kubectl offers for the last word, one a line, and its directive."""
    before, last = list(words[:-1]), words[-1] if words else ""
    line = read(before)
    option, equals, value = last.partition("=")
    if not line.waiting and equals and option in (known := _options(line.verb)):
        line.waiting, last = known[option], value
    if line.waiting:
        values = VALUES[line.waiting.metavar]
        last = last.removeprefix("=")  # which bash takes for a word of its own
    elif last.startswith("-"):
        values = Values(_offered_options)
    else:
        values = _of_argument(line)
    for offer in values.offers(line):
        if offer.startswith(last):
            print(offer)
    print(values.directive)
    return 0


def read(before: Sequence[str]) -> Line:
    """Read the words before: options with their values, the verb, and its arguments."""
    line = Line()
    for word in before:
        options = _options(line.verb)
        name, equals, value = word.partition("=")
        if line.waiting:
            if word != "=":
                line.given[line.waiting.name] = word
                line.waiting = None
        elif name in options:
            option = options[name]
            line.waiting = option if _takes_value(option) and not equals else None
            line.given[option.name] = value
        elif word[:2] in options and not word.startswith("--"):  # -ncourses
            line.given[options[word[:2]].name] = word[2:]
        elif not line.verb:
            line.verb = word
        else:
            line.arguments.append(word)
    return line


@cache
def commands() -> dict[str, list[Any]]:
    """Give each verb with its parameters; those of no verb are what may stand before it."""
    import typer

    from .commands import app

    group = typer.main.get_command(app)
    return {"": list(group.params)} | {n: list(c.params) for n, c in getattr(group, "commands", {}).items()}


def _options(verb: str) -> dict[str, Any]:
    """Give the options of a verb by each of their names."""
    known = commands().get(verb, [])
    return {o: p for p in known for o in (*p.opts, *p.secondary_opts) if o.startswith("-")}


def _takes_value(option: Any) -> bool:
    return not option.is_flag


def _offered_options(line: Line) -> list[str]:
    """Give the options that make sense for the verb."""
    everywhere = line.verb not in USES or USES[line.verb].everywhere
    return sorted(o for o in _options(line.verb) if everywhere or o not in _ALL_NAMESPACES)


def _of_argument(line: Line) -> Values:
    if not line.verb:
        return Values(lambda _: sorted(n for n in commands() if n))
    taken = [p for p in commands().get(line.verb, []) if not p.opts[0].startswith("-")]
    place = len(line.arguments)
    if place < len(taken):
        return VALUES[taken[place].metavar]
    return VALUES[taken[-1].metavar] if taken and taken[-1].nargs == -1 else Values()


# ---- kinds of values ----------------------------------------------------------------------------------------


def _outputs(line: Line) -> list[str]:
    known = USES.get(line.verb, Uses(tuple(Output), True)).outputs
    return [o.value for o in Output if o in known]


def _formats(line: Line) -> list[str]:
    from coursegen_api.base import ExportFormat

    return [f.value for f in ExportFormat]


def _contexts(line: Line) -> list[str]:
    from .. import access

    return access.contexts(line.given.get("kubeconfig"))


def _namespaces(line: Line) -> list[str]:
    return _asked(line, lambda client: [n["metadata"]["name"] for n in client.read("/api/v1/namespaces")["items"]])


def _names(line: Line) -> list[str]:
    """Name the work of the namespace, or of all."""
    from .. import kinds

    everywhere = "all_namespaces" in line.given
    found = _asked(
        line, lambda client: [kinds.label(o) for k in kinds.WORK for o in client.list(k, all_namespaces=everywhere)]
    )
    return [n for n in dict.fromkeys(found) if n not in line.arguments]


def _asked(line: Line, ask: Callable[[Any], list[str]]) -> list[str]:
    """Ask the cluster; nothing if it cannot be asked: completion must not get in the way."""
    from ..client import Client
    from ..errors import CoursegenError

    given = line.given.get
    try:
        with Client(namespace=given("namespace"), context=given("context"), kubeconfig=given("kubeconfig")) as client:
            return ask(client)
    except CoursegenError:
        return []


VALUES: dict[str | None, Values] = {
    "NAME": Values(_names),
    "NAME...": Values(_names),
    "NAME|FILE": Values(_names, _FILES),
    "FILE": Values(directive=_FILES),
    "FOLDER": Values(directive=_FOLDERS),
    "NAMESPACE": Values(_namespaces),
    "CONTEXT": Values(_contexts),
    "OUTPUT": Values(_outputs),
    "FORMAT": Values(_formats),
    "SHELL": Values(lambda line: _SCRIPTS),
    "URL": Values(),
    "TEXT": Values(),
    "NUMBER": Values(),
}
"""By metavar."""
