"""Shell completion: one program answers kubectl, in the words that kubectl expects, and the scripts for `coursegen`."""

from collections.abc import Sequence

from ..errors import InputError

_BASH = """
_coursegen() {
  local offers
  mapfile -t offers < <(kubectl_complete-coursegen "${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=("${offers[@]:0:${#offers[@]}-1}")
  if [ "${offers[-1]}" = :0 ]; then compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -f -- "$2")); fi
}
complete -F _coursegen coursegen
"""

_ZSH = """
#compdef coursegen
_coursegen() {
  local offers
  offers=("${(@f)$(kubectl_complete-coursegen "${(@)words[2,CURRENT]}")}")
  [ "${offers[-1]}" = :0 ] && _files
  compadd -- "${(@)offers[1,-2]}"
}
compdef _coursegen coursegen
"""

_FISH = """
function _coursegen
  kubectl_complete-coursegen (commandline -opc)[2..] (commandline -ct) | string match -v ":*"
end
complete -c coursegen -f -a "(_coursegen)"
"""

_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
_NO_FILES = ":4"
"""kubectl's directive: offer no files."""

_FILES = ":0"
_TAKES_FILE = ("submit", "plan")
_TAKES_NAME = (
    "get-task", "why", "logs", "export", "validate", "download", "retry", "cancel", "stop", "suspend", "resume",
    "regenerate",
)  # fmt: skip
_VALUES = {
    "-n", "--namespace", "--context", "--kubeconfig", "-o", "--output", "--system-namespace", "--redis-url",
}  # fmt: skip


def script(shell: str) -> str:
    """Give the completion script of a shell; it asks the same program as kubectl does."""
    if shell not in _SCRIPTS:
        raise InputError(f"{shell!r} is no known shell: it can be {', '.join(_SCRIPTS)}.")
    return _SCRIPTS[shell].strip()


def answer(words: Sequence[str]) -> int:
    """Print what kubectl offers for the last word, one a line, and its directive."""
    before, last = list(words[:-1]), words[-1] if words else ""
    verb = _verb(before)
    offered = _options(verb) if last.startswith("-") else _arguments(verb, before)
    for offer in offered:
        if offer.startswith(last):
            print(offer)
    print(_FILES if verb in _TAKES_FILE and not last.startswith("-") else _NO_FILES)
    return 0


def _verb(before: Sequence[str]) -> str:
    """Find the verb among the words: the first that is neither an option nor the value of one."""
    after_option = False
    for word in before:
        if not word.startswith("-") and not after_option:
            return word
        after_option = word in _VALUES
    return ""


def _commands() -> dict[str, list[str]]:
    """Give each verb with its options."""
    import typer

    from .commands import app

    group = typer.main.get_command(app)
    known: dict[str, list[str]] = {"": [o for p in group.params for o in p.opts]}
    for name, command in getattr(group, "commands", {}).items():
        known[name] = [o for p in command.params for o in p.opts if o.startswith("-")]
    return known


def _options(verb: str) -> list[str]:
    return sorted(_commands().get(verb, []))


def _arguments(verb: str, before: Sequence[str]) -> list[str]:
    if before and before[-1] in ("-o", "--output"):
        return ["wide", "json", "yaml", "name"]
    if before and before[-1] == "--format":
        from coursegen_api.base import ExportFormat

        return [f.value for f in ExportFormat]
    if not verb:
        return sorted(name for name in _commands() if name)
    return _names(before) if verb in _TAKES_NAME else []


def _names(before: Sequence[str]) -> list[str]:
    """Name the work of the namespace; nothing if the cluster cannot be asked: completion must not get in the way."""
    from .. import kinds
    from ..client import Client
    from ..errors import CoursegenError

    given = {w: before[i + 1] for i, w in enumerate(before[:-1]) if w in _VALUES}
    try:
        with Client(
            namespace=given.get("-n") or given.get("--namespace"),
            context=given.get("--context"),
            kubeconfig=given.get("--kubeconfig"),
        ) as client:
            return [kinds.label(o) for kind in kinds.WORK for o in client.list(kind)]
    except CoursegenError:
        return []
