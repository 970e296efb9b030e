"""Runs the gateway: `python -m coursegen_gateway`."""

import logging
import sys

import uvicorn

from coursegen_operator import access
from coursegen_operator.__main__ import log_to_stderr, tell

from . import app, settings
from .gateway import Gateway

log = logging.getLogger("coursegen_gateway")


def main() -> int:
    """Serve until told to stop; exit code 2 for settings or a cluster that cannot be used."""
    try:
        config = settings.load()
        log_to_stderr(config.log_level)
        # Of each WebSocket it says the query at INFO, with the ticket, and the headers at DEBUG, with the token.
        logging.getLogger("uvicorn.error").setLevel(max(logging.WARNING, logging.getLogger().level))
        tell(config, log)
        gateway = Gateway(config, access.in_cluster() or access.from_kubeconfig())
    except (settings.SettingsError, access.AccessError) as error:
        print(f"coursegen-gateway: {error}", file=sys.stderr)
        return 2
    uvicorn.run(
        app.build(gateway),
        host=config.http_host,
        port=config.http_port,
        log_config=None,
        access_log=False,
        server_header=False,
        ws_max_size=4096,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
        limit_concurrency=config.max_sockets + 1000,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
