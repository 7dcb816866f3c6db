"""One typed class for each contract: what can be asked and sent, with the gas ceiling of each call.

Every method that sends takes the ``Sender`` whose key speaks, and returns the receipt or a value from its events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eth_typing import ChecksumAddress
from web3 import Web3
from web3.contract import Contract
from web3.types import TxReceipt

from setm.chain.abi import ROLES, abi, answer_of, call_data
from setm.chain.connection import calls_answered
from setm.chain.events import decode_log
from setm.chain.sender import Call, Sender, send_all
from setm.messages import Domain, Message
from setm.tags import orders as conditions
from setm.tariff import Announcement, Taking
from setm.types import Order, Reading, Side, Terms
from setm.units import Price

SignedReading = tuple[Reading, bytes, bytes]


class Bound:
    """A contract at an address, in its role."""

    role: str

    def __init__(self, web3: Web3, address: str) -> None:
        self.web3 = web3
        self.address: ChecksumAddress = Web3.to_checksum_address(address)
        self._contract: Contract = web3.eth.contract(self.address, abi=abi(ROLES[self.role]))

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain in which messages to this contract count."""
        return Domain(chain_id=self.web3.eth.chain_id, contract=self.address)

    def ask_all(self, function: str, listed: Sequence[Sequence[Any]]) -> list[Any]:
        """Return the answer of a view to each of many questions, None where it refuses; the newest block's."""
        contract = ROLES[self.role]
        calls = [
            [{"to": self.address, "data": call_data(contract, function, args)}, "latest"]
            for args in listed
        ]
        return [
            None if answer is None else answer_of(contract, function, len(args), answer)
            for args, answer in zip(listed, calls_answered(self.web3, calls), strict=True)
        ]

    def ask(self, function: str, *args: Any) -> Any:
        """Return the answer of a view."""
        return self._contract.get_function_by_name(function)(*args).call()

    def call(
        self, sender: Sender, action: str, function: str, args: Sequence[Any], gas: int
    ) -> Call:
        """Return a transaction to this contract, to be sent with others by ``send_all``."""
        data = call_data(ROLES[self.role], function, args)
        return Call(sender, to=self.address, data=data, action=action, contract=self.role, gas=gas)

    def _send(
        self, sender: Sender, action: str, function: str, args: Sequence[Any], gas: int
    ) -> TxReceipt:
        return send_all([self.call(sender, action, function, args, gas)])[0]

    def _emitted(self, receipt: TxReceipt, event: str) -> dict[str, Any]:
        """Return the arguments of the one event of this name that the transaction emitted here."""
        logs = (log for log in receipt["logs"] if log["address"] == self.address)
        decoded = (decode_log(log, self.role, 0) for log in logs)
        return dict(next(item.args for item in decoded if item.event == event))


class Venue(Bound):
    """What every venue offers; one that has no class of its own is told its role."""

    def __init__(self, web3: Web3, address: str, role: str | None = None) -> None:
        if role is not None:
            self.role = role
        super().__init__(web3, address)

    def collect(self, sender: Sender, slot: int, participant_ids: Sequence[int]) -> TxReceipt:
        """Take the payment of a final slot's buyers among the named participants; anyone may."""
        return send_all([self.collecting(sender, slot, participant_ids)])[0]

    def releasing_margin(self, sender: Sender, amount: int) -> Call:
        """Return the call that takes the sender's own margin back, 1e-6 EUR."""
        return self.call(sender, "release margin", "releaseMargin", (amount,), 200_000)

    def margin_of(self, participant_id: int) -> int:
        """Return a participant's margin, 1e-6 EUR."""
        return int(self.ask("marginOf", participant_id))

    def collecting(self, sender: Sender, slot: int, participant_ids: Sequence[int]) -> Call:
        """Return the call of ``collect``."""
        gas = 100_000 + 120_000 * len(participant_ids)
        return self.call(sender, "collect", "collect", (slot, list(participant_ids)), gas)


class Token(Bound):
    """The euro token; minting exists on local chains only."""

    role = "token"

    def mint(self, sender: Sender, amount: int) -> TxReceipt:
        """Mint test euros (1e-6 EUR) to the sender."""
        return send_all([self.minting(sender, amount)])[0]

    def minting(self, sender: Sender, amount: int) -> Call:
        """Return the call of ``mint``."""
        return self.call(sender, "mint", "mint", (sender.address, amount), 120_000)

    def approving(self, sender: Sender, spender: str, amount: int) -> Call:
        """Return the call that lets ``spender`` take up to ``amount``."""
        return self.call(sender, "approve", "approve", (spender, amount), 80_000)

    def approve(self, sender: Sender, spender: str, amount: int) -> TxReceipt:
        """Let ``spender`` take up to ``amount``."""
        return send_all([self.approving(sender, spender, amount)])[0]


