"""Prints the first of a row of ports on which nothing listens.

Brownie attaches to whatever answers on its port, and parallel workers take the ports that follow: a free row keeps
other chains out of the tests.
"""

import random
import socket

# Below the ports that systems hand out to clients.
LOWEST, HIGHEST = 20_000, 30_000
ROW = 8


def is_free(port: int) -> bool:
    """Return whether nothing listens on ``port`` of this machine."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(rng: random.Random) -> int:
    """Return the first of ``ROW`` neighbouring free ports."""
    while True:
        first = rng.randrange(LOWEST, HIGHEST)
        if all(is_free(port) for port in range(first, first + ROW)):
            return first


if __name__ == "__main__":
    print(free_ports(random.SystemRandom()))
