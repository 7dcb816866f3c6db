"""The typed classes of the contracts of anonymous negotiation (as in ``setm.chain.contracts``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from web3.types import TxReceipt

from setm.anonymous.escrow import Agreement
from setm.chain.contracts import Bound, Venue
from setm.chain.sender import Sender

# Gas of the longest call, with room: calldata of 256 bytes a number and one modular exponentiation.
_NOTE_GAS = 120_000
_BASE_GAS = 250_000


class Notes(Bound):
    """NoteBook: which notes were sold, issued and redeemed."""

    role = "notes"

    def issue(
        self, sender: Sender, venue: str, first_note_id: int, signatures: Sequence[bytes]
    ) -> TxReceipt:
        """Bring the issuer's signatures of notes in a row; anyone may."""
        gas = _BASE_GAS + _NOTE_GAS * len(signatures)
        args = (venue, first_note_id, list(signatures))
        return self._send(sender, "issue notes", "issue", args, gas)


class AnonymousVenue(Venue):
    """AnonymousNegotiation: one-time accounts, their messages and their agreements."""

    role = "anonymous"

    def buy_notes(self, sender: Sender, notes: Notes, blinded: Sequence[bytes]) -> int:
        """Pay for notes; return the number of the first."""
        gas = _BASE_GAS + _NOTE_GAS * len(blinded)
        receipt = self._send(sender, "buy notes", "buyNotes", (list(blinded),), gas)
        return int(notes._emitted(receipt, "NotesSold")["firstNoteId"])

    def redeem(self, sender: Sender, account: str, serial: bytes, signature: bytes) -> TxReceipt:
        """Turn a note into balance of its account; anyone may."""
        args = (account, serial, signature)
        return self._send(sender, "redeem note", "redeem", args, _BASE_GAS)

    def broadcast(
        self,
        sender: Sender,
        envelope: bytes,
        account: str,
        nonce: int,
        deadline: int,
        signature: bytes,
    ) -> bytes:
        """Bring an envelope; return it as the event has it; anyone may."""
        args = (envelope, account, nonce, deadline, signature)
        receipt = self._send(sender, "broadcast", "broadcast", args, _BASE_GAS)
        return _bytes(self._emitted(receipt, "MessageBroadcast")["envelope"])

    def agree(
        self, sender: Sender, agreed: Agreement, buyer_signature: bytes, seller_signature: bytes
    ) -> TxReceipt:
        """Bring an agreement with both signatures; anyone may."""
        values = (
            agreed.slot,
            agreed.energy_wh,
            agreed.price,
            agreed.buyer,
            agreed.seller,
            agreed.arbiter_id,
            agreed.salt,
            agreed.deadline,
        )
        args = (values, buyer_signature, seller_signature)
        return self._send(sender, "agree", "agree", args, 2 * _BASE_GAS)

    def claim(
        self, sender: Sender, agreement_id: bytes, is_buyer: bool, signature: bytes
    ) -> TxReceipt:
        """Claim a side of an agreement for the sender's participant."""
        args = (agreement_id, is_buyer, signature)
        return self._send(sender, "claim", "claim", args, 2 * _BASE_GAS)

    def cash_in(
        self,
        sender: Sender,
        account: str,
        participant_id: int,
        amount: int,
        nonce: int,
        deadline: int,
        signature: bytes,
    ) -> TxReceipt:
        """Move balance of an account to a participant's margin; anyone may."""
        args = (account, participant_id, amount, nonce, deadline, signature)
        return self._send(sender, "cash in", "cashIn", args, _BASE_GAS)


def _bytes(value: Any) -> bytes:
    return bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else bytes(value)