class Registry(Bound):
    """ParticipantRegistry: user.Security."""

    role = "registry"

    def join(
        self,
        sender: Sender,
        credential: Message,
        authority: str,
        authority_signature: bytes,
        *,
        recovery: str,
        deadline: int,
    ) -> int:
        """Join with the sender's own key; return the participant number."""
        joining = self.joining(
            sender, credential, authority, authority_signature, recovery=recovery, deadline=deadline
        )
        return self.joined(send_all([joining])[0])

    def joining(
        self,
        sender: Sender,
        credential: Message,
        authority: str,
        authority_signature: bytes,
        *,
        recovery: str,
        deadline: int,
    ) -> Call:
        """Return the call of ``join``."""
        values = tuple(credential.values.values())
        args = (values, authority, authority_signature, recovery, deadline, b"")
        return self.call(sender, "join", "join", args, 300_000)

    def joined(self, receipt: TxReceipt) -> int:
        """Return the participant number that a joining gave."""
        return int(self._emitted(receipt, "ParticipantJoined")["participantId"])

    def owner_of(self, key: str) -> int:
        """Return the participant whose owner key this is."""
        return int(self.ask("ownerOf", key))


class Clearinghouse(Bound):
    """The money."""

    role = "clearinghouse"

    def deposit(self, sender: Sender, participant_id: int, amount: int) -> TxReceipt:
        """Pay in (approved before), 1e-6 EUR."""
        return send_all([self.depositing(sender, participant_id, amount)])[0]

    def depositing(self, sender: Sender, participant_id: int, amount: int) -> Call:
        """Return the call of ``deposit``."""
        return self.call(sender, "deposit", "deposit", (participant_id, amount), 200_000)

    def lock(self, sender: Sender, venue: str, amount: int) -> TxReceipt:
        """Lock free balance for a venue, 1e-6 EUR."""
        return send_all([self.locking(sender, venue, amount)])[0]

    def locking(self, sender: Sender, venue: str, amount: int) -> Call:
        """Return the call of ``lock``."""
        return self.call(sender, "lock", "lock", (venue, amount), 200_000)

    def withdraw(self, sender: Sender, amount: int) -> TxReceipt:
        """Take free balance out, 1e-6 EUR."""
        return self._send(sender, "withdraw", "withdraw", (amount,), 150_000)

    def free_of(self, participant_id: int) -> int:
        """Return the balance bound to nothing, 1e-6 EUR."""
        return int(self.ask("freeOf", participant_id))

    def collateral_of(self, venue: str, participant_id: int) -> int:
        """Return the balance locked for a venue, 1e-6 EUR."""
        return int(self.ask("collateralOf", venue, participant_id))

    def pool_of(self, venue: str) -> int:
        """Return what a venue charged and has not paid out, 1e-6 EUR."""
        return int(self.ask("poolOf", venue))


class Meters(Bound):
    """MeterRegistry: whose meter measured what."""

    role = "meters"

    def bind(
        self, sender: Sender, binding: Message, authority: str, authority_signature: bytes
    ) -> int:
        """Bind a meter to the sender's participant; return the meter's number."""
        return self.bound(
            send_all([self.binding(sender, binding, authority, authority_signature)])[0]
        )

    def binding(
        self, sender: Sender, binding: Message, authority: str, authority_signature: bytes
    ) -> Call:
        """Return the call of ``bind``."""
        values = tuple(binding.values.values())
        args = (values, authority, authority_signature)
        return self.call(sender, "bind meter", "bindMeter", args, 350_000)

    def bound(self, receipt: TxReceipt) -> int:
        """Return the number that the binding of a meter gave."""
        return int(self._emitted(receipt, "MeterBound")["meter"])

    def post(self, sender: Sender, readings: Sequence[SignedReading]) -> TxReceipt:
        """Post signed readings; anyone may."""
        return send_all([self.posting(sender, readings)])[0]

    def posting(self, sender: Sender, readings: Sequence[SignedReading]) -> Call:
        """Return the call of ``post``."""
        values = [(item.word, r, vs) for item, r, vs in readings]
        gas = 100_000 + 60_000 * len(values)
        return self.call(sender, "post readings", "postReadings", (values,), gas)

    def import_of(self, participant_id: int, slot: int) -> int:
        """Return what a participant's meter measured as taken in a slot, Wh."""
        _, import_wh, *_ = self.ask("readingOf", participant_id, slot)
        return int(import_wh)


