"""I14: from any state, time and calls that anyone may make empty every slot, and then everybody takes its money out.

Tried on the state at hand and taken back afterwards. Strangers clear, forfeit, collect, compensate, settle and pay;
owners only ask for what is their own. Nobody needs an office, the grid operator or another participant.
"""

from __future__ import annotations

from typing import Any

from setm.tariff import State as PartState
from tests.audit.machine import lens, liveness_anonymous, liveness_conditional
from tests.audit.machine.invariants import HOSTILE
from tests.audit.machine.model_auction import State, start_of
from tests.audit.machine.model_meters import WINDOWS
from tests.audit.machine.model_settlement import OPERATOR
from tests.audit.machine.steps import Step
from tests.audit.machine.witness import MARGINED
from tests.audit.machine.world import AUCTIONS, CONFIG

UNFINISHED = (State.COMMITTED, State.OPENED, State.COLLECTED)
STRANGER = "stranger"


class Stuck(AssertionError):
    """Something cannot be got out."""


def drain(run: Any) -> None:
    """Raise ``Stuck`` if from here money or a slot would stay for ever; changes nothing."""
    try:
        with run.driver.undone():
            _Drain(run).flow()
    except AssertionError:
        run.fail()
        raise
    run.tally.drains += 1
    run.tally.checks["I14"] += 1


