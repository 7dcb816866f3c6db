"""A chain that drops, delays, rolls back and forgets: what the journal says is on it in the end, once."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from setm.chain.batch import Batch
from setm.chain.contracts import Clearinghouse, Token
from setm.chain.journal import Journal, State
from setm.chain.keeper import Keeper
from setm.chain.node import CHAIN_ID, local_node
from setm.chain.sender import MAX_FEE_PER_GAS, Patience, Sender, connect, send_all
from setm.errors import JournalMismatch, Reverted, RolledBack, TransactionLost
from setm.simulation.keys import local_account
from tests.python.chain.deploying import deploy

START_AT = datetime(2030, 1, 1, tzinfo=UTC)
QUICK = Patience(attempts=4, pause=0.01, answer=5, block=8, stuck=0.2)
DAY = 86_400
GWEI = 10**9


class Place:
    """A chain with a token, a journal, and two who mint."""

    def __init__(self, node, folder):
        self.node = node
        self.journal_file = folder / "journal.sqlite"
        self.changes = []
        self.web3 = connect(node.url, patience=QUICK, chain_id=CHAIN_ID)
        self.token_address = deploy(self.web3, local_account(0), "TestEuro")
        self.house_address = deploy(
            self.web3,
            local_account(0),
            "Clearinghouse",
            self.token_address,
            deploy(
                self.web3,
                local_account(0),
                "ParticipantRegistry",
                local_account(0).address,
                900,
                DAY,
                2 * DAY,
                [],
            ),
            DAY,
        )
        self.journal = None
        self.begin()

    def begin(self):
        """Start the program anew, as a killed one is."""
        if self.journal is not None:
            self.journal.close()
        self.web3 = connect(self.node.url, patience=QUICK, chain_id=CHAIN_ID)
        self.journal = Journal(
            self.journal_file, lambda change, _entries: self.changes.append(change)
        )
        self.keeper = Keeper(self.web3, self.journal, self.node.kind, patience=QUICK)
        self.token = Token(self.web3, self.token_address)
        self.house = Clearinghouse(self.web3, self.house_address)
        self.alice = Sender(self.web3, local_account(3), "alice", self.keeper)
        self.bob = Sender(self.web3, local_account(4), "bob", self.keeper)

    def rpc(self, method, *params):
        answer = self.web3.provider.make_request(method, list(params))
        assert "error" not in answer, answer
        return answer["result"]

    def minted(self, sender):
        return int(self.token.ask("balanceOf", sender.address))

    def nonce(self, sender):
        return self.web3.eth.get_transaction_count(sender.address)

    def mints_on_chain(self):
        """Count the transactions to the token in all blocks, by sender and calldata."""
        found = Counter()
        for number in range(self.web3.eth.block_number + 1):
            for item in self.web3.eth.get_block(number, True)["transactions"]:
                if item["to"] == self.token_address:
                    found[item["from"], bytes(item["input"])] += 1
        return found


@pytest.fixture(params=["anvil", "ganache"])
def place(request, tmp_path):
    state = tmp_path / "state"
    with local_node(request.param, start_at=START_AT, log=tmp_path / "log", state=state) as node:
        made = Place(node, tmp_path)
        yield made
        made.journal.close()


@pytest.fixture
def anvil(tmp_path):
    with local_node("anvil", start_at=START_AT, log=tmp_path / "log") as node:
        made = Place(node, tmp_path)
        yield made
        made.journal.close()


def test_a_program_that_is_started_again_sends_nothing_twice(place):
    for _ in range(2):
        place.token.mint(place.alice, 5)
        place.token.mint(place.bob, 7)
        with pytest.raises(Reverted, match="withdraw of alice was refused: NotSecured"):
            place.house.withdraw(place.alice, 1)
        place.begin()
    assert (place.minted(place.alice), place.minted(place.bob)) == (5, 7)
    assert (place.nonce(place.alice), place.nonce(place.bob)) == (2, 1)
    place.token.mint(place.alice, 5)
    assert place.minted(place.alice) == 5


def test_what_was_signed_before_the_end_is_handed_in_byte_for_byte(place):
    class Ended(BaseException):
        pass

    def end(change, _entries):
        if change == "signed":
            raise Ended

    place.journal._observe = end
    with pytest.raises(Ended):
        place.token.mint(place.alice, 5)
    signed = place.journal.signatures(place.journal.entry(place.alice.address, 0))
    assert place.nonce(place.alice) == 0
    place.begin()
    # Another amount, as a deadline would differ: what was signed counts.
    place.token.mint(place.alice, 6)
    assert place.minted(place.alice) == 5
    assert place.journal.history()[0].tx_hash == signed[0].tx_hash
    assert len(place.journal.signatures(place.journal.entry(place.alice.address, 0))) == 1


def test_a_program_that_changed_is_told_what_it_did_before(place):
    place.token.mint(place.alice, 5)
    place.begin()
    with pytest.raises(
        JournalMismatch, match="transaction 0 of alice was mint of alice, now action"
    ):
        place.house.withdraw(place.alice, 1)


def test_a_chain_that_was_killed_gets_back_what_it_lost(place):
    # An orderly end saves the contracts; what follows is lost on Anvil if it comes before the next saving.
    place.node.restart()
    place.begin()
    for amount in range(1, 6):
        place.token.mint(place.alice, amount)
        place.keeper.advance(place.keeper.now() + 100)
        place.token.mint(place.bob, amount)
    times = [item.timestamp for item in place.journal.history()]
    os.kill(place.node.process_id, signal.SIGKILL)
    place.node.restart()
    place.begin()
    was_lost = place.nonce(place.alice) < 5
    assert was_lost == (place.node.kind == "anvil")
    place.keeper.reconcile()
    assert [item.timestamp for item in place.journal.history()] == times
    for amount in range(1, 6):
        place.token.mint(place.alice, amount)
        place.token.mint(place.bob, amount)
    assert (place.minted(place.alice), place.minted(place.bob)) == (15, 15)
    assert (place.nonce(place.alice), place.nonce(place.bob)) == (5, 5)
    assert all(entry.mined.ok for entry in place.journal.entries())


@pytest.mark.parametrize("depth", [1, 3, 5])
def test_a_reorganisation_that_drops_transactions_is_put_right_before_the_next(anvil, depth):
    for amount in (1, 2, 3):
        anvil.token.mint(anvil.alice, amount)
        anvil.token.mint(anvil.bob, 10 * amount)
    anvil.rpc("anvil_reorg", depth, [])
    anvil.token.mint(anvil.alice, 4)
    assert (anvil.minted(anvil.alice), anvil.minted(anvil.bob)) == (10, 60)
    assert (anvil.nonce(anvil.alice), anvil.nonce(anvil.bob)) == (4, 3)
    assert set(anvil.mints_on_chain().values()) == {1}
    assert anvil.changes.count("lost") == depth
    assert {entry.state for entry in anvil.journal.entries()} <= {State.MINED, State.FINAL}


def test_a_reorganisation_between_two_steps_is_put_right_by_the_clock(anvil):
    anvil.token.mint(anvil.alice, 1)
    anvil.token.mint(anvil.bob, 2)
    anvil.rpc("anvil_reorg", 2, [])
    due = START_AT.timestamp() + 5000
    anvil.keeper.advance(int(due))
    assert (anvil.minted(anvil.alice), anvil.minted(anvil.bob)) == (1, 2)
    assert anvil.keeper.now() >= due


def test_a_block_of_the_clock_that_is_lost_is_made_again(anvil):
    """Otherwise the next action would come before its time."""
    due = int(START_AT.timestamp()) + 5000
    anvil.keeper.advance(due)
    anvil.rpc("anvil_rollback", 1)
    anvil.token.mint(anvil.alice, 1)
    assert anvil.journal.history()[0].timestamp >= due


def test_a_transaction_whose_ground_was_lost_while_it_was_under_way_is_signed_anew(anvil):
    """Bob spends what alice gave him; her gift is dropped between bob's look and his block."""
    anvil.token.mint(anvil.alice, 9)
    give = anvil.token._contract.encode_abi("transfer", args=[anvil.bob.address, 9])
    pass_on = anvil.token._contract.encode_abi("transfer", args=[local_account(8).address, 9])
    options = {"to": anvil.token.address, "action": "transfer", "contract": "token", "gas": 90_000}
    anvil.alice.send(data=give, **options)
    check = anvil.keeper.check

    def check_then_drop():
        check()
        anvil.keeper.check = check
        anvil.rpc("anvil_reorg", 1, [])

    anvil.keeper.check = check_then_drop
    anvil.bob.send(data=pass_on, **options)
    assert int(anvil.token.ask("balanceOf", local_account(8).address)) == 9
    assert (anvil.nonce(anvil.alice), anvil.nonce(anvil.bob)) == (2, 2)
    assert [item.ok for item in anvil.journal.history()] == [True, True, True]


