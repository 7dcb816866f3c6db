"""Keeps on the chain what the journal says: hands it in, finds it again, puts it back when the chain has lost it.

A chain can lose blocks: it was killed before it saved them, or it took another branch. The keeper remembers the newest
block that it has seen. If that one is gone, every transaction whose block is gone is handed in again, byte for byte, in
the order in which all of them were meant, on a local chain at the time of its first block. Then the same comes of it,
or ``RolledBack`` says what did not.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from web3.types import RPCEndpoint

from setm.chain.batch import Batch, BlocksOnDemand, Renew
from setm.chain.connection import Connection, Patience, PatientProvider
from setm.chain.journal import Entry, Journal, Mined, Signed, State
from setm.chain.node import NodeKind, advance_to
from setm.chain.places import agree, mined_at, outcome
from setm.errors import AnswerLost, ChainError, ChainUnreachable, RolledBack, TransactionLost

KNOWN = ("already known", "known transaction", "already exists", "already imported")
NONCE_USED = ("nonce too low", "correct nonce", "nonce is too low")
TOO_CHEAP = ("max fee per gas less", "maxfeepergas", "underpriced", "fee cap", "gas price")
# Ganache 7.9.2 executes the same bytes twice if they come again while it makes a block with them.
REPEAT_AFTER_SECONDS = 0.25
# How far back the user of a nonce is looked for.
SEARCHED_BLOCKS = 5000

Explain = Callable[[Entry, Signed, int], str]
"""Returns the revert data of a refused transaction in this block, as hex."""


@dataclass(frozen=True, slots=True)
class _Block:
    number: int
    block_hash: str


class Keeper:
    """One chain and its journal; ``kind`` is None unless the chain is a local one whose clock can be moved.

    A transaction counts once ``confirmations`` blocks follow its own.
    """

    def __init__(
        self,
        web3: Connection,
        journal: Journal,
        kind: NodeKind | None = None,
        *,
        confirmations: int = 0,
        patience: Patience | None = None,
    ) -> None:
        self.web3 = web3
        self.journal = journal
        self.patience = patience or Patience()
        self.chain_id = web3.eth.chain_id
        self._kind = kind
        self._confirmations = confirmations
        self.blocks = BlocksOnDemand(self)
        self._floor = 0
        newest = journal.newest()
        found = newest.mined if newest else None
        self._tip = _Block(found.block, found.block_hash) if found else None

    # ---- the clock ----

    def now(self) -> int:
        """Return the time of the newest block."""
        return int(self._block("latest")["timestamp"], 16)

    def advance(self, timestamp: int) -> None:
        """See that the chain still has everything, then move a local chain's clock to ``timestamp`` (UTC seconds)."""
        self.blocks.end()
        self.check()
        self._floor = max(self._floor, timestamp)
        self._advance(timestamp)
        self.journal.finalise(self.height() - self._confirmations)

    def _advance(self, timestamp: int) -> None:
        if self._kind is None or timestamp <= 0:
            return
        for pause in [*self.patience.pauses(), None]:
            try:
                advance_to(self._kind, self.web3, timestamp)
                break
            except ChainUnreachable:
                # The order to make a block was lost or came twice; asked again, the clock shows which.
                if pause is None or not self._is_alive():
                    raise
                time.sleep(pause)
        self.saw(self._block("latest"))

    def _is_alive(self) -> bool:
        provider = self.web3.provider
        return not isinstance(provider, PatientProvider) or provider.is_alive()

    # ---- what is on the chain ----

    def check(self) -> bool:
        """Put back what the chain has lost, if it has lost anything; return whether it had."""
        if self._tip is None or self._has(self._tip):
            return False
        self.reconcile()
        return True

    def reconcile(self, but: Entry | None = None) -> list[Entry]:
        """Put back every transaction whose block is gone, ``but`` one; return them. See the head of this file."""
        self._tip = None
        lost = [
            item if item.state is State.SENT else self.journal.lost(item)
            for item in self._lost()
            if but is None or item.number != but.number
        ]
        for _, block in groupby(lost, key=lambda item: item.mined.block if item.mined else 0):
            together = list(block)
            if self.takes_many and len(together) > 1:
                self._put_back_block(together)
            else:
                for item in together:
                    self._put_back(item)
        self.saw(self._block("latest"))
        self._advance(self._floor)
        return lost

    def _lost(self) -> list[Entry]:
        """Return the lines whose block is gone; a block stands on all before it, so that bisection finds the first."""
        seen = [(item, item.mined) for item in self.journal.seen() if item.mined is not None]
        placed = sorted(
            {
                (mined.block, mined.block_hash)
                for item, mined in seen
                if item.state is not State.SENT
            }
        )
        first = bisect_left(placed, True, key=lambda block: not self._has(_Block(*block)))
        gone = set(placed[first:])
        return [
            item
            for item, mined in seen
            if item.state is State.SENT or (mined.block, mined.block_hash) in gone
        ]

    def _put_back_block(self, entries: Sequence[Entry]) -> None:
        """Put back what stood in one block into one block, at its time; what does not get there, alone."""
        batch = Batch(self, entries)
        found = batch.found()
        missing = [item for item in entries if item.number not in found]
        if missing and missing[0].mined is not None:
            self._advance(missing[0].mined.timestamp - 1)
        found |= batch.hand_in([item.number for item in missing])
        for item in entries:
            if item.mined is None or item.number not in found:
                self._put_back(item)
            elif outcome(found[item.number]) == outcome(item.mined):
                self.journal.mined(item, found[item.number])
            else:
                self._put_back(item)

    def _put_back(self, entry: Entry) -> None:
        before = entry.mined
        assert before is not None
        mined = self._find(entry, _alive(self.journal.signatures(entry)))
        if mined is None:
            self._advance(before.timestamp - 1)
            mined = self.deliver(entry)
        if outcome(mined) != outcome(before):
            raise RolledBack(
                f"{entry.name}: the chain lost block {before.block} with {before.tx_hash}; handed in again it is in "
                f"block {mined.block} with another result ({'ok' if mined.ok else 'refused'}, was "
                f"{'ok' if before.ok else 'refused'}): start anew with --fresh"
            )
        self.journal.mined(entry, replace(mined, refusal=before.refusal))

    # ---- delivering ----

    def deliver(
        self, entry: Entry, renew: Renew | None = None, explain: Explain | None = None
    ) -> Mined:
        """Hand in what was signed for a line until it is in a block; return what came of it, checked against its block.

        The same bytes are handed in again when they were dropped; ``renew`` signs them with a higher fee when they are
        stuck. Raises ``TransactionLost`` when the patience is over.
        """
        self.blocks.end()
        return _Delivery(self, entry, renew, explain).run()

    @property
    def takes_many(self) -> bool:
        """Whether many transactions may be handed in at once: to a local Anvil, whose blocks are made on demand."""
        return self._kind == "anvil" and isinstance(self.web3.provider, PatientProvider)

    def hand_in_many(
        self, entries: Sequence[Entry], renew: Mapping[int, Renew] | None = None
    ) -> list[Entry]:
        """Hand in signed lines together; return them, those mined that succeeded and are found at once.

        The others stay sent: ``deliver`` finds out what became of each. ``renew`` is for each line's number.
        """
        batch = Batch(self, entries, renew)
        # What was handed in before may be in a block: then no other block is made for it.
        was_sent = any(item.state is State.SENT for item in entries)
        found = batch.found() if was_sent else {}
        found |= batch.hand_in([item.number for item in entries if item.number not in found])
        now = batch.entries()
        mined = self.journal.mined_many([(now[number], place) for number, place in found.items()])
        now |= {item.number: item for item in mined}
        return [now[item.number] for item in entries]

    def _find(
        self, entry: Entry, signed: Sequence[Signed], explain: Explain | None = None
    ) -> Mined | None:
        """Return the place of a transaction if it has one and block and receipt agree."""
        for item in reversed(signed):
            receipt = self._ask("eth_getTransactionReceipt", item.tx_hash)
            if receipt is None:
                continue
            block = self._ask("eth_getBlockByNumber", receipt["blockNumber"], False)
            if block is None or not agree(entry, receipt, block):
                continue
            if not self.follows(block):
                self.reconcile(but=entry)
                return self._find(entry, signed, explain)
            self.saw(block)
            ok = int(receipt["status"], 16) == 1
            refusal = (
                "" if ok or explain is None else explain(entry, item, int(block["number"], 16))
            )
            return mined_at(item.tx_hash, receipt, block, refusal)
        return None

    def _is_deep(self, mined: Mined) -> bool:
        needed = self._confirmations
        return needed == 0 or self.height() >= mined.block + needed

    def follows(self, block: Mapping[str, Any]) -> bool:
        """Whether the newest block that was seen still counts beside this one."""
        tip = self._tip
        if tip is None or block["hash"] == tip.block_hash:
            return True
        if int(block["number"], 16) == tip.number + 1:
            return bool(block["parentHash"] == tip.block_hash)
        return self._has(tip)

    def saw(self, block: Mapping[str, Any]) -> None:
        """Remember a block if none that was seen is newer."""
        number = int(block["number"], 16)
        if self._tip is None or number >= self._tip.number:
            self._tip = _Block(number, str(block["hash"]))

    def _has(self, block: _Block) -> bool:
        # Twice no: one answer may be wrong, and putting back what was not lost takes long.
        return any(
            found is not None and found["hash"] == block.block_hash
            for found in (
                self._ask("eth_getBlockByNumber", hex(block.number), False) for _ in range(2)
            )
        )

    def _block(self, which: str) -> Mapping[str, Any]:
        found = self._ask("eth_getBlockByNumber", which, False)
        if found is None:
            raise ChainUnreachable(f"the node does not know block {which}")
        return dict(found)

    def next_nonce(self, address: str) -> int:
        """Return the nonce of this address by the chain's newest block, said twice."""
        said: list[int] = []
        for _ in range(2 * self.patience.attempts):
            said.append(self._number("eth_getTransactionCount", address, "latest"))
            if said[-2:-1] == said[-1:]:
                return said[-1]
        raise ChainUnreachable(f"the node gives {address} another nonce each time: {said}")

    def user_of(self, address: str, nonce: int) -> str | None:
        """Return the hash of the transaction that used a nonce, None if no block of the newest many shows it."""
        newest = self.height()
        for number in range(newest, max(newest - SEARCHED_BLOCKS, -1), -1):
            block = self._ask("eth_getBlockByNumber", hex(number), True)
            for item in block["transactions"] if block else ():
                if str(item["from"]).lower() == address.lower() and int(item["nonce"], 16) == nonce:
                    return str(item["hash"])
        return None

    def is_paused_ganache(self, max_fee: int) -> bool:
        """Whether this is a Ganache whose blocks are not too dear: then no higher fee helps.

        Ganache 7.9.2 makes two blocks of one height when a replaced transaction waited for it, and keeps the empty one.
        """
        return self._kind == "ganache" and max_fee >= self.base_fee()

    def base_fee(self) -> int:
        """Return the base fee of the newest block, wei per gas."""
        return int(self._block("latest").get("baseFeePerGas", "0x0"), 16)

    def next_base_fee(self) -> int:
        """Return the base fee that the node expects of the next block, wei per gas."""
        return int(self._block("pending").get("baseFeePerGas", "0x0"), 16)

    def height(self) -> int:
        """Return the number of the newest block."""
        return self._number("eth_blockNumber")

    def _number(self, method: str, *params: Any) -> int:
        return int(self._ask(method, *params), 16)

    def _ask(self, method: str, *params: Any) -> Any:
        answer: Any = self.web3.provider.make_request(RPCEndpoint(method), list(params))
        if "error" in answer:
            raise ChainError(f"the node refuses {method}: {answer['error'].get('message', '')}")
        return answer["result"]


