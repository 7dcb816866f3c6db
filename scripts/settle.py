"""Trade a slot, deliver and settle it: ``brownie run settle``.

alice consumes 150 Wh more than she bought, bob delivers 100 Wh less than he sold.
"""

from typing import Any

import brownie

from scripts.actors import move_clock
from scripts.trade import DEVICES
from scripts.trade import main as trade
from setm import messages
from setm.types import Reading

DELIVERED = {"alice": (2_150, 0), "bob": (0, 1_900)}


def post_readings(system: Any, slot: int, meters: dict[str, int]) -> None:
    """Let each meter sign what it measured, and anyone post it."""
    domain = messages.Domain(chain_id=brownie.chain.id, contract=system.meters.address)
    signed = []
    for name, (import_wh, export_wh) in DELIVERED.items():
        reading = Reading(meter=meters[name], slot=slot, import_wh=import_wh, export_wh=export_wh)
        r, vs = messages.reading(domain, reading).sign_compact(DEVICES[name])
        signed.append((reading.word, r, vs))
    system.meters.postReadings(signed, {"from": system.actors.mallory})


def main() -> Any:
    """Trade, deliver, settle, and print the bills."""
    system, slot, meters = trade()
    slot_seconds = system.registry.slotSeconds()
    move_clock((slot + 1) * slot_seconds + 60)
    post_readings(system, slot, meters)
    move_clock((slot + 1) * slot_seconds + 60 + 4 * 3600)
    ids = [system.ids[name] for name in DELIVERED]
    settled = system.settlement.settle(slot, ids, {"from": system.actors.mallory})
    for event in settled.events["SlotSettled"]:
        bill = event["bill"]
        print(f"participant {event['participantId']}: {bill}")
    for name in system.ids:
        print(f"{name:9} has {system.free_eur(name):.6f} EUR free")
    return system