def test_what_came_before_its_time_because_the_clock_was_lost_is_signed_anew(anvil):
    """The block that moved the clock is dropped after the look: what needs that time is refused, and comes again."""
    due = int(START_AT.timestamp()) + 5000
    anvil.keeper.advance(due)
    check = anvil.keeper.check

    def check_then_roll_back():
        check()
        anvil.keeper.check = check
        anvil.rpc("anvil_rollback", 1)

    anvil.keeper.check = check_then_roll_back
    with pytest.raises(Reverted, match="NotSecured"):
        anvil.house.withdraw(anvil.alice, 1)
    (entry,) = anvil.journal.entries()
    assert entry.mined.timestamp > due
    assert [item.nonce for item in anvil.journal.signatures(entry)] == [0, 1]


def test_what_comes_back_with_another_result_is_said(anvil):
    anvil.token.mint(anvil.alice, 9)
    give = anvil.token._contract.encode_abi("transfer", args=[anvil.bob.address, 9])
    anvil.alice.send(
        to=anvil.token.address, data=give, action="transfer", contract="token", gas=90_000
    )
    anvil.rpc("anvil_rollback", 2)
    # The mint is in the way: somebody used its nonce with other bytes.
    Sender(anvil.web3, local_account(3), "alice elsewhere").send(
        to=local_account(9).address, data="0x", action="give", contract="", gas=21_000
    )
    anvil.begin()
    with pytest.raises(
        (RolledBack, TransactionLost), match="mint of alice.*start anew with --fresh"
    ):
        anvil.keeper.reconcile()