class _Drain:
    def __init__(self, run: Any) -> None:
        self.run, self.driver, self.world, self.model = run, run.driver, run.stage.world, run.model
        joined = self.model.joined
        # Whoever locked money for a hostile venue that the grid operator accepted risks its own settlement, nobody
        # else's.
        accepted = self.model.accepted_venues
        self.risky = {who for who, venue in joined if venue in HOSTILE and venue in accepted}
        self.people = [who for who in self.model.people() if who not in self.risky]
        self.orders = {
            venue: sorted(
                {(o.slot, who) for (who, _), o in book.orders.items() if o.state in UNFINISHED}
            )
            for venue, book in self.model.auctions.items()
        }
        self.positions = sorted(
            (position.slot, who)
            for (who, _), position in self.model.talks.positions.items()
            if int(position.state) in (1, 2)
        )

        self.sales = liveness_conditional.positions_of(self.model)
        self.parts = sorted(
            (part.slot, who)
            for (who, _), part in self.model.board.parts.items()
            if part.state not in (PartState.NONE, PartState.CLOSED)
        )
        self.hidden = liveness_anonymous.open_positions(self.model)

    def flow(self) -> None:
        self.decide_auctions()
        self.finish_trades()
        self.settle_all()
        liveness_conditional.deliver_all(self)
        self.release_margins()
        self.release_guarantees()
        self.withdraw_all()
        self.check()

    # Sending

    def try_to(self, sender: str, contract: str, function: str, *args: Any) -> str:
        """Send, and return how it was refused."""
        step = Step(self.driver.now, sender, contract, function, args)
        return str(self.driver.send(step, self.world.calldata(step)).error)

    def must(self, sender: str, contract: str, function: str, *args: Any) -> None:
        error = self.try_to(sender, contract, function, *args)
        if error:
            raise Stuck(f"{sender} {contract}.{function}{args}: {error}")

    def key_of(self, who: int) -> str:
        return str(self.model.registry.participants[who - 1].account(self.driver.now))

    # Slots

    def decide_auctions(self) -> None:
        """Clear some slots when they can be cleared and let others go void; in the end all are decided."""
        clearable = sorted(
            (
                start_of(slot) - CONFIG[venue]["gate_lead"] + CONFIG[venue]["reveal_window"],
                venue,
                slot,
            )
            for venue in AUCTIONS
            for slot in {slot for slot, _ in self.orders[venue]}
            if slot not in self.model.auctions[venue].results
        )
        for at, venue, slot in clearable:
            is_open = self.driver.now < at + CONFIG[venue]["clear_window"]
            if is_open and self.run.dice.randrange(3):
                self.driver.advance_to(at)
                if self.driver.now < at + CONFIG[venue]["clear_window"]:
                    self.must(STRANGER, venue, "clear", slot)
        slots = [slot for venue in AUCTIONS for slot, _ in self.orders[venue]]
        slots += [slot for slot, _ in (*self.positions, *self.parts, *self.sales, *self.hidden)]
        slots += liveness_anonymous.open_deals(self.model).values()
        # The start of a slot's delivery is behind every gate and window of its auctions.
        self.driver.advance_to(start_of(max(slots, default=0)))

    def finish_trades(self) -> None:
        for venue in AUCTIONS:
            for slot in sorted({slot for slot, _ in self.orders[venue]}):
                ids = [who for at, who in self.orders[venue] if at == slot]
                sealed = [who for who in ids if self._state(venue, slot, who) == State.COMMITTED]
                phase = self.driver.read(venue, "phase", slot)[0]
                if phase == 4 and sealed and venue == "auction":
                    self.must(STRANGER, venue, "forfeit", slot, sealed)
                self.must(STRANGER, venue, "collect", slot, ids)
                self.try_to(STRANGER, venue, "payOutSurplus", slot)
                if venue == "auction":
                    # Also those whose order is finished already.
                    for who in self.model.people():
                        self.try_to(STRANGER, venue, "compensate", slot, who)
        for slot in sorted({slot for slot, _ in self.positions}):
            ids = [who for at, who in self.positions if at == slot]
            self.must(STRANGER, "negotiation", "collect", slot, ids)
        for slot in sorted({slot for slot, _ in self.parts}):
            ids = [who for at, who in self.parts if at == slot]
            self.must(STRANGER, "tariff", "collect", slot, ids)
        for slot in sorted({slot for slot, _ in self.sales}):
            ids = [who for at, who in self.sales if at == slot]
            self.must(STRANGER, "conditional", "collect", slot, ids)
        liveness_anonymous.empty(self)

    def _state(self, venue: str, slot: int, who: int) -> int:
        return int(self.driver.read(venue, "orderOf", slot, who)[0])

    def settle_all(self) -> None:
        """Every slot with something in it is settled for everybody who is not at a hostile venue."""
        entries = {entry for venue in AUCTIONS for entry in self.orders[venue]} | set(
            self.positions
        )
        entries |= {*self.parts, *self.sales, *self.hidden}
        slots = sorted({slot for slot, _ in entries})
        for slot in slots:
            self.driver.advance_to(WINDOWS.end_of(slot) + WINDOWS.final_after())
            ids = [who for at, who in sorted(entries) if at == slot and who not in self.risky]
            if ids:
                self.must(STRANGER, "settlement", "settle", slot, ids)

    # Money

    def accounts(self) -> dict[int, lens.Account]:
        return lens.balances(self.driver).accounts

    def release_margins(self) -> None:
        for who in self.people:
            account = self.accounts()[who]
            for venue in MARGINED:
                if not account.margins[venue]:
                    continue
                if account.is_active:
                    amount = account.margins[venue]
                    self.must(self.key_of(who), venue, "releaseMargin", amount)
                else:
                    self.must(STRANGER, venue, "releaseMarginOf", who)

    def release_guarantees(self) -> None:
        everybody = [*(who for who in self.people if who != OPERATOR), OPERATOR]
        for who in everybody:
            self.try_to(STRANGER, "settlement", "payArrears", who)
        # Twice: what is pending when it begins may be less than the whole.
        for _ in range(2):
            for who in everybody:
                self._ask_back(who)
            self.driver.advance_to(self.driver.now + CONFIG["settlement"]["release_delay"])
            for who in everybody:
                if self.accounts()[who].asked:
                    self.must(STRANGER, "settlement", "releaseGuarantee", who)

    def _ask_back(self, who: int) -> None:
        account = self.accounts()[who]
        if not account.guarantee:
            return
        if not self.model.is_revoked(who):
            self.must(self.key_of(who), "settlement", "requestRelease", account.guarantee)
        elif not account.asked:
            self.must(STRANGER, "settlement", "requestReleaseOf", who)

    def withdraw_all(self) -> None:
        for who in self.people:
            free = self.accounts()[who].free
            if not free:
                continue
            entry = self.model.registry.participants[who - 1]
            if not entry.revoked_at:
                self.must(self.key_of(who), "house", "withdraw", free)
                continue
            self.driver.advance_to(entry.revoked_at + CONFIG["recovery_delay"])
            # Money that a participant had sent to the clearinghouse itself goes round in a circle.
            if entry.recovery_address(self.driver.now) != "house":
                self.must(STRANGER, "house", "withdrawRevoked", who)

    # What is left

    def check(self) -> None:
        found = lens.balances(self.driver)
        owed = sum(max(-account.arrears, 0) for account in found.accounts.values())
        for who in self.people:
            account = found.accounts[who]
            entry = self.model.registry.participants[who - 1]
            is_lost = entry.revoked_at and entry.recovery_address(self.driver.now) == "house"
            if account.free and not is_lost:
                raise Stuck(f"participant {who} still has {account.free} free")
            rest = {v: a for v, a in account.collateral.items() if a and v not in HOSTILE}
            if who == OPERATOR and rest.get("settlement", 0) <= owed:
                rest.pop("settlement", None)
            if rest:
                raise Stuck(f"participant {who} cannot release {rest}")
            if account.arrears < 0 and found.accounts[OPERATOR].guarantee:
                self.must(STRANGER, "settlement", "payArrears", who)
        if not self.risky:
            self.check_dust(found)

    def check_dust(self, found: lens.Balances) -> None:
        """A pool keeps less than one unit for each order or agreement, and bonds that have nobody to go to."""
        bond = CONFIG["auction"]["bond"]
        for venue in AUCTIONS:
            for slot in {slot for slot, _ in self.orders[venue]}:
                view = lens.records(self.driver, slot)
                states = [order for order in view.orders[venue].values() if order[0]]
                sides = {order[1] for order in states if order[4]}
                lonely = bond * len(states) if len(sides) < 2 and venue == "auction" else 0
                if view.pools[venue] > 2 * len(states) + lonely:
                    raise Stuck(f"{venue} keeps {view.pools[venue]} of slot {slot}")
        for slot in {slot for slot, _ in self.parts}:
            view = lens.records(self.driver, slot)
            if view.pools["tariff"] > sum(part[0] != 0 for part in view.parts.values()):
                raise Stuck(f"tariff keeps {view.pools['tariff']} of slot {slot}")
        left = found.pools["anonymous"] - liveness_anonymous.kept(self.driver, self.model)
        if left > len(self.model.hidden.deals):
            raise Stuck(f"anonymous keeps {left}")
        liveness_conditional.check_empty(self, Stuck)
        agreements = len(self.model.talks.used) + len(self.model.talks.negotiations)
        for slot in {slot for slot, _ in self.positions}:
            pool = lens.records(self.driver, slot).pools["negotiation"]
            if pool > agreements:
                raise Stuck(f"negotiation keeps {pool} of slot {slot}")