class Settlement(Bound):
    """Contracted against delivered."""

    role = "settlement"

    def settle(self, sender: Sender, slot: int, participant_ids: Sequence[int]) -> TxReceipt:
        """Settle a slot for the named participants; anyone may."""
        return send_all([self.settling(sender, slot, participant_ids)])[0]

    def settling(self, sender: Sender, slot: int, participant_ids: Sequence[int]) -> Call:
        """Return the call of ``settle``."""
        gas = 300_000 + 400_000 * len(participant_ids)
        return self.call(sender, "settle", "settle", (slot, list(participant_ids)), gas)

    def arrears_of(self, participant_id: int) -> int:
        """Return what a participant owes the grid operator, 1e-6 EUR."""
        return int(self.ask("arrearsOf", participant_id))

    def guarantee_of(self, participant_id: int) -> int:
        """Return a participant's guarantee, 1e-6 EUR."""
        return int(self.ask("guaranteeOf", participant_id))


class Auction(Venue):
    """The call market of each slot."""

    role = "auction"

    def commit_many(
        self, sender: Sender, commitments: Sequence[tuple[int, Side, int, bytes]]
    ) -> TxReceipt:
        """Enter sealed orders: (slot, side, bound 1e-6 EUR, digest)."""
        return send_all([self.committing(sender, commitments)])[0]

    def committing(
        self, sender: Sender, commitments: Sequence[tuple[int, Side, int, bytes]]
    ) -> Call:
        """Return the call of ``commit_many``."""
        values = [(slot, int(side), bound, digest) for slot, side, bound, digest in commitments]
        gas = 100_000 + 60_000 * len(values)
        return self.call(sender, "commit", "commitMany", (values,), gas)

    def place_order(self, sender: Sender, order: Order) -> TxReceipt:
        """Enter an open order of the sender."""
        values = (order.slot, int(order.side), order.tick, order.energy_wh)
        return self._send(sender, "order", "placeOrder", (values,), 150_000)

    def open(self, sender: Sender, slot: int, openings: Sequence[int]) -> TxReceipt:
        """Open sealed orders; anyone may."""
        gas = 100_000 + 80_000 * len(openings)
        return self._send(sender, "open", "open", (slot, list(openings)), gas)

    def clear(self, sender: Sender, slot: int) -> int:
        """Clear a slot; anyone may. Return the surplus that the rule leaves, 1e-6 EUR."""
        receipt = self._send(sender, "clear", "clear", (slot,), 1_000_000)
        return int(self._emitted(receipt, "SlotCleared")["clearing"]["surplus"])

    def collect(self, sender: Sender, slot: int, participant_ids: Sequence[int]) -> TxReceipt:
        """Take the payments of a final slot's buyers; anyone may."""
        gas = 100_000 + 80_000 * len(participant_ids)
        return self._send(sender, "collect", "collect", (slot, list(participant_ids)), gas)

    def pay_out_surplus(self, sender: Sender, slot: int) -> TxReceipt:
        """Pay a slot's surplus to the grid operator; anyone may, once its buyers are collected."""
        return self._send(sender, "pay out surplus", "payOutSurplus", (slot,), 200_000)

    def digest_of(
        self,
        slot: int,
        participant_id: int,
        side: Side,
        tick: int,
        energy_wh: int,
        salt: int,
    ) -> bytes:
        """Return the digest of a sealed order as the contract computes it."""
        args = (slot, participant_id, int(side), tick, energy_wh, salt)
        return bytes(self.ask("digestOf", *args))