def test_a_transaction_that_is_stuck_is_replaced_at_a_higher_fee(anvil):
    anvil.rpc("evm_setAutomine", False)
    threading.Timer(0.7, lambda: anvil_mines(anvil)).start()
    anvil.token.mint(anvil.alice, 5)
    signed = anvil.journal.signatures(anvil.journal.entry(anvil.alice.address, 0))
    assert len(signed) > 1
    assert {item.nonce for item in signed} == {0}
    for before, after in pairwise(signed):
        assert 8 * after.max_fee >= 9 * before.max_fee
    assert anvil.minted(anvil.alice) == 5
    assert anvil.journal.history()[0].tx_hash in {item.tx_hash for item in signed}
    assert sum(anvil.mints_on_chain().values()) == 1
    anvil.token.mint(anvil.alice, 6)
    assert anvil.nonce(anvil.alice) == 2


def test_a_ganache_that_rests_gets_no_replacement(tmp_path):
    """It would keep an empty block in the place of the one with the replacement, and all of its effects."""
    with local_node("ganache", start_at=START_AT, log=tmp_path / "log") as node:
        place = Place(node, tmp_path)
        place.token.mint(place.alice, 1)
        place.rpc("miner_stop")
        threading.Timer(
            0.7, lambda: connect(node.url).provider.make_request("miner_start", [])
        ).start()
        place.token.mint(place.alice, 5)
        place.journal.close()
        assert place.minted(place.alice) == 6
        assert place.mints_on_chain().total() == 2


def anvil_mines(anvil):
    web3 = connect(anvil.node.url)
    web3.provider.make_request("evm_setAutomine", [True])
    web3.provider.make_request("evm_mine", [])


def test_a_transaction_that_was_dropped_is_handed_in_again(anvil):
    anvil.rpc("evm_setAutomine", False)
    threading.Timer(0.05, lambda: drop_all(anvil)).start()
    anvil.token.mint(anvil.alice, 5)
    assert anvil.minted(anvil.alice) == 5
    assert anvil.nonce(anvil.alice) == 1


def drop_all(anvil):
    web3 = connect(anvil.node.url)
    web3.provider.make_request("anvil_dropAllTransactions", [])
    time.sleep(0.1)
    anvil_mines(anvil)


