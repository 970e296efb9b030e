"""What the programs' settings share: typed fields, read from variables `COURSEGEN_*`, refused by the variable's name.

A field's variable is COURSEGEN_ and its name in capitals; its type says what it may be. What can hold a password is a
SecretStr, which nothing prints. pydantic-settings does less than this: it takes no notice of a name that is misspelt.
"""

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from .redisplace import Redis, lacks, wrong_with

PREFIX = "COURSEGEN_"

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")

# The grammar of github.com/distribution/reference, which kubelet goes by.
_HOST = (
    r"([A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:]+\])(:[0-9]+)?"
)
_PART = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(rf"({_HOST}/)?{_PART}(/{_PART})*(:\w[\w.-]{{0,127}})?(@sha(256|512):[0-9a-f]{{64,128}})?", re.ASCII)


class SettingsError(ValueError):
    """A setting that cannot be used; the message names the variable and what it may be."""


class Environment(StrEnum):
    """Where a program runs; sets defaults."""

    DEVELOPMENT = "development"
    TESTING = "testing"
    PRODUCTION = "production"


class LogLevel(StrEnum):
    """From which level on log lines are written."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


def _truth(text: object) -> object:
    if isinstance(text, str):
        if text.lower() not in ("true", "false"):
            raise ValueError("it can be true or false")
        return text.lower() == "true"
    return text


def _parts(text: object) -> object:
    return tuple(p.strip() for p in text.split(",") if p.strip()) if isinstance(text, str) else text


def _namespaces(text: object) -> object:
    names = _parts(text)
    for name in names if isinstance(names, Iterable) else ():
        if not _NAMESPACE.fullmatch(str(name)):
            raise ValueError(f"{name!r} is no name of a namespace; separate names by commas")
    return names


def _fits(pattern: re.Pattern[str], words: str) -> AfterValidator:
    def check(text: str) -> str:
        if text and not pattern.fullmatch(text):
            raise ValueError(f"it has to {words}")
        return text

    return AfterValidator(check)


def _whole(text: object) -> object:
    if isinstance(text, str) and not (text.isascii() and text.isdigit()):
        raise ValueError("it has to be a whole number of at least 1")
    return text


Truth = Annotated[bool, BeforeValidator(_truth)]
Words = Annotated[tuple[str, ...], BeforeValidator(_parts)]
Namespaces = Annotated[tuple[str, ...], BeforeValidator(_namespaces)]
Namespace = Annotated[str, _fits(_NAMESPACE, "be the name of a namespace: lower-case letters, digits and -")]
"""Empty, or the name of one."""
ObjectName = Annotated[str, _fits(_NAME, "be a name that Kubernetes takes: lower-case letters, digits, - and .")]
"""Empty, or a name as most kinds take it."""
Image = Annotated[
    str, _fits(_IMAGE, "name an image, such as registry.example.com/coursegen/worker:0.1.0 or …@sha256:…")
]
"""Empty, or where an image is."""
PullPolicy = Literal["Always", "IfNotPresent", "Never"]
Number = Annotated[int, BeforeValidator(_whole), Field(ge=1)]
Percent = Annotated[int, BeforeValidator(_whole), Field(ge=1, le=100)]
Port = Annotated[int, BeforeValidator(_whole), Field(ge=1, le=65535)]
NOTHING = SecretStr("")

_OPEN_REDIS = (
    "{where} names a Redis without {missing}: whoever is in that network can read percentages, or make them say "
    "anything. In production use rediss://USER:PASSWORD@HOST, with an ACL user for each reader and writer."
)


class Settings(BaseModel):
    """What operator and gateway are both told."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    program: ClassVar[str] = "the program"
    environments: ClassVar[Mapping[Environment, Mapping[str, Any]]] = {}
    """By environment, what is another default than the field's own."""

    environment: Environment = Environment.PRODUCTION
    """Sets defaults."""
    namespaces: Namespaces = ()
    """Namespaces to look at, separated by commas; none: all of them."""
    http_port: Port = 8080
    resync_seconds: Number = 300
    """A full LIST of everything is made this often."""
    success_rate_target_percent: Percent = 95
    redis_url: SecretStr = NOTHING
    """Live progress; empty: percentages move with status alone."""
    redis_ca: SecretStr = NOTHING
    """Certificates (PEM) that vouch for a rediss:// server; empty: those of the system. Not printed, being long."""
    redis_folder: str = ""
    """A folder with `url` and `ca.crt`, as a mounted Secret is: read anew whenever they change."""
    redis_max_connections: Number = 50
    log_level: LogLevel = LogLevel.INFO
    memory_limit_bytes: Number | None = None
    """What the container may take, as the downward API says, for an alert that comes first; none: not known."""

    def public(self) -> dict[str, Any]:
        """Give what may be printed: of what can hold a password, whether it is set."""
        told = {name: getattr(self, name) for name in type(self).model_fields}
        return {n: ("set" if v.get_secret_value() else "not set") if _is_secret(v) else v for n, v in told.items()}

    def redis(self) -> Redis | None:
        """Give where live progress comes from; None if nothing was said of it."""
        if not (self.redis_url.get_secret_value() or self.redis_folder):
            return None
        url, ca = self.redis_url.get_secret_value(), self.redis_ca.get_secret_value()
        return Redis(url, ca, self.redis_max_connections, self.redis_folder)

    def warnings(self) -> tuple[str, ...]:
        """Say what can be used and should not be, in production; nothing of a URL is repeated."""
        redis = self.redis()
        if self.environment is not Environment.PRODUCTION or redis is None:
            return ()
        try:
            missing = " and ".join(lacks(redis.address().url))
        except (OSError, ValueError):  # the Secret cannot be read: whoever reads progress says so
            return ()
        where = f"{self.redis_folder}/url" if self.redis_folder else f"{PREFIX}REDIS_URL"
        return (_OPEN_REDIS.format(where=where, missing=missing),) if missing else ()

    @model_validator(mode="after")
    def _check_redis(self) -> Self:
        """Nothing of a URL is repeated in an error: it holds a password."""
        url, ca = self.redis_url.get_secret_value(), self.redis_ca.get_secret_value()
        if self.redis_folder and (url or ca):
            raise ValueError(f"{PREFIX}REDIS_FOLDER says where Redis is: leave out {PREFIX}REDIS_URL and REDIS_CA.")
        if wrong := wrong_with(url):
            raise ValueError(f"{PREFIX}REDIS_URL {wrong}.")
        if ca and "-----BEGIN CERTIFICATE-----" not in ca:
            raise ValueError(f"{PREFIX}REDIS_CA holds no certificate: it has to be PEM text, not the name of a file.")
        return self


