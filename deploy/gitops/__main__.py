"""`python -m gitops` writes argocd/argocd-cm.yaml from the Lua beside it; `--check` tells whether it is current."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
LUA = HERE / "argocd" / "lua"
CONFIG = HERE / "argocd" / "argocd-cm.yaml"

# Which folder of Lua answers for a kind.
FOLDERS = {
    "CourseGeneration": "work",
    "ChapterGeneration": "work",
    "QualityValidation": "work",
    "CourseExport": "work",
    "ArtifactCleanup": "work",
    "GenerationQueue": "queue",
    "ModelProvider": "provider",
}
_ONLY_FOR = {"stop": "CourseGeneration"}

_HEAD = """\
# Written by `make generate` from lua/: a patch of Argo CD's own ConfigMap, with the health and actions of our kinds.
#   kubectl -n argocd patch configmap argocd-cm --patch-file deploy/gitops/argocd/argocd-cm.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cm
  namespace: argocd
data:
"""


def actions(kind: str) -> list[str]:
    """Name the actions of a kind."""
    found = sorted(p.stem for p in (LUA / FOLDERS[kind] / "actions").glob("*.lua"))
    return [a for a in found if a != "discovery" and _ONLY_FOR.get(a, kind) == kind]


def script(kind: str, name: str) -> str:
    """Give a script of a kind: `health`, `discovery`, or an action's name."""
    folder = LUA / FOLDERS[kind]
    return (folder / "health.lua" if name == "health" else folder / "actions" / f"{name}.lua").read_text()


def config() -> str:
    """Give the ConfigMap."""
    out = [_HEAD]
    for kind in FOLDERS:
        out.append(f"  resource.customizations.health.coursegen.dev_{kind}: |\n{_block(script(kind, 'health'), 4)}")
        if actions(kind):
            out.append(f"  resource.customizations.actions.coursegen.dev_{kind}: |\n")
            out.append(f"    discovery.lua: |\n{_block(script(kind, 'discovery'), 6)}    definitions:\n")
            out += [f"    - name: {a}\n      action.lua: |\n{_block(script(kind, a), 8)}" for a in actions(kind)]
    return "".join(out)


def _block(text: str, indent: int) -> str:
    return "".join(f"{' ' * indent if line.strip() else ''}{line}" for line in text.splitlines(keepends=True))


def main(arguments: list[str]) -> int:
    """Write the file, or say that it is stale."""
    if "--check" not in arguments:
        CONFIG.write_text(config())
    elif not CONFIG.exists() or CONFIG.read_text() != config():
        print(f"{CONFIG} is not what lua/ makes: run `make generate`.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
