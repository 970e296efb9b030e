"""Two namespaces that do not trust each other, with the accounts that the demo makes: work goes on, attacks do not."""

from collections.abc import Iterator
from contextlib import contextmanager

import obstore
import pytest
import redis
from obstore.exceptions import BaseError
from redis.exceptions import NoPermissionError

from coursegen_api import names
from demo import overlay

from .. import hostile
from .scene import Scene, chapter, outcomes
from .system import SYSTEM, TENANTS


@contextmanager
def redis_as(scene: Scene, tenant: str) -> Iterator["redis.Redis[bytes]"]:
    """Reach Redis from here with what a tenant's workers have."""
    url = overlay.read_env(scene.system.folder / "generated" / f"redis-{tenant}.env")["url"]
    login = url.partition("@")[0]
    forward = ("port-forward", "--namespace", SYSTEM, "service/redis", ":6379")
    with scene.system.kubectl.background(*forward, says=r"127\.0\.0\.1:\d+") as found:
        yield redis.Redis.from_url(f"{login}@{found[0]}/0")


def written(scene: Scene, tenant: str) -> str:
    """Have a chapter written in a tenant's namespace; gives its key."""
    there = Scene(scene.system, tenant)
    name = f"loops-{scene.namespace[-12:]}"
    there.create("ChapterGeneration", name, chapter(f"Loops of {tenant}"))
    status = there.until_ended(name, "ChapterGeneration")
    assert outcomes(status) == ["Succeeded"]
    there.check()
    return str(status["artifact"]["key"])


def worked(what: str, answer: object) -> None:
    pytest.fail(f"it worked: {what}: {answer}")


def test_tenants_of_one_store_and_one_redis_reach_nothing_of_each_other(scene: Scene) -> None:
    keys = {tenant: written(scene, tenant) for tenant in TENANTS}
    mine, theirs = TENANTS
    with scene.system.store(mine) as store:
        content = bytes(obstore.get(store, keys[mine]).bytes())
        beside = keys[mine].replace("/chapter/", "/stolen/")
        for what, attempt in hostile.STORE.items():
            with pytest.raises(BaseError, match=hostile.REFUSED):
                worked(what, attempt(store, keys[theirs], beside))
        with pytest.raises(FileNotFoundError):
            obstore.get(store, beside)
        assert bytes(obstore.get(store, keys[mine]).bytes()) == content
    with scene.system.store(theirs) as store:
        assert bytes(obstore.get(store, keys[theirs]).bytes())
    own, others = (names.progress_stream(keys[t].partition("/")[0]) for t in TENANTS)
    with redis_as(scene, mine) as client:
        assert client.execute_command("XADD", own, "*", "percentage", "1")
        for what, command in hostile.REDIS.items():
            with pytest.raises(NoPermissionError):
                worked(what, client.execute_command(*command(own, others)))


def test_the_gateways_account_reads_every_tenants_files_and_keeps_content_beside_them_alone(scene: Scene) -> None:
    key = written(scene, TENANTS[0])
    with scene.system.store(overlay.GATEWAY) as store:
        assert bytes(obstore.get(store, key).bytes())
        obstore.put(store, names.upload_key(key.partition("/")[0], "0" * 64, "md"), b"# Loops")
        for attempt in (lambda: obstore.put(store, key, b"poison"), lambda: obstore.delete(store, key)):
            with pytest.raises(BaseError, match=hostile.REFUSED):
                attempt()
