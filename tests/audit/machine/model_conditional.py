"""Energy tags and the venue that owes them: ``setm.tags`` with authentication in front and the clearinghouse behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from setm import negotiation
from setm.negotiation import PositionState
from setm.registry import participant_of, payout_address
from setm.tags import Source, certificates, tokens
from setm.tags import venue as book
from setm.tags.certificates import Certificate, Device, decode
from setm.tags.orders import Config, Known, Order, seller_binds
from setm.tags.tokens import Measured, Tokens
from setm.units import Price, payment_up
from tests.audit.machine.model_base import Side, require, require_any
from tests.audit.machine.steps import NOBODY, Step
from tests.audit.machine.world import CONFIG, CONTRACTS

_LIMITS = {name: value for name, value in CONFIG["conditional"].items() if name != "tag_price"}
RULES = Config(
    limits=negotiation.Config(**_LIMITS, slot_seconds=CONFIG["slot_seconds"]),
    tag_price=Price(CONFIG["conditional"]["tag_price"]),
)
# Device class 0, which every credential of the machine has, stands for the sun; who is not registered is of the grid.
CLASSES = {0: Source.SOLAR}
MARKET = "conditional"


class ConditionalSide(Side):
    def start_conditional(self) -> None:
        self.market = book.empty(RULES)
        self.tags = Tokens()
        self.devices: Mapping[int, Device] = {}
        self.approvals: frozenset[tuple[str, str]] = frozenset()
        self.pledge_book = NOBODY
        self.has_minted = False

    # What is known of others

    def certificate(self, who: int) -> Certificate:
        """Return what the registry says of a participant now."""
        entry = participant_of(self.registry, who)  # type: ignore[arg-type]
        credential, account = entry.credential, entry.account(self.now)
        return Certificate(
            serial=credential.serial,
            source=CLASSES.get(credential.device_class, Source.GRID),
            zone=credential.zone,
            valid_until=credential.valid_until,
            account=account,
            has_code=account in CONTRACTS,
            revoked_at=entry.revoked_at,
        )

    def tag_of(self, slot: int, who: int) -> int:
        seconds = CONFIG["slot_seconds"]
        return certificates.tag_of(self.devices.get(who), self.certificate(who), slot, seconds)

    def known(self) -> Known:
        """Return what the venue asks others."""
        return Known(
            tag_of=self.tag_of,
            zone_of=lambda who: self.certificate(who).zone,
            active=frozenset(who for who in self.people() if self.is_active(who)),
            now=self.now,
        )

    def measured(self, slot: int, who: int) -> Measured | None:
        """Return what a meter measured in a settled slot, nothing if it is not settled."""
        if (slot, who) not in self.settled:
            return None
        view = self.reading_view(who, slot)
        if not view.is_measured or view.is_fraud:
            return Measured()
        return Measured(import_wh=view.import_wh, export_wh=view.export_wh)

    # Margin

    def conditional_add_margin(self, step: Step, participant_id: int, amount: int) -> None:
        require(False, "OnlyBy", expected="house", caller=step.sender)

    def add_conditional_margin(self, who: Any, amount: int) -> None:
        self._put_ledger(negotiation.add_margin(self.market.ledger, who, amount))  # type: ignore[arg-type]

    def conditional_release_margin(self, step: Step, amount: int) -> None:
        self._free_conditional_margin(self.owner(step.sender), amount)

    def conditional_release_margin_of(self, step: Step, participant_id: int) -> None:
        require(not self.is_active(participant_id), "StillActive", participantId=participant_id)
        margin = self.market.ledger.margin_of(participant_id)  # type: ignore[arg-type]
        self._free_conditional_margin(participant_id, margin)

    def _free_conditional_margin(self, who: Any, amount: int) -> None:
        self._put_ledger(negotiation.release_margin(self.market.ledger, who, amount))  # type: ignore[arg-type]
        self.release_account(MARKET, who, amount)

    def _put_ledger(self, ledger: negotiation.Book) -> None:
        self.market = replace(self.market, ledger=ledger)

    # Orders

    def conditional_post(self, step: Step, values: tuple[Any, ...]) -> int:
        order = order_of(values)
        owed_wh = -(-order.energy_wh * order.green_share // 1000)
        bound = _bound(order.is_bid, order.energy_wh, order.price, owed_wh)
        caller = self.authorize(step.sender, MARKET, bound)
        self.market = book.post(self.market, caller, order, self.known())
        return len(self.market.orders)

    def conditional_cancel(self, step: Step, order_id: int) -> None:
        caller: Any = self.authorize(step.sender, MARKET, 0)
        self.market = book.cancel(self.market, caller, order_id)

    def conditional_take(self, step: Step, order_id: int, energy_wh: int, price: int) -> int:
        posted = self.market.posted(order_id)
        bound = _bound(not posted.order.is_bid, energy_wh, price, posted.owed_for(energy_wh))
        caller: Any = self.authorize(step.sender, MARKET, bound)
        known = self.known()
        self.market = book.take(self.market, caller, order_id, energy_wh, price, known)
        return self.market.trades

    # From trade to settlement

    def conditional_is_final(self, slot: int) -> bool:
        return self.now >= RULES.limits.gate_at(slot)

    def conditional_collect(self, step: Step, slot: int, participant_ids: Sequence[int]) -> None:
        require(self.conditional_is_final(slot), "OutcomeOpen", slot=slot)
        for who in participant_ids:
            self.collect_in_conditional(slot, who)

    def collect_in_conditional(self, slot: int, who: int) -> None:
        position = self.market.ledger.position(slot, who)
        self._put_ledger(negotiation.collect(self.market.ledger, slot, [who], self.now))
        if position.state is PositionState.OPEN and position.payment:
            self.close_account(MARKET, who, charged=position.payment)

    def conditional_close(self, step: Step, slot: int, who: int) -> None:
        require(False, "OnlyBy", expected="settlement", caller=step.sender)

    def close_in_conditional(self, slot: int, who: int) -> tuple[int, int, int]:
        """Return what settlement takes over: Wh bought, Wh sold, credit."""
        self.collect_in_conditional(slot, who)
        position = self.market.ledger.position(slot, who)
        ledger, (bought, sold, credit) = negotiation.close(self.market.ledger, slot, who, self.now)
        self._put_ledger(ledger)
        if credit:
            amounts = {"released": position.cover, "paid": position.receivable}
            self.close_account(MARKET, who, heir="settlement", **amounts)
        return bought, sold, credit

    # Owed tags

    def conditional_collect_tags(
        self, step: Step, slot: int, seller_id: int, number: int, energy_wh: int
    ) -> None:
        require(False, "OnlyBy", expected="tags", caller=step.sender)

    def conditional_deliver(self, step: Step, trade_id: int) -> None:
        debt = self.market.debts.get(trade_id)
        is_minted = debt is not None and (debt.slot, debt.seller_id) in self.tags.done
        self.market, delivery = book.deliver(self.market, trade_id, is_minted=is_minted)
        assert debt is not None
        if delivery.compensation:
            paid = delivery.compensation
            self.close_account(MARKET, debt.seller_id, charged=paid)
            self.close_account(MARKET, debt.buyer_id, heir=MARKET, paid=paid)
        if delivery.energy_wh:
            number = self.market.pledge(debt.slot, debt.seller_id).id
            self._give_tags(MARKET, debt.buyer_id, number, delivery.energy_wh)

    # Tags

    def tags_register(self, step: Step, participant_ids: Sequence[int]) -> None:
        for who in participant_ids:
            device = certificates.registered(
                self.devices.get(who),
                self.certificate(who),
                caller=step.sender,
                now=self.now,
                slot_seconds=CONFIG["slot_seconds"],
            )
            self.devices = {**self.devices, who: device}

    def tags_mint(self, step: Step, slot: int, participant_ids: Sequence[int]) -> None:
        self.has_minted = True
        for who in participant_ids:
            if (slot, who) not in self.tags.done:
                self._mint_tags(slot, who)

    def _mint_tags(self, slot: int, who: Any) -> None:
        measured = self.measured(slot, who)
        require(measured is not None, "NotSettled", slot=slot, participantId=who)
        assert measured is not None
        number, taken = self.tag_of(slot, who), 0
        if measured.export_wh:
            self.market, taken = book.collect_tags(
                self.market, slot, who, number, measured.export_wh
            )
        found = self.certificate(who)
        self.tags = tokens.mint(
            self.tags,
            slot,
            who,
            measured,
            number,
            found,
            pledged_wh=taken,
            pledge_book=MARKET,
        )

    def tags_give(self, step: Step, participant_id: int, number: int, energy_wh: int) -> None:
        require(energy_wh != 0, "NoTags", id=number)
        self._give_tags(step.sender, participant_id, number, energy_wh)

    def _give_tags(self, giver: str, who: Any, number: int, energy_wh: int) -> None:
        found = self.certificate(who)
        self.tags = tokens.give(self.tags, giver, who, found, number, energy_wh)

    def tags_withdraw(self, step: Step, participant_id: Any, numbers: Sequence[int]) -> None:
        to = payout_address(self.registry, participant_id, self.now)
        self.tags = tokens.withdraw(self.tags, participant_id, to, numbers)
        _require_receiver(to)

    def tags_claim(
        self,
        step: Step,
        numbers: Sequence[int],
        amounts: Sequence[int],
        beneficiary: str,
        purpose: str,
    ) -> None:
        self.tags = tokens.claim(self.tags, step.sender, _pairs(numbers, amounts))

    def tags_claim_consumption(
        self, step: Step, numbers: Sequence[int], amounts: Sequence[int]
    ) -> None:
        who: Any = self.owner(step.sender)
        pairs = _pairs(numbers, amounts)
        zone = self.certificate(who).zone
        # Only what somebody holds has a slot for certain.
        held = [number for number, _ in pairs if self.tags.balance(step.sender, number)]
        found = {decode(n).slot: self.measured(decode(n).slot, who) for n in held}
        readings = {slot: measured for slot, measured in found.items() if measured is not None}
        self.tags = tokens.claim_consumption(self.tags, step.sender, who, zone, pairs, readings)

    def tags_set_pledge_book(self, step: Step, pledge_book: str) -> None:
        is_open = self.pledge_book == NOBODY and not self.has_minted
        is_open = is_open and step.sender == self.registry.governance
        said = {"pledgeBook": self.pledge_book, "caller": step.sender}
        require(is_open, "PledgeBookFixed", **said)
        self.pledge_book = pledge_book

    # What every ERC-1155 token can do

    def tags_set_approval_for_all(self, step: Step, operator: str, is_approved: bool) -> None:
        require_any(operator != NOBODY, "ERC1155InvalidOperator(*)")
        place = frozenset({(step.sender, operator)})
        self.approvals = self.approvals | place if is_approved else self.approvals - place

    def tags_safe_transfer_from(
        self, step: Step, holder: str, to: str, number: int, energy_wh: int, data: bytes
    ) -> None:
        self._transfer_tags(step, holder, to, [(number, energy_wh)])

    def tags_safe_batch_transfer_from(
        self,
        step: Step,
        holder: str,
        to: str,
        numbers: Sequence[int],
        amounts: Sequence[int],
        data: bytes,
    ) -> None:
        is_one = len(numbers) == len(amounts)
        self._transfer_tags(step, holder, to, list(zip(numbers, amounts, strict=False)), is_one)

    def _transfer_tags(
        self,
        step: Step,
        holder: str,
        to: str,
        pairs: Sequence[tuple[int, int]],
        is_one: bool = True,
    ) -> None:
        may = holder == step.sender or (holder, step.sender) in self.approvals
        require_any(may, "ERC1155MissingApprovalForAll(*)")
        require_any(NOBODY not in (holder, to) and is_one, "*")
        balances = dict(self.tags.balances)
        for number, energy_wh in pairs:
            balance = balances.get((holder, number), 0)
            require_any(balance >= energy_wh, "ERC1155InsufficientBalance(*)")
            balances[holder, number] = balance - energy_wh
            balances[to, number] = balances.get((to, number), 0) + energy_wh
        _require_receiver(to)
        self.tags = replace(self.tags, balances=balances)


def order_of(values: tuple[Any, ...]) -> Order:
    """Return an order of a call as the reference knows it."""
    slot, energy_wh, price, partner_id, green_share, sources, is_bid = values
    return Order(
        slot=slot,
        energy_wh=energy_wh,
        price=price,
        partner_id=partner_id,
        green_share=green_share,
        sources=sources,
        is_bid=bool(is_bid),
    )


def _bound(is_buyer: bool, energy_wh: int, price: int, owed_wh: int) -> int:
    """Return what somebody binds, 1e-6 EUR."""
    if is_buyer:
        return payment_up(energy_wh, price)
    return seller_binds(RULES, energy_wh, price, owed_wh)


def _pairs(numbers: Sequence[int], amounts: Sequence[int]) -> list[tuple[int, int]]:
    require(len(numbers) == len(amounts), "LengthMismatch", ids=len(numbers), amounts=len(amounts))
    return list(zip(numbers, amounts, strict=True))


def _require_receiver(to: str) -> None:
    """None of the contracts takes tags that are sent to it."""
    require_any(to != NOBODY and to not in CONTRACTS, "*")