class Negotiation(Venue):
    """Offers, counter-offers and agreements."""

    role = "negotiation"

    def offer(
        self, sender: Sender, counterparty_id: int, *, is_bid: bool, terms: Terms, expires_at: int
    ) -> int:
        """Open a negotiation; return its number."""
        values = (terms.first_slot, terms.slot_count, terms.energy_wh, terms.price)
        args = (counterparty_id, is_bid, values, expires_at)
        receipt = self._send(sender, "offer", "offer", args, 200_000)
        return int(self._emitted(receipt, "OfferMade")["negotiationId"])

    def counter(
        self, sender: Sender, negotiation_id: int, *, energy_wh: int, price: int, expires_at: int
    ) -> TxReceipt:
        """Answer with another energy or price."""
        args = (negotiation_id, energy_wh, price, expires_at)
        return self._send(sender, "counter", "counter", args, 120_000)

    def accept(
        self, sender: Sender, negotiation_id: int, round_number: int, slot_count: int = 1
    ) -> TxReceipt:
        """Accept the other side's last offer."""
        gas = 200_000 + 80_000 * slot_count
        return self._send(sender, "accept", "accept", (negotiation_id, round_number), gas)

    def reject(self, sender: Sender, negotiation_id: int) -> TxReceipt:
        """End a negotiation instead of answering."""
        return self._send(sender, "reject", "reject", (negotiation_id,), 120_000)

    def withdraw_offer(self, sender: Sender, negotiation_id: int) -> TxReceipt:
        """Take back one's own last offer."""
        return self._send(sender, "withdraw offer", "withdrawOffer", (negotiation_id,), 120_000)

    def agree(
        self,
        sender: Sender,
        agreement: Message,
        buyer_key: str,
        buyer_signature: bytes,
        seller_key: str,
        seller_signature: bytes,
    ) -> TxReceipt:
        """Bring an agreement with both signatures; anyone may."""
        values = tuple(agreement.values.values())
        args = (values, buyer_key, buyer_signature, seller_key, seller_signature)
        slots = int(agreement.values["slotCount"])
        return self._send(sender, "agree", "agree", args, 250_000 + 80_000 * slots)


class Tariff(Bound):
    """The posted price of each slot."""

    role = "tariff"

    def announce_many(self, sender: Sender, announcements: Sequence[Announcement]) -> TxReceipt:
        """Announce energy of the sender for several slots."""
        values = [(one.slot, int(one.side), one.energy_wh) for one in announcements]
        gas = 100_000 + 60_000 * len(values)
        return self._send(sender, "announce", "announceMany", (values,), gas)

    def take(self, sender: Sender, taking: Taking) -> TxReceipt:
        """Take a slot's posted price for the sender."""
        values = (taking.slot, int(taking.side), taking.energy_wh, taking.price)
        return self._send(sender, "take", "take", (values,), 150_000)

    def price_of(self, slot: int) -> Price:
        """Return a slot's posted price, 0.001 EUR/MWh."""
        return Price(int(self.ask("priceOf", slot)))


class Tags(Bound):
    """EnergyTag: where delivered energy came from."""

    role = "tags"

    def register(self, sender: Sender, participant_ids: Sequence[int]) -> TxReceipt:
        """Write down what the authorities certified; anyone may."""
        gas = 60_000 + 60_000 * len(participant_ids)
        return self._send(sender, "register", "register", (list(participant_ids),), gas)

    def mint(self, sender: Sender, slot: int, participant_ids: Sequence[int]) -> TxReceipt:
        """Mint a settled slot's tags for the named participants; anyone may."""
        gas = 100_000 + 150_000 * len(participant_ids)
        return self._send(sender, "mint", "mint", (slot, list(participant_ids)), gas)

    def claim_consumption(self, sender: Sender, amounts: Mapping[int, int]) -> TxReceipt:
        """End tags of the sender, Wh by id, for what its meter measured in their slot."""
        gas = 100_000 + 120_000 * len(amounts)
        args = (list(amounts), list(amounts.values()))
        return self._send(sender, "claim consumption", "claimConsumption", args, gas)

    def balance_of(self, account: str, number: int) -> int:
        """Return an account's tags of an id, Wh."""
        return int(self.ask("balanceOf", account, number))


class Conditional(Bound):
    """ConditionalMarket: orders with conditions."""

    role = "conditional"

    def post(self, sender: Sender, order: conditions.Order) -> int:
        """Post an order; return its number."""
        values = (
            order.slot,
            order.energy_wh,
            order.price,
            order.partner_id,
            order.green_share,
            order.sources,
            order.is_bid,
        )
        receipt = self._send(sender, "post order", "post", (values,), 200_000)
        return int(self._emitted(receipt, "OrderPosted")["orderId"])

    def cancel(self, sender: Sender, order_id: int) -> TxReceipt:
        """Take back what is left of the sender's order."""
        return self._send(sender, "cancel order", "cancel", (order_id,), 100_000)

    def take(self, sender: Sender, order_id: int, energy_wh: int, price: int) -> tuple[int, int]:
        """Take a part of an order; return the number of the trade and the tags that are owed from it, Wh."""
        receipt = self._send(sender, "take order", "take", (order_id, energy_wh, price), 400_000)
        taken = self._emitted(receipt, "OrderTaken")
        return int(taken["tradeId"]), int(taken["owedWh"])

    def deliver(self, sender: Sender, trade_id: int) -> TxReceipt:
        """Hand a trade's tags to its buyer; anyone may once the seller's slot is minted."""
        return self._send(sender, "deliver tags", "deliver", (trade_id,), 300_000)
