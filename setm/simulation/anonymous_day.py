"""A day by anonymous negotiation: a collector brings what one-time accounts say; participants buy notes and claim."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from typing import Any

from setm.anonymous.escrow import Agreement
from setm.anonymous.notes import IssuerKey, NotePlace, issuer_key, to_bytes
from setm.chain.anonymous import AnonymousVenue, Notes
from setm.simulation.anonymous_talk import Accounts, Setting
from setm.simulation.community import OPERATOR_ID
from setm.simulation.keys import secret
from setm.simulation.scene import Scene
from setm.trading import Day
from setm.trading.anonymous import Anonymous
from setm.trading.negotiation import trade

HORIZON_SECONDS = 2 * 86_400
MAX_ENERGY_WH = 10**9
ISSUE_SECONDS = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is fixed at deployment (IAnonymousNegotiation.Config)."""

    gate_lead: int
    horizon_seconds: int
    decision_seconds: int
    floor_price: int
    cap_price: int
    cover_price: int
    max_energy_wh: int
    denomination: int


@cache
def issuer_of(seed: int) -> IssuerKey:
    """Return the issuer's key of a local run; as every key of it, whoever knows the seed has it."""
    return issuer_key(secret(seed, "note issuer"))


@dataclass(frozen=True, slots=True)
class AnonymousOnChain:
    """The anonymous venue of a deployment."""

    engine: Anonymous = field(default_factory=Anonymous)
    venue: str = "anonymous"

    def sections(self, day: Day) -> Mapping[str, Any]:
        """The issuer's key, and the venue's own section: the negotiation's times, claims until delivery ends."""
        return {
            "notes": {
                "modulus": "0x" + to_bytes(issuer_of(day.seed).public.modulus).hex(),
                "issue_seconds": ISSUE_SECONDS,
            },
            self.venue: asdict(self._terms(day)),
        }

    def _terms(self, day: Day) -> Terms:
        market = day.market
        return Terms(
            gate_lead=day.rules.gate_lead,
            horizon_seconds=HORIZON_SECONDS,
            # Until delivery ends: no slot is settled before.
            decision_seconds=day.rules.gate_lead + day.slot_seconds,
            floor_price=market.grid.floor_price,
            cap_price=market.grid.price(market.tick_count - 1),
            cover_price=day.rules.cover_price,
            max_energy_wh=MAX_ENERGY_WH,
            denomination=self.engine.denomination,
        )

    def open_seconds(self, day: Day) -> int:
        """Until nobody can claim or decide any more."""
        terms = self._terms(day)
        return terms.decision_seconds - terms.gate_lead

    def lead_seconds(self, day: Day) -> int:
        """No time: every gate closes on the day of delivery."""
        return 0

    def steps(self, day: Day, traders: int) -> int:
        """One for each trader that has bought its notes, and one for each slot."""
        return traders + len(day.slots)

    def trade(self, scene: Scene, done: Callable[[], None]) -> None:
        """Buy notes, negotiate slot by slot, and plan each slot's claims for its gate closure."""
        day = scene.day
        accounts = Accounts(setting_of(scene), ChainRelay(scene), self.engine.denomination)
        accounts.buy_all(self.engine.notes_per_slot(day), done)
        for slot in day.slots:
            accounts.announce(slot)
        trade(day, accounts, done)
        for slot in day.slots:
            gate = slot * day.slot_seconds - day.rules.gate_lead
            scene.agenda.at(gate, partial(accounts.claim_slot, slot))
        scene.agenda.at(gate, accounts.cash_in_all)


def setting_of(scene: Scene) -> Setting:
    """Return what the accounts of a run know; the grid operator, who never trades, is the arbiter of all."""
    community = scene.community
    deployment = community.deployment
    venue = deployment.part(AnonymousVenue)
    place = NotePlace(
        chain_id=venue.domain.chain_id,
        book=deployment.part(Notes).address,
        venue=venue.address,
    )
    return Setting(
        day=scene.day,
        place=place,
        domain=venue.domain,
        issuer=issuer_of(scene.day.seed),
        arbiter_id=OPERATOR_ID,
        secrets={name: community.keys.secret("one-time", name) for name in scene.members},
        participant_ids={name: member.participant_id for name, member in scene.members.items()},
    )


@dataclass(frozen=True, slots=True)
class ChainRelay:
    """Brings everything to the chain of a scene: the collector what has no name (``anonymous_talk.Relay``)."""

    scene: Scene

    @property
    def _venue(self) -> AnonymousVenue:
        return self.scene.community.deployment.part(AnonymousVenue)

    @property
    def _notes(self) -> Notes:
        return self.scene.community.deployment.part(Notes)

    def now(self) -> int:
        """Return the time of the newest block."""
        return self.scene.agenda.now()

    def buy_notes(self, name: str, blinded: Sequence[bytes]) -> int:
        """Let a member pay for notes."""
        return self._venue.buy_notes(self.scene.members[name].sender, self._notes, blinded)

    def issue(self, first_note_id: int, signatures: Sequence[bytes]) -> None:
        """Let the collector bring signatures."""
        collector = self.scene.community.collector
        self._notes.issue(collector, self._venue.address, first_note_id, signatures)

    def redeem(self, account: str, serial: bytes, signature: bytes) -> None:
        """Let the collector bring a note."""
        self._venue.redeem(self.scene.community.collector, account, serial, signature)

    def broadcast(
        self, envelope: bytes, account: str, nonce: int, deadline: int, signature: bytes
    ) -> bytes:
        """Let the collector bring an envelope."""
        collector = self.scene.community.collector
        return self._venue.broadcast(collector, envelope, account, nonce, deadline, signature)

    def agree(self, agreed: Agreement, buyer_signature: bytes, seller_signature: bytes) -> None:
        """Let the collector bring an agreement."""
        collector = self.scene.community.collector
        self._venue.agree(collector, agreed, buyer_signature, seller_signature)

    def claim(self, name: str, agreement_id: bytes, is_buyer: bool, signature: bytes) -> None:
        """Let a member claim its side."""
        self._venue.claim(self.scene.members[name].sender, agreement_id, is_buyer, signature)

    def cash_in(
        self,
        account: str,
        participant_id: int,
        amount: int,
        nonce: int,
        deadline: int,
        signature: bytes,
    ) -> None:
        """Let the collector bring what is left of an account."""
        args = (account, participant_id, amount, nonce, deadline, signature)
        self._venue.cash_in(self.scene.community.collector, *args)
