"""Ports for the servers that tests start."""

import socket

_HELD: list[socket.socket] = []


def free_port(host: str = "127.0.0.1") -> int:
    """Give a port of this machine that nobody listens on, and that nobody else is given while the tests run.

    It is held without listening: whoever sets SO_REUSEADDR, as servers do, can listen on it all the same.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((host, 0))
    _HELD.append(held)
    return int(held.getsockname()[1])
