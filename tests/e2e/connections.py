"""A program for a network namespace: says which places can be connected to, or listens at some.

`connections.py try '[["10.96.0.1", 443]]'` prints a JSON list of true and false; `listen` says that it does, and stays.
"""

import json
import selectors
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

Place = tuple[str, int]
SECONDS = 3
"""What has not answered by then is taken for what never will: a policy may drop packets in silence."""


def reached(place: Place) -> bool:
    """Tell whether somebody takes a connection there."""
    try:
        socket.create_connection(place, SECONDS).close()
    except OSError:
        return False
    return True


def listen(places: list[Place]) -> None:
    """Take every connection and close it, for good."""
    with selectors.DefaultSelector() as servers:
        for place in places:
            servers.register(socket.create_server(place, backlog=64), selectors.EVENT_READ)
        print("listening", flush=True)
        while True:
            for key, _ in servers.select():
                key.fileobj.accept()[0].close()  # type: ignore[union-attr]


if __name__ == "__main__":
    asked = [(str(address), int(port)) for address, port in json.loads(sys.argv[2])]
    if sys.argv[1] == "listen":
        listen(asked)
    with ThreadPoolExecutor(len(asked)) as pool:
        print(json.dumps(list(pool.map(reached, asked))))