class _Delivery:
    """One line of the journal on its way into a block."""

    def __init__(
        self, keeper: Keeper, entry: Entry, renew: Renew | None, explain: Explain | None
    ) -> None:
        self._keeper = keeper
        self._entry = entry
        self._renew = renew
        self._explain = explain
        self._signed = _alive(keeper.journal.signatures(entry))
        self._deadline = time.monotonic() + keeper.patience.block
        self._problem = "check that the chain makes blocks"
        self._refusals = 0
        self._signed_at = time.monotonic()

    def run(self) -> Mined:
        """Hand in, wait, find out what is wrong, and again."""
        mined, is_new = None, self._entry.state is not State.SENT
        if is_new:
            self._entry = self._keeper.journal.sent(self._entry)
        else:
            mined = self._wait(0)
        while True:
            while mined is None:
                # What the node has is not handed in again: Ganache would take it for a replacement.
                has_it = not is_new and self._known() is not None
                mined = self._wait(self._keeper.patience.stuck if has_it else self._hand_in())
                is_new = False
                if mined is None:
                    self._heal()
            mined = self._deep(mined)
            if mined is not None and not self._was_overtaken(mined):
                return mined
            mined = None

    def _hand_in(self) -> float:
        """Hand in the newest bytes; return for how many seconds a receipt is worth waiting for."""
        raw = "0x" + self._signed[-1].raw.hex()
        try:
            answer: Any = self._keeper.web3.provider.make_request(
                RPCEndpoint("eth_sendRawTransaction"), [raw]
            )
        except AnswerLost as error:
            self._problem = str(error)
            time.sleep(REPEAT_AFTER_SECONDS)
            return 0
        message = str(answer.get("error", {}).get("message", "")).lower()
        if not message or any(words in message for words in (*KNOWN, *NONCE_USED)):
            return self._keeper.patience.stuck
        self._problem = f"the node says: {message}"
        time.sleep(self._keeper.patience.pause)
        if any(words in message for words in TOO_CHEAP):
            self._raise_fee()
            return 0
        self._refusals += 1
        if self._refusals > self._keeper.patience.attempts:
            raise ChainError(f"{self._name()} is not taken: {message}")
        return 0

    def _wait(self, seconds: float) -> Mined | None:
        """Look for a receipt for so long; at least once."""
        until, pause = min(time.monotonic() + seconds, self._deadline), 0.001
        longest = 0.25 if self._keeper._kind is None else 0.02
        while True:
            mined = self._keeper._find(self._entry, self._signed, self._explain)
            if mined is not None or time.monotonic() >= until:
                return mined
            time.sleep(pause)
            pause = min(pause * 2, longest)

    def _heal(self) -> None:
        """Find out why there is no receipt, and do what helps."""
        if time.monotonic() >= self._deadline:
            raise TransactionLost(
                f"{self._name()} is in no block after {self._keeper.patience.block:.0f} s: {self._problem}; then run "
                "the same command again to continue"
            )
        self._keeper.check()
        nonce, next_nonce = self._signed[-1].nonce, self._keeper.next_nonce(self._entry.sender)
        if next_nonce > nonce:
            self._replace_used(next_nonce)
        elif next_nonce < nonce:
            self._problem = f"transaction {next_nonce} of the same key is missing before it"
            self._keeper.reconcile(but=self._entry)
        elif self._is_stuck():
            self._raise_fee()

    def _is_stuck(self) -> bool:
        """Whether the node has had the newest bytes for long; otherwise they are lost, or on their way."""
        if time.monotonic() < self._signed_at + self._keeper.patience.stuck:
            return False
        if self._keeper.is_paused_ganache(self._signed[-1].max_fee):
            return False
        known = self._known()
        return known is not None and known.get("blockNumber") is None

    def _known(self) -> Mapping[str, Any] | None:
        """Return what the node says of the newest bytes, None if it does not have them."""
        found: Mapping[str, Any] | None = self._keeper._ask(
            "eth_getTransactionByHash", self._signed[-1].tx_hash
        )
        return found

    def _replace_used(self, next_nonce: int) -> None:
        """The nonce is used: by these bytes, whose receipt comes later, or by others, which a block has to show."""
        user = self._keeper.user_of(self._entry.sender, self._signed[-1].nonce)
        if user is None or user in {item.tx_hash for item in self._signed}:
            self._problem = "its nonce is used, but the node gives no receipt"
            return
        if self._entry.ordinal == 0 and len(self._signed) == 1 and self._renew is not None:
            # What the chain said before the first signature was old: these bytes can never count.
            self._renewed(self._signed[-1].max_fee, next_nonce)
            return
        raise TransactionLost(
            f"{self._name()}: another writer used nonce {self._signed[-1].nonce} of {self._entry.sender} for {user}: "
            "stop it, then start anew with --fresh"
        )

    def _raise_fee(self) -> None:
        last = self._signed[-1]
        if self._renew is None:
            return
        # A replacement has to offer at least 12.5 % more, and more than blocks cost now.
        fee = max(last.max_fee * 9 // 8 + 1, 2 * self._keeper.base_fee())
        self._renewed(fee, last.nonce)

    def _renewed(self, fee: int, nonce: int) -> None:
        assert self._renew is not None
        signed = self._renew(self._entry, self._signed[-1], fee, nonce)
        self._entry = self._keeper.journal.sign(self._entry, signed, "replaced")
        self._entry = self._keeper.journal.sent(self._entry)
        self._signed = _alive([*self._signed, signed])
        self._signed_at = time.monotonic()

    def _deep(self, mined: Mined) -> Mined | None:
        """Wait until enough blocks follow; None if another branch has won meanwhile."""
        found: Mined | None = mined
        while found is not None and not self._keeper._is_deep(found):
            if time.monotonic() >= self._deadline:
                raise TransactionLost(
                    f"{self._name()} is in block {found.block}, but too few blocks follow: check that the chain "
                    "makes blocks"
                )
            time.sleep(0.05)
            found = self._keeper._find(self._entry, self._signed, self._explain)
        return found

    def _was_overtaken(self, mined: Mined) -> bool:
        """Whether it was refused because what comes before it was lost, and put back behind it; if so, sign anew."""
        if mined.ok or self._renew is None:
            return False
        is_early = mined.timestamp < self._keeper._floor
        if not is_early and not self._keeper.journal.is_before_others(self._entry, mined.block):
            return False
        self._renewed(self._signed[-1].max_fee, self._signed[-1].nonce + 1)
        return True

    def _name(self) -> str:
        return f"{self._entry.name}: {self._signed[-1].tx_hash} ({self._entry.state})"


def _alive(signed: Sequence[Signed]) -> list[Signed]:
    """Return what can still count: bytes with an older nonce were refused, and signed anew because of it."""
    return [item for item in signed if item.nonce == signed[-1].nonce]
