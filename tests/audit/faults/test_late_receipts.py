"""A node that knows a key's nonce before it knows the receipt: nothing may be signed a second time because of it.

Endpoints behind a load balancer answer so: one has the newest block already, the other not yet.
"""

from __future__ import annotations

from collections import Counter

import pytest

from setm.chain.node import local_node
from setm.errors import Reverted
from tests.python.chain.test_keeper import START_AT, Place


@pytest.fixture
def place(tmp_path):
    with local_node("anvil", start_at=START_AT, log=tmp_path / "log") as node:
        made = Place(node, tmp_path)
        yield made
        made.journal.close()


def receipts_come_late(place, asks):
    """Answer the first ``asks`` questions for each transaction's receipt as if the node did not know it yet."""
    asked = Counter()
    pass_on = place.web3.provider.make_request

    def make_request(method, params):
        if method == "eth_getTransactionReceipt":
            asked[params[0]] += 1
            if asked[params[0]] <= asks:
                return {"jsonrpc": "2.0", "id": 0, "result": None}
        return pass_on(method, params)

    place.web3.provider.make_request = make_request
    return asked


def row(register, kind, where, ok):
    register.add_row(
        stage="late", network="anvil", mechanism="", kind=kind, where=where, reached_node=1,
        happened="completed", survived=ok, same_times="", back_after_seconds="",
    )  # fmt: skip


@pytest.mark.parametrize("asks", [1, 5, 40])
def test_a_late_receipt_is_waited_for(place, asks, register):
    asked = receipts_come_late(place, asks)
    for _ in range(2):
        place.token.mint(place.alice, 1)
        place.token.mint(place.bob, 1)
    counts = place.mints_on_chain()
    row(register, "receipt unknown", f"the first {asks} times", set(counts.values()) == {2})
    assert min(asked.values()) > asks
    assert counts.total() == 4
    assert place.minted(place.alice) == place.minted(place.bob) == 2


@pytest.mark.parametrize("asks", [0, 3, 40])
def test_what_came_too_early_is_signed_anew_once(place, asks, register):
    """The clock's block is lost: the transaction is refused, comes again, and its receipt comes late."""
    place.token.mint(place.alice, 1)
    due = int(START_AT.timestamp()) + 5000
    place.keeper.advance(due)
    check = place.keeper.check

    def check_then_roll_back():
        check()
        place.keeper.check = check
        place.rpc("anvil_rollback", 1)

    place.keeper.check = check_then_roll_back
    receipts_come_late(place, asks)
    with pytest.raises(Reverted, match="NotSecured"):
        place.house.withdraw(place.alice, 1)
    entry = place.journal.entries()[-1]
    nonces = [item.nonce for item in place.journal.signatures(entry)]
    row(
        register, "clock's block lost, receipt unknown", f"the first {asks} times", nonces == [1, 2]
    )
    assert entry.mined.timestamp > due
    assert nonces == [1, 2]
    assert place.nonce(place.alice) == 3