def test_a_base_fee_above_the_offer_is_followed(anvil):
    anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(3 * MAX_FEE_PER_GAS))
    anvil.rpc("evm_mine")
    anvil.token.mint(anvil.alice, 5)
    assert anvil.minted(anvil.alice) == 5
    signed = anvil.journal.signatures(anvil.journal.entry(anvil.alice.address, 0))
    assert signed[-1].max_fee > 2 * MAX_FEE_PER_GAS
    anvil.token.mint(anvil.alice, 6)
    assert anvil.nonce(anvil.alice) == 2


def test_an_answer_about_a_receipt_that_is_lost_makes_no_block_of_its_own(anvil, monkeypatch):
    provider, lost = anvil.web3.provider, ["one"]
    ask_many = provider.ask_many

    def loses_one(method, listed):
        answers = ask_many(method, listed)
        if method == "eth_getTransactionReceipt" and lost:
            answers[0] = lost.clear()
        return answers

    monkeypatch.setattr(provider, "ask_many", loses_one)
    before = anvil.web3.eth.block_number
    send_all([anvil.token.minting(anvil.alice, 5), anvil.token.minting(anvil.bob, 7)])
    assert not lost
    assert anvil.web3.eth.block_number == before + 1
    assert (anvil.minted(anvil.alice), anvil.minted(anvil.bob)) == (5, 7)


def both(anvil):
    """Mints of two, which are handed in together."""
    return [anvil.token.minting(anvil.alice, 5), anvil.token.minting(anvil.bob, 7)]


def test_what_is_handed_in_together_gets_no_block_when_the_program_ends_in_the_middle(
    anvil, monkeypatch
):
    provider = anvil.web3.provider
    ask_many = provider.ask_many

    def ends_after_one(method, listed):
        if method != "eth_sendRawTransaction":
            return ask_many(method, listed)
        ask_many(method, listed[:1])
        raise SystemExit("the program is ended")

    monkeypatch.setattr(provider, "ask_many", ends_after_one)
    before = anvil.web3.eth.get_block("latest")
    with pytest.raises(SystemExit):
        send_all(both(anvil))
    assert anvil.web3.eth.block_number == before["number"]
    anvil.begin()
    send_all(both(anvil))
    made = anvil.web3.eth.get_block("latest")
    assert (made["number"], made["timestamp"]) == (before["number"] + 1, before["timestamp"] + 1)
    assert len(made["transactions"]) == 2


def test_blocks_are_made_at_once_again_for_who_goes_on_after_such_an_end(anvil, monkeypatch):
    def is_interrupted(*_):
        raise KeyboardInterrupt

    before = anvil.web3.eth.block_number
    with monkeypatch.context() as patched:
        patched.setattr(Batch, "_unknown_among", is_interrupted)
        with pytest.raises(KeyboardInterrupt):
            send_all(both(anvil))
    anvil.keeper.blocks.end()
    # Nothing is left that the next block would take along.
    assert int(anvil.rpc("txpool_status")["pending"], 16) == 0
    anvil.token.mint(anvil.alice, 5)
    assert anvil.web3.eth.block_number == before + 1
    assert (anvil.minted(anvil.alice), anvil.minted(anvil.bob)) == (5, 0)


@pytest.mark.parametrize("lost", ["order", "answer"])
def test_a_block_that_is_ordered_and_not_answered_for_is_made_once(anvil, monkeypatch, lost):
    provider, ask_many, left = anvil.web3.provider, anvil.web3.provider.ask_many, ["one"]

    def loses_one(method, listed):
        if method != "evm_mine" or not left:
            return ask_many(method, listed)
        left.clear()
        if lost == "answer":
            ask_many(method, listed)
        return [None]

    monkeypatch.setattr(provider, "ask_many", loses_one)
    before = anvil.web3.eth.get_block("latest")
    send_all(both(anvil))
    made = anvil.web3.eth.get_block("latest")
    assert not left
    assert (made["number"], made["timestamp"]) == (before["number"] + 1, before["timestamp"] + 1)
    assert len(made["transactions"]) == 2


