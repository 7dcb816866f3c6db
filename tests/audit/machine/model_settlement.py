"""Settlement: ``setm.settlement`` over what all venues of a participant hand over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from setm import negotiation, tariff
from setm import settlement as book
from setm.registry import participant_of
from setm.settlement import Account, Movement
from setm.types import Bill, GridTariff, Trade
from setm.units import Money, Wh
from tests.audit.machine.model_base import Side, require, require_any
from tests.audit.machine.steps import Step
from tests.audit.machine.world import AUCTIONS, CONFIG

OPERATOR = 1
FOUNDING = ("settlement", *AUCTIONS, "negotiation", "tariff", "conditional", "anonymous")
TERMS = CONFIG["settlement"]
TARIFF = GridTariff(retail_price=TERMS["retail_price"], feed_in_price=TERMS["feed_in_price"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What the venues say and what they hand over."""

    bought_wh: int = 0
    sold_wh: int = 0
    credit: int = 0


class SettlementSide(Side):
    def start_settlement(self) -> None:
        self.accounts: book.Accounts = {}
        self.requests: Mapping[int, tuple[int, int]] = {}
        self.settled: frozenset[tuple[int, int]] = frozenset()
        self.accepted_venues: frozenset[str] = frozenset()

    def account(self, who: Any) -> Account:
        return self.accounts.get(who, Account())

    # Guarantees

    def add_margin(self, venue: str, who: int, amount: int) -> None:
        """What a venue does when collateral is locked for it."""
        if venue == "settlement":
            before = self.account(who)
            grown = Account(guarantee=Money(before.guarantee + amount), arrears=before.arrears)
            self.accounts = {**self.accounts, who: grown}  # type: ignore[dict-item]
        elif venue in FOUNDING:
            require(who != OPERATOR, "OperatorNotAdmitted", participantId=who)
            if venue == "negotiation":
                self.talks = negotiation.add_margin(self.talks, who, amount)  # type: ignore[arg-type]
            elif venue == "tariff":
                self.board = tariff.add_margin(self.board, who, amount)  # type: ignore[arg-type]
            elif venue == "anonymous":
                self.add_anonymous_margin(who, amount)
            elif venue == "conditional":
                self.add_conditional_margin(who, amount)
            else:
                self.add_auction_margin(venue, who, amount)
        else:
            require_any(venue in ("liar", "brick"), "*")

    def settlement_add_margin(self, step: Step, who: int, amount: int) -> None:
        require(False, "OnlyBy", expected="house", caller=step.sender)

    def settlement_request_release(self, step: Step, amount: int) -> None:
        who = self.owner(step.sender)
        available = self.account(who).guarantee
        require(amount <= available, "GuaranteeTooLow", available=available, asked=amount)
        self._request(who, amount)

    def settlement_request_release_of(self, step: Step, who: int) -> None:
        found = participant_of(self.registry, who)  # type: ignore[arg-type]
        require(found.revoked_at != 0, "NotRevoked", participantId=who)
        pending, possible_from = self.requests.get(who, (0, 0))
        require(pending == 0, "ReleasePending", participantId=who, possibleFrom=possible_from)
        guarantee = self.account(who).guarantee
        require(guarantee != 0, "NoReleaseRequested", participantId=who)
        self._request(who, guarantee)

    def _request(self, who: int, amount: int) -> None:
        self.requests = {**self.requests, who: (amount, self.now + TERMS["release_delay"])}

    def settlement_release_guarantee(self, step: Step, who: int) -> None:
        amount, possible_from = self.requests.get(who, (0, 0))
        require(amount != 0, "NoReleaseRequested", participantId=who)
        in_time = self.now >= possible_from
        require(in_time, "ReleaseTooEarly", possibleFrom=possible_from, nowAt=self.now)
        moved = book.release_guarantee(self.accounts, who, OPERATOR, Money(amount))  # type: ignore[arg-type]
        self.requests = {other: pending for other, pending in self.requests.items() if other != who}
        self._arrears_moved(who, moved)
        released = moved.freed[who]  # type: ignore[index]
        self.accounts = moved.accounts
        self.release_account("settlement", who, released)

    def settlement_pay_arrears(self, step: Step, who: int) -> None:
        moved = book.pay_arrears(self.accounts, who, OPERATOR)  # type: ignore[arg-type]
        self._arrears_moved(who, moved)
        self.accounts = moved.accounts

    def _arrears_moved(self, who: int, moved: Movement) -> None:
        """The money of a payment of arrears: positive if the operator pays."""
        paid = sum(moved.arrears_change.values())
        if paid < 0:
            self.close_account("settlement", who, charged=-paid)
            self.close_account("settlement", OPERATOR, heir="settlement", paid=-paid)
        elif paid > 0:
            self.close_account("settlement", OPERATOR, charged=paid)
            self.close_account("settlement", who, paid=paid)

    def settlement_accept_venue(self, step: Step, venue: str) -> None:
        require(self.owner(step.sender) == OPERATOR, "NotOperator", caller=step.sender)
        require(venue in self.venues, "NotAVenue", venue=venue)
        self.accepted_venues |= {venue}

    # Settling

    def settlement_settle(self, step: Step, slot: int, participant_ids: Sequence[int]) -> list[int]:
        ids = self._mark(slot, participant_ids)
        active = self._active_venues()
        for venue in active:
            members = [who for who in ids if self._is_asked(venue, slot, who)]
            if members:
                self._collect(venue, slot, members)
        bills: dict[int, Bill] = {}
        for who in ids:
            bills[who] = self._close(slot, who, [v for v in active if self._is_asked(v, slot, who)])
        self._pay(bills)
        return ids

    def settlement_settle_day(self, step: Step, venue: str, *args: Any) -> None:
        # No venue here clears days.
        require_any(False, "*")

    def _mark(self, slot: int, participant_ids: Sequence[int]) -> list[int]:
        ids: list[int] = []
        for who in participant_ids:
            require(who != OPERATOR, "OperatorNotSettled", participantId=who)
            if (slot, who) not in self.settled:
                self.settled |= {(slot, who)}
                ids.append(who)
        return ids

    def _active_venues(self) -> list[str]:
        found = []
        for venue in self.venues:
            if not self.is_venue(venue):
                break
            found.append(venue)
        return [venue for venue in found if venue != "settlement"]

    def _is_asked(self, venue: str, slot: int, who: int) -> bool:
        """Founding venues, and others with the grid operator's consent, are asked for those who joined before."""
        if venue not in FOUNDING and venue not in self.accepted_venues:
            return False
        return self.joined.get((who, venue), slot) < slot

    def _collect(self, venue: str, slot: int, members: list[int]) -> None:
        if venue in AUCTIONS:
            require(self.auction_is_final(venue, slot), "OutcomeOpen", slot=slot)
        elif venue == "negotiation":
            require(self.negotiation_is_final(slot), "OutcomeOpen", slot=slot)
        elif venue == "tariff":
            require(self.tariff_is_final(slot), "OutcomeOpen", slot=slot)
        elif venue == "anonymous":
            require(self.anonymous_is_final(slot), "OutcomeOpen", slot=slot)
        elif venue == "conditional":
            require(self.conditional_is_final(slot), "OutcomeOpen", slot=slot)
        else:
            self.collect_in_hostile(venue, slot, members)
            return
        for who in members:
            if venue in AUCTIONS:
                self.collect_in_auction(venue, slot, who)
            elif venue == "tariff":
                self.collect_in_tariff(slot, who)
            elif venue == "anonymous":
                self.collect_in_anonymous(slot, who)
            elif venue == "conditional":
                self.collect_in_conditional(slot, who)
            else:
                self.collect_in_negotiation(slot, who)

    def _close(self, slot: int, who: int, venues: list[str]) -> Bill:
        reading = self.reading_view(who, slot)
        require(reading.is_final, "ReadingOpen", slot=slot, participantId=who)
        handed = Handed()
        for venue in venues:
            bought, sold, credit = self._close_in(venue, slot, who)
            handed = Handed(
                bought_wh=handed.bought_wh + bought,
                sold_wh=handed.sold_wh + sold,
                credit=handed.credit + credit,
            )
        trade = Trade(bought_wh=Wh(handed.bought_wh), sold_wh=Wh(handed.sold_wh))
        return book.bill(
            trade,
            reading,
            TARIFF,
            trade_credit=Money(handed.credit),
            fraud_penalty=Money(TERMS["fraud_penalty"]),
        )

    def _close_in(self, venue: str, slot: int, who: int) -> tuple[int, int, int]:
        if venue in AUCTIONS:
            return self.close_in_auction(venue, slot, who)
        if venue == "negotiation":
            return self.close_in_negotiation(slot, who)
        if venue == "tariff":
            return self.close_in_tariff(slot, who)
        if venue == "anonymous":
            return self.close_in_anonymous(slot, who)
        if venue == "conditional":
            return self.close_in_conditional(slot, who)
        return self.close_in_hostile(venue, slot, who)

    def _pay(self, bills: Mapping[Any, Bill]) -> None:
        """Who owes pays into the pool, the operator gets or gives the difference, who is owed is paid."""
        earlier = self.accounts
        moved = book.settle(bills, earlier, OPERATOR)  # type: ignore[arg-type]
        self.accounts = moved.accounts
        dues = {
            who: self._before(earlier, who).arrears + one.charge - one.credit
            for who, one in bills.items()
        }
        for who, due in dues.items():
            if due >= 0:
                paid = due - self.account(who).arrears
                self.close_account("settlement", who, charged=paid, released=moved.freed[who])
        gained = self.account(OPERATOR).guarantee - self._before(earlier, OPERATOR).guarantee
        if gained > 0:
            self.close_account("settlement", OPERATOR, heir="settlement", paid=gained)
        elif gained < 0:
            self.close_account("settlement", OPERATOR, charged=-gained)
        for who, due in dues.items():
            if due < 0:
                paid = self.account(who).arrears - due
                credit = bills[who].trade_credit
                self.close_account("settlement", who, released=credit, paid=paid)

    @staticmethod
    def _before(accounts: book.Accounts, who: Any) -> Account:
        return accounts.get(who, Account())
