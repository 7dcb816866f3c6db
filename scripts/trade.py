"""Trade one slot, sealed and negotiated: ``brownie run trade``.

alice buys from bob: 1,200 Wh in the sealed auction, 800 Wh by negotiation.
"""

import secrets
from typing import Any

import brownie
from eth_account import Account

from scripts.actors import move_clock
from scripts.register import main as deploy_and_register
from setm import messages

BID, ASK = 0, 1
TEN_EUR = 10_000_000
DEVICES = {"alice": Account.from_key("0x" + "a1" * 32), "bob": Account.from_key("0x" + "b0" * 32)}


def bind_meters(system: Any) -> dict[str, int]:
    """Bind a meter to alice and to bob; return the meters' numbers."""
    return {name: _bind_meter(system, name, device) for name, device in DEVICES.items()}


def _bind_meter(system: Any, name: str, device: Any) -> int:
    actors, domain = (
        system.actors,
        messages.Domain(chain_id=brownie.chain.id, contract=system.meters.address),
    )
    binding = messages.binding(
        domain,
        meter_id=secrets.token_bytes(32),
        participant_id=system.ids[name],
        device_key=device.address,
        capacity_wh=10_000,
        valid_until_slot=2**32 - 1,
    )
    signature = binding.sign(Account.from_key(actors.authority.private_key))
    sent = system.meters.bindMeter(
        tuple(binding.values.values()),
        actors.authority,
        signature,
        {"from": getattr(actors, name)},
    )
    return int(sent.events["MeterBound"]["meter"])


def lock(system: Any) -> None:
    """Let everybody lock collateral: alice and bob for the venues, all for their grid bills."""
    for name in system.ids:
        account = {"from": getattr(system.actors, name)}
        system.clearinghouse.lock(system.settlement, TEN_EUR, account)
        if name in DEVICES:
            system.clearinghouse.lock(system.auction, TEN_EUR, account)
            system.clearinghouse.lock(system.negotiation, TEN_EUR, account)


def auction(system: Any, slot: int, energy_wh: int) -> None:
    """Commit, open and clear: alice bids 46 EUR/MWh, bob asks 42."""
    orders = {"alice": (BID, 160), "bob": (ASK, 120)}
    openings = []
    for name, (side, tick) in orders.items():
        participant_id, salt = system.ids[name], secrets.randbits(160)
        digest = system.auction.digestOf(slot, participant_id, side, tick, energy_wh, salt)
        sender = {"from": getattr(system.actors, name)}
        system.auction.commit((slot, side, 1_000_000, digest), sender)
        openings.append(participant_id << 224 | tick << 208 | energy_wh << 160 | salt)
    start = slot * system.registry.slotSeconds()
    config = system.auction.config().dict()
    anyone = {"from": system.actors.mallory}
    move_clock(start - config["gateLead"])
    system.auction.open(slot, openings, anyone)
    move_clock(start - config["gateLead"] + config["revealWindow"])
    system.auction.clear(slot, anyone)


def negotiate(system: Any, slot: int, energy_wh: int) -> None:
    """Offer, counter and accept: alice offers 40 EUR/MWh, bob counters 46, alice counters 43, bob accepts."""
    alice, bob = {"from": system.actors.alice}, {"from": system.actors.bob}
    expires_at = brownie.chain.time() + 600
    terms = (slot, 1, energy_wh, 40_000)
    made = system.negotiation.offer(system.ids["bob"], True, terms, expires_at, alice)
    number = made.events["OfferMade"]["negotiationId"]
    system.negotiation.counter(number, energy_wh, 46_000, expires_at, bob)
    system.negotiation.counter(number, energy_wh, 43_000, expires_at, alice)
    system.negotiation.accept(number, 3, bob)


def main() -> tuple[Any, int, dict[str, int]]:
    """Deploy, enrol and trade; return the system, the slot and the meters."""
    system = deploy_and_register()
    meters = bind_meters(system)
    lock(system)
    slot = system.next_slot(ahead=5)
    negotiate(system, slot, 800)
    auction(system, slot, 1_200)
    clearing = system.auction.clearingOf(slot).dict()
    print(
        f"slot {slot}: auction {clearing['volumeWh']} Wh at {clearing['bidPrice'] / 1000} EUR/MWh"
    )
    print(f"slot {slot}: negotiated 800 Wh at 43.0 EUR/MWh")
    return system, slot, meters
