"""Argo CD's way to judge and change an object: our Lua, run by a real Lua 5.1 with the libraries that Argo CD opens."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lupa.lua51
import yaml

Json = dict[str, Any]

CONFIG = Path(__file__).parents[2] / "deploy" / "gitops" / "argocd" / "argocd-cm.yaml"

# Without `useOpenLibs` Argo CD opens base, package, table, and an `os` of time functions: no string, no math, no io.
_SANDBOX = """
local date, time = os.date, os.time
local safe = { date = date, time = time }
for _, name in ipairs({ "string", "math", "io", "debug", "coroutine", "python" }) do
  _G[name] = nil
  package.loaded[name] = nil
end
getmetatable("").__index = nil
os, package.loaded.os = safe, safe
"""


@dataclass(frozen=True)
class Customization:
    """What argocd-cm says of one kind."""

    health_script: str
    discovery: str
    definitions: Mapping[str, str]

    def health(self, obj: Json) -> tuple[str, str]:
        """Give an object's health and its message."""
        answer = _run(self.health_script, obj)
        return answer["status"], answer["message"]

    def enabled(self, obj: Json) -> list[str]:
        """Name the actions that are offered for an object, in order."""
        offered = _run(self.discovery, obj)
        assert set(offered) == set(self.definitions), "every action offered has a script, and every script is offered"
        return sorted(name for name, action in offered.items() if not action["disabled"])

    def act(self, action: str, obj: Json) -> Json:
        """Give what an action makes of an object."""
        return _run(self.definitions[action], obj)


def customizations() -> dict[str, Customization]:
    """Read argocd-cm.yaml as Argo CD does, by kind."""
    data = yaml.safe_load(CONFIG.read_text())["data"]
    found = {}
    for key, text in data.items():
        what, _, kind = key.removeprefix("resource.customizations.").partition(".coursegen.dev_")
        if what == "health":
            actions = yaml.safe_load(data.get(f"resource.customizations.actions.coursegen.dev_{kind}", "{}"))
            definitions = {d["name"]: d["action.lua"] for d in actions.get("definitions", ())}
            found[kind] = Customization(text, actions.get("discovery.lua", "return {}"), definitions)
    return found


def _run(script: str, obj: Json) -> Any:
    lua = lupa.lua51.LuaRuntime(register_eval=False, register_builtins=False)
    lua.execute(_SANDBOX)
    lua.globals().obj = _to_lua(lua, obj)
    return _from_lua(lua.execute(script))


def _to_lua(lua: Any, value: Any) -> Any:
    if isinstance(value, dict):
        return lua.table_from({k: _to_lua(lua, v) for k, v in value.items() if v is not None})
    if isinstance(value, list):
        return lua.table_from([_to_lua(lua, v) for v in value])
    return value


def _from_lua(value: Any) -> Any:
    if lupa.lua51.lua_type(value) != "table":
        return value
    keys = list(value.keys())
    if keys and all(isinstance(k, int) for k in keys):
        return [_from_lua(value[k]) for k in sorted(keys)]
    return {k: _from_lua(value[k]) for k in keys}