def test_what_is_signed_again_together_keeps_its_order(anvil):
    """Far above twice the offers, so that only the new fees can tell who comes first."""
    anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(10 * MAX_FEE_PER_GAS))
    send_all([anvil.token.minting(who, 5) for who in (anvil.bob, anvil.alice, anvil.bob)])
    senders = [anvil.bob.address, anvil.alice.address, anvil.bob.address]
    assert [item["from"] for item in made_of(anvil)] == senders
    fees = [anvil.journal.signatures(item)[-1].max_fee for item in anvil.journal.seen()]
    assert fees == sorted(fees, reverse=True)
    assert len(set(fees)) == 3


@pytest.mark.parametrize("where", ["before the first", "behind the first", "behind the last"])
def test_a_base_fee_above_what_is_handed_in_together_makes_no_block_of_its_own(
    anvil, monkeypatch, where
):
    provider, ask_many = anvil.web3.provider, anvil.web3.provider.ask_many

    def gets_dear(method, listed):
        if method == "eth_sendRawTransaction" and not changed:
            changed.append(method)
            size = 1 if where == "behind the first" else len(listed)
            first = ask_many(method, listed[:size])
            anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(3 * MAX_FEE_PER_GAS))
            return [*first, *ask_many(method, listed[size:])]
        return ask_many(method, listed)

    changed = []
    before = anvil.web3.eth.get_block("latest")
    if where == "before the first":
        anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(3 * MAX_FEE_PER_GAS))
    else:
        monkeypatch.setattr(provider, "ask_many", gets_dear)
    send_all(both(anvil))
    made = anvil.web3.eth.get_block("latest")
    assert (made["number"], made["timestamp"]) == (before["number"] + 1, before["timestamp"] + 1)
    assert [item["from"] for item in made_of(anvil)] == [anvil.alice.address, anvil.bob.address]
    assert (anvil.minted(anvil.alice), anvil.minted(anvil.bob)) == (5, 7)


def made_of(anvil):
    return anvil.web3.eth.get_block("latest", True)["transactions"]


def test_a_gap_before_a_transaction_is_filled_with_what_the_journal_has(anvil):
    for amount in (1, 2, 3):
        anvil.token.mint(anvil.alice, amount)
    anvil.rpc("anvil_rollback", 2)
    # Without the look before each transaction, as if the loss came right after it.
    anvil.keeper.check = lambda: False
    anvil.token.mint(anvil.alice, 4)
    assert anvil.minted(anvil.alice) == 10
    assert anvil.nonce(anvil.alice) == 4


def test_a_transaction_counts_when_enough_blocks_follow(anvil):
    anvil.keeper._confirmations = 2
    began = time.monotonic()
    threading.Timer(0.3, lambda: anvil_mines_many(anvil)).start()
    anvil.token.mint(anvil.alice, 5)
    assert time.monotonic() - began > 0.2
    assert anvil.web3.eth.block_number >= anvil.journal.history()[0].block + 2


def anvil_mines_many(anvil):
    connect(anvil.node.url).provider.make_request("anvil_mine", ["0x3"])


def test_too_few_blocks_are_said_in_time(anvil):
    impatient = Patience(block=0.3)
    keeper = Keeper(anvil.web3, Journal(), "anvil", confirmations=3, patience=impatient)
    with pytest.raises(TransactionLost, match="is in block .* but too few blocks follow"):
        anvil.token.mint(Sender(anvil.web3, local_account(5), "carol", keeper), 1)


def test_a_nonce_that_another_writer_used_is_said(anvil):
    anvil.token.mint(anvil.alice, 1)
    anvil.token.mint(Sender(anvil.web3, local_account(3), "mallory"), 2)
    with pytest.raises(
        TransactionLost, match=r"another writer used nonce 1 of 0x\w+ for 0x\w+: stop it"
    ):
        anvil.token.mint(anvil.alice, 3)
    assert anvil.minted(anvil.alice) == 3


def test_an_old_count_of_transactions_is_found_out(anvil):
    """A lagging node said that a key is new; what was signed with that nonce can never count."""
    anvil.token.mint(Sender(anvil.web3, local_account(3), "alice before"), 1)
    anvil.keeper.next_nonce, said = lambda address: 0, anvil.keeper.next_nonce
    journal_sign = anvil.journal.sign_many

    def sign(*arguments):
        anvil.keeper.next_nonce = said
        return journal_sign(*arguments)

    anvil.journal.sign_many = sign
    anvil.token.mint(anvil.alice, 5)
    assert anvil.minted(anvil.alice) == 6
    assert anvil.nonce(anvil.alice) == 2
