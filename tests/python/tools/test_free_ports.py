"""The ports on which the contract tests start their chains."""

import random
import socket

from tools.free_ports import HIGHEST, LOWEST, ROW, free_ports


def test_leaves_out_a_row_with_a_port_in_use() -> None:
    first = free_ports(random.Random(1))
    taken = first + ROW - 1
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", taken))
        listener.listen()

        second = free_ports(random.Random(1))

    assert LOWEST <= second < HIGHEST
    assert taken not in range(second, second + ROW)
