"""Hands in many transactions at once to a local Anvil, and has the blocks made that hold them.

They stand in their blocks by their fees, not by when each happened to arrive. Nothing that goes wrong may make a block
of its own: it would move the clock, and all that follows would come at other times than on an undisturbed day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from web3.types import RPCResponse

from setm.chain.connection import PatientProvider
from setm.chain.journal import Entry, Mined, Signed, State
from setm.chain.places import agree, mined_at
from setm.errors import ChainUnreachable

if TYPE_CHECKING:
    from setm.chain.keeper import Keeper

# One request holds at most so many transactions, and so many bytes of them.
HANDED_IN_TOGETHER, HANDED_IN_BYTES = 500, 500_000

Renew = Callable[[Entry, Signed, int, int], Signed]
"""Signs a line's last bytes again with another fee (wei per gas) and nonce."""


class BlocksOnDemand:
    """Whether a local Anvil makes a block for each transaction that comes, or only when it is told to."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._is_on = False

    def begin(self) -> None:
        """Have no block made until ``mine``."""
        self._is_on = True
        self._set_automine(False)

    def end(self) -> None:
        """Have blocks made at once again, if they are not; what waits for one is dropped first, or it would get it."""
        if not self._is_on:
            return
        ask_many(self._keeper, "anvil_dropAllTransactions", [[]])
        self._set_automine(True)
        self._is_on = False

    def mine(self) -> None:
        """Make one block; asked again only if the chain shows that the order got lost."""
        before = self._keeper.height()
        for _ in range(self._keeper.patience.attempts):
            (answer,) = ask_many(self._keeper, "evm_mine", [[]])
            if answer is not None or self._keeper.height() > before:
                return

    def _set_automine(self, wanted: bool) -> None:
        for _ in range(self._keeper.patience.attempts):
            (answer,) = ask_many(self._keeper, "evm_setAutomine", [[wanted]])
            if answer is not None:
                return
        raise ChainUnreachable("the node does not answer evm_setAutomine: start the run again")


class Batch:
    """Signed lines of the journal on their way into blocks together; ``renew`` signs one again with a higher fee.

    Lines that were not handed in before are noted as sent by ``hand_in``.
    """

    def __init__(
        self,
        keeper: Keeper,
        entries: Sequence[Entry],
        renew: Mapping[int, Renew] | None = None,
    ) -> None:
        self._keeper = keeper
        self._renew = renew
        self._entries = {item.number: item for item in sorted(entries, key=lambda it: it.number)}
        self._newest = {
            number: keeper.journal.signatures(item)[-1] for number, item in self._entries.items()
        }

    def found(self) -> dict[int, Mined]:
        """Return the places of those that succeeded, by number; whatever contradicts itself is left out."""
        return self._found_among(list(self._entries))

    def hand_in(self, numbers: Sequence[int]) -> dict[int, Mined]:
        """Hand in some of the lines and have the blocks made that hold them; return the places of those found."""
        if not numbers:
            return {}
        # Who ends in the middle leaves blocks on demand: otherwise what came so far would get one.
        self._keeper.blocks.begin()
        unknown = list(numbers)
        for _ in range(self._keeper.patience.attempts):
            if self._renewed(numbers):
                unknown = list(numbers)
            self._note_sent(numbers)
            for part in self._parts(unknown):
                raw = [["0x" + self._newest[number].raw.hex()] for number in part]
                ask_many(self._keeper, "eth_sendRawTransaction", raw)
            # One that is lost on the way would stand in a block after those that follow it.
            unknown = self._unknown_among(unknown)
            if not unknown and not self._is_too_cheap(numbers):
                break
        found = self._mined_among(numbers)
        self._keeper.blocks.end()
        return found

    def entries(self) -> dict[int, Entry]:
        """Return the lines as they are now, by number."""
        return dict(self._entries)

    def _note_sent(self, numbers: Sequence[int]) -> None:
        new = [self._entries[number] for number in numbers]
        new = [item for item in new if item.state is State.SIGNED]
        if new:
            self._keep(self._keeper.journal.sent_many(new))

    def _keep(self, entries: Sequence[Entry]) -> None:
        self._entries |= {item.number: item for item in entries}

    # ---- fees ----

    def _is_too_cheap(self, numbers: Sequence[int]) -> bool:
        """Whether the next block costs more than one of them offers."""
        if self._renew is None:
            return False
        return self._keeper.next_base_fee() > min(self._newest[it].max_fee for it in numbers)

    def _renewed(self, numbers: Sequence[int]) -> bool:
        """Sign all of them again, in the order of their fees, if the next block is too dear for one."""
        if not self._is_too_cheap(numbers):
            return False
        assert self._renew is not None
        base, signed = self._keeper.next_base_fee(), []
        for place, number in enumerate(numbers):
            last = self._newest[number]
            fee = max(2 * last.max_fee, 2 * base + len(numbers) - place)
            renewed = self._renew[number](self._entries[number], last, fee, last.nonce)
            signed.append((self._entries[number], renewed))
            self._newest[number] = renewed
        self._keep(self._keeper.journal.sign_many(signed, "replaced"))
        return True

    # ---- blocks ----

    def _unknown_among(self, numbers: Sequence[int]) -> list[int]:
        hashes = [[self._newest[number].tx_hash] for number in numbers]
        answers = ask_many(self._keeper, "eth_getTransactionByHash", hashes)
        return [
            number
            for number, answer in zip(numbers, answers, strict=True)
            if answer is None or answer.get("result") is None
        ]

    def _mined_among(self, numbers: Sequence[int]) -> dict[int, Mined]:
        """Make blocks until all are in one, or a block brings nothing new; return the places by number."""
        found: dict[int, Mined] = {}
        while len(found) < len(numbers):
            self._keeper.blocks.mine()
            left = [number for number in numbers if number not in found]
            more = self._found_among(left)
            # Twice: a wrong answer must not make a block of its own.
            left = [number for number in left if number not in more]
            more |= self._found_among(left) if left else {}
            if not more:
                break
            found |= more
        return found

    def _found_among(self, numbers: Sequence[int]) -> dict[int, Mined]:
        hashes = [[self._newest[number].tx_hash] for number in numbers]
        answers = ask_many(self._keeper, "eth_getTransactionReceipt", hashes)
        receipts = [(answer or {}).get("result") for answer in answers]
        blocks = self._blocks({int(item["blockNumber"], 16) for item in receipts if item})
        places = {}
        for number, receipt in zip(numbers, receipts, strict=True):
            block = blocks.get(int(receipt["blockNumber"], 16)) if receipt else None
            if not receipt or not block or not agree(self._entries[number], receipt, block):
                continue
            if receipt["status"] != "0x1" or not self._keeper.follows(block):
                continue
            self._keeper.saw(block)
            places[number] = mined_at(self._newest[number].tx_hash, receipt, block)
        return places

    def _blocks(self, numbers: set[int]) -> dict[int, Any]:
        ordered = sorted(numbers)
        asked = [[hex(number), False] for number in ordered]
        answers = ask_many(self._keeper, "eth_getBlockByNumber", asked)
        return {
            number: (answer or {}).get("result")
            for number, answer in zip(ordered, answers, strict=True)
        }

    def _parts(self, numbers: Sequence[int]) -> Iterator[list[int]]:
        """Yield numbers in order, so many at a time as a request may hold."""
        part: list[int] = []
        size = 0
        for number in numbers:
            size += len(self._newest[number].raw)
            if part and (len(part) == HANDED_IN_TOGETHER or size > HANDED_IN_BYTES):
                yield part
                part, size = [], len(self._newest[number].raw)
            part.append(number)
        if part:
            yield part


def ask_many(
    keeper: Keeper, method: str, listed: Sequence[Sequence[Any]]
) -> list[RPCResponse | None]:
    """Ask a keeper's node many questions of one method at once."""
    provider = keeper.web3.provider
    assert isinstance(provider, PatientProvider)
    return provider.ask_many(method, listed)
