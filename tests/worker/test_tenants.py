"""Two tenants of one bucket, with the policy that docs/deploy.md gives, on a real S3 server with users."""

import contextlib
import json
import re
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import obstore
import pytest
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store
from servers import end, wait_for_port
from tests.ports import free_port
from worker_support import NAMESPACE, OTHER_NAMESPACE

from coursegen_api import names
from coursegen_gateway.problems import Problem
from coursegen_gateway.store import Store as GatewaysStore
from coursegen_worker.failures import TaskFailedError
from coursegen_worker.store import Store
from demo import bucket, overlay
from tests import hostile, programs

DOCS = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text()
TENANTS = {"team-a": NAMESPACE, "team-b": OTHER_NAMESPACE}
BUCKET, REGION, GATEWAY = "courses", "us-east-1", "gateway"


@dataclass(frozen=True)
class Server:
    """A versitygw with a user for each tenant."""

    address: str
    root: tuple[str, str]
    passwords: dict[str, str]

    def store(self, user: str) -> S3Store:
        return S3Store(
            BUCKET, endpoint=f"http://{self.address}", region=REGION, access_key_id=user,
            secret_access_key=self.passwords[user], client_options={"allow_http": True},
            retry_config={"max_retries": 0},
        )  # fmt: skip

    def put_policy(self, policy: dict) -> None:
        """Set the bucket's policy as root."""
        bucket.Server(self.address, *self.root).put_policy(BUCKET, policy)


def documented_policy() -> dict:
    """Give the policy of the docs, with the statements of each tenant and of the gateway."""
    text, of_gateway = re.findall(r"```json\n(.*?)```", DOCS, re.DOTALL)
    filled = [
        json.loads(text.replace("TEAM", team).replace("BUCKET", BUCKET).replace("NAMESPACE_UID", uid))
        for team, uid in TENANTS.items()
    ]
    filled.append(json.loads(of_gateway.replace("GATEWAY", GATEWAY).replace("BUCKET", BUCKET)))
    return filled[0] | {"Statement": [s for policy in filled for s in policy["Statement"]]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    program = programs.versitygw()
    folder = tmp_path_factory.mktemp("tenants")
    (folder / "data" / BUCKET).mkdir(parents=True)
    (folder / "iam").mkdir()
    port, root = free_port(), ("root", secrets.token_hex(8))
    made = Server(f"127.0.0.1:{port}", root, {user: secrets.token_hex(8) for user in (*TENANTS, GATEWAY)})
    account = ["--access", root[0], "--secret", root[1]]
    log = folder / "log"
    with log.open("wb") as out:
        argv = [program, *account, "--port", made.address, "--iam-dir", str(folder / "iam"), "--quiet", "posix", "data"]
        process = subprocess.Popen(argv, cwd=folder, stdout=out, stderr=out)
    wait_for_port(port, process, log)
    admin = [program, "admin", *account, "--endpoint-url", f"http://{made.address}"]
    for team, password in made.passwords.items():
        user = ["create-user", "--access", team, "--secret", password, "--role", "user"]
        subprocess.run([*admin, *user], check=True, capture_output=True)
    made.put_policy(documented_policy())
    yield made
    end(process)


KEY = f"{NAMESPACE}/chapter/{'a' * 64}.json"
GUESS = f"{NAMESPACE}/chapter/{'b' * 64}.json"
OWN = f"{OTHER_NAMESPACE}/chapter/{'c' * 64}.json"
OLD = f"{NAMESPACE}/chapter/{'f' * 64}.json"


def test_a_worker_does_all_its_work_with_credentials_for_its_prefix(server: Server) -> None:
    store = Store(server.store("team-a"), NAMESPACE)
    assert store.read(GUESS, 100) is None
    assert store.create(GUESS, b"one")
    assert not store.create(GUESS, b"two")
    assert store.replace(GUESS, b"mended")
    assert store.read(GUESS, 100) == b"mended"


def test_a_clean_up_lists_and_deletes_with_the_same_credentials(server: Server) -> None:
    store = Store(server.store("team-a"), NAMESPACE)
    store.create(OLD, b"old")
    assert store.now()
    assert OLD in {found.key for found in store.list()}
    store.delete(OLD)
    assert OLD not in {found.key for found in store.list()}


@pytest.mark.parametrize("what", hostile.STORE)
def test_another_tenant_cannot(server: Server, what: str) -> None:
    mine = server.store("team-a")
    with contextlib.suppress(AlreadyExistsError):
        obstore.put(mine, KEY, b"mine", mode="create")
    with pytest.raises(BaseError, match=hostile.REFUSED):
        hostile.STORE[what](server.store("team-b"), KEY, OWN)
    assert bytes(obstore.get(mine, KEY).bytes()) == b"mine"
    with pytest.raises(FileNotFoundError):
        obstore.get(server.store("team-b"), OWN)


@pytest.fixture
def kept(server: Server, monkeypatch: pytest.MonkeyPatch) -> GatewaysStore:
    """Give the store as the gateway sees it."""
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{server.address}", "AWS_ACCESS_KEY_ID": GATEWAY, "AWS_REGION": REGION,
        "AWS_SECRET_ACCESS_KEY": server.passwords[GATEWAY], "AWS_ALLOW_HTTP": "true",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    return GatewaysStore(f"s3://{BUCKET}")


async def test_the_gateway_keeps_content_reads_all_and_changes_nothing_else(
    server: Server, kept: GatewaysStore
) -> None:
    sent = names.upload_key(NAMESPACE, "1" * 64, "md")
    for _ in range(2):
        await kept.keep(sent, b"# Loops")
    assert Store(server.store("team-a"), NAMESPACE).read(sent, 100) == b"# Loops"
    with pytest.raises(BaseError, match=hostile.REFUSED):
        obstore.get(server.store("team-b"), sent)
    made = f"{NAMESPACE}/chapter/{'2' * 64}.json"
    Store(server.store("team-a"), NAMESPACE).create(made, b"made")
    assert [piece async for piece in (await kept.open(made, NAMESPACE)).chunks] == [b"made"]
    with pytest.raises(Problem, match="allow that under"):
        await kept.keep(made, b"poison")
    for what in (lambda s: obstore.delete(s, made), lambda s: obstore.delete(s, sent)):
        with pytest.raises(BaseError, match=hostile.REFUSED):
            what(server.store(GATEWAY))
    assert Store(server.store("team-a"), NAMESPACE).read(made, 100) == b"made"


def test_a_worker_refuses_a_key_of_another_namespace_before_it_asks(server: Server) -> None:
    with pytest.raises(TaskFailedError, match="not one of this namespace"):
        Store(server.store("team-b"), OTHER_NAMESPACE).read(KEY, 100)


@pytest.mark.parametrize(
    "line",
    [
        overlay.redis_worker("TEAM", "PASSWORD", "NAMESPACE_UID"),
        *(overlay.redis_reader(user, "PASSWORD") for user in overlay.READERS),
    ],
)
def test_the_documented_acl_lines_are_those_that_are_tested(line: str) -> None:
    assert line in DOCS


def test_the_documented_policy_is_the_demos() -> None:
    made = overlay.policy(TENANTS)["Statement"]
    assert [json.dumps(s).replace(f":::{overlay.BUCKET}", f":::{BUCKET}") for s in made] == [
        json.dumps(s) for s in documented_policy()["Statement"]
    ]