Kind = TypeVar("Kind", bound=Settings)


def load(kind: type[Kind], environ: Mapping[str, str] = os.environ) -> Kind:
    """Read the settings of a program; SettingsError says which variable is wrong and what it may be."""
    known = {variable(name): name for name in kind.model_fields}
    _refuse_unknown(kind, known, environ)
    given = {name: text for v, name in known.items() if (text := environ.get(v, "").strip())}
    defaults = kind.environments.get(_environment(given), {})
    try:
        return kind.model_validate({**defaults, **given})
    except ValidationError as error:
        raise SettingsError(_told(error, given)) from error


def variable(name: str) -> str:
    """Name the variable of a field."""
    return PREFIX + name.upper()


def _is_secret(value: object) -> bool:
    return isinstance(value, SecretStr)


def _environment(given: Mapping[str, str]) -> Environment:
    try:
        return Environment(given.get("environment", Environment.PRODUCTION))
    except ValueError:
        return Environment.PRODUCTION  # the field's own check refuses it, with the others


def _refuse_unknown(kind: type[Settings], known: Iterable[str], environ: Mapping[str, str]) -> None:
    """A name that is misspelt would leave its default in force, and nobody would know."""
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, 1)
            meant = f"did you mean {near[0]}?" if near else "take it out."
            raise SettingsError(f"{name} is no setting of {kind.program}: {meant}")


def _told(error: ValidationError, given: Mapping[str, str]) -> str:
    """Say the first thing that is wrong, by the name of its variable."""
    first = error.errors(include_url=False)[0]
    words = _words(first["type"], first["msg"], first.get("ctx", {}))
    if not first["loc"]:
        return words
    name = str(first["loc"][0])
    return f"{variable(name)} is {given[name]!r}; {words}." if name in given else f"{variable(name)} {words}."


def _words(kind: str, message: str, context: Mapping[str, Any]) -> str:
    match kind:
        case "value_error":
            return str(context["error"])
        case "missing":
            return "is not set, and has no default"
        case "greater_than_equal":
            return f"it has to be at least {context['ge']}"
        case "less_than_equal":
            return f"it has to be at most {context['le']}"
        case "string_pattern_mismatch":
            return f"it has to match {context['pattern']}"
        case "enum" | "literal_error":
            return f"it can be {context['expected']}"
    return message
