"""What many participants would cost follows from what few did, and keeps the limits of a transaction and of a block."""

from dataclasses import replace

import pytest

from setm.bench.measured import stage_gas
from setm.bench.node_evm import TRANSACTION_GAS
from setm.bench.scale import CHAINS, ENVELOPE_BYTES, TRANSACTION_BYTES, filled, needed, scale
from tests.python.bench.examples import Sent, measured

PRIVATE, PUBLIC = CHAINS


def rows(sizes=(100, 1_000), **shares):
    days = [measured(participants=count, **shares) for count in sizes]
    return scale(days, [10_000])


def test_days_in_proportion_go_on_in_proportion():
    by_stage = {row.stage: row for row in rows() if row.chain is PRIVATE}
    assert set(by_stage) == {"post", "clear", "readings", "settle"}
    for stage, share in (("post", 400), ("clear", 50), ("readings", 100), ("settle", 300)):
        assert by_stage[stage].gas == share * 10_000 * 96
        assert by_stage[stage].fit_error == 0


def test_one_size_tells_no_line():
    assert scale([measured()], [10_000]) == []


def test_a_chain_with_slower_blocks_takes_longer_for_the_same():
    found = rows()
    for fast, slow in zip(
        [row for row in found if row.chain is PRIVATE],
        [row for row in found if row.chain is PUBLIC],
        strict=True,
    ):
        assert (fast.gas, fast.transactions, fast.blocks) == (
            slow.gas,
            slow.transactions,
            slow.blocks,
        )
        assert slow.seconds == 12 * fast.seconds


def test_who_sends_alone_goes_on_sending_alone():
    def sealed(count):
        one = measured(participants=count)
        alone = [Sent(40_000)] * count
        return replace(one, stages=(stage_gas("commit", alone), *one.stages))

    found = [row for row in scale([sealed(10), sealed(100)], [10_000]) if row.stage == "commit"]
    assert [row.transactions for row in found] == [10_000, 10_000]
    # 1,500 of them fit into a block.
    assert [row.blocks for row in found] == [7, 7]


@pytest.mark.parametrize("count", [1, 2, 7, 1_000])
def test_transactions_keep_both_limits(count):
    room = TRANSACTION_BYTES - ENVELOPE_BYTES
    assert needed(count * TRANSACTION_GAS, 0) == count
    assert needed(count * TRANSACTION_GAS + 1, 0) == count + 1
    assert needed(0, count * room) == count
    assert needed(0, count * room + 1) == count + 1


def test_a_block_holds_whole_transactions():
    # Three of the largest fit into 60,000,000 gas, and four do not.
    assert [filled(count, count * TRANSACTION_GAS, PUBLIC) for count in (3, 4, 7)] == [1, 2, 3]


def test_a_fit_that_is_no_line_says_how_far_off_it_is():
    days = [measured(participants=10, post=100), measured(participants=100, post=400)]
    days.append(measured(participants=1_000, post=100))
    assert max(row.fit_error for row in scale(days, [10_000])) > 0.1
