"""What is packed into words stays what it is at the edges of its fields"""

import pytest
from eth_utils.crypto import keccak

from setm import messages
from setm.evm import Evm, Reverted, default_config, deploy_system
from setm.evm.market import OPEN_MODE, PLENTY, Market, order_of
from setm.orders import BookedOrder
from setm.types import Kind, Reading, Side
from setm.units import Wh

# Half a minute a slot: the slots of 2033 then fill all 16 bits of an epoch (slot / 1024).
SHORT = {
    "slot_seconds": 30,
    "metering": {"reading_window": 900, "dispute_window": 900, "resolve_window": 900},
    "negotiation": {"horizon_seconds": 20_000},
}
LAST_EPOCH = 2**16 - 1
# A venue is deployed at least ten years before its turns of the ring do not fit any more.
LIFETIME = 3650 * 86_400
# The years from 1970 that 40 bits of seconds hold are 34,000; this is two of them before the end.
LATE = 2**40 - 2 * 366 * 86_400
CAPACITY_WH = 5_000


def short_slots(**auction):
    slot = LAST_EPOCH * 1024 + 1023
    evm = Evm(now=(slot + 1) * 30 - LIFETIME)
    system = deploy_system(
        evm, default_config(**SHORT, auction={"horizon_seconds": 20_000, **auction})
    )
    evm.now = slot * 30 - 10_000
    return system, slot


@pytest.mark.parametrize("tick", [0, 7, 8, 255])
def test_a_ladder_keeps_its_orders_when_the_epoch_fills_its_field(tick):
    system, slot = short_slots(**OPEN_MODE)
    for number, side in enumerate((Side.BID, Side.ASK, Side.BID)):
        person = system.enrol(f"person {number}", Kind.PROSUMER)
        system.fund(person, system.auction, PLENTY)
        system.auction.send("placeOrder", (slot, side, tick, 500), sender=person)
    for side, held in ((Side.BID, 1_000), (Side.ASK, 500)):
        words = system.auction.call("ladderOf", slot, side)
        assert (words[tick // 8] >> (30 * (tick % 8))) & (2**30 - 1) == held
        assert sum(word & (2**240 - 1) for word in words) == held << (30 * (tick % 8))


def test_a_sealed_order_belongs_to_its_slot_when_the_epoch_fills_its_field():
    system, slot = short_slots()
    person = system.enrol("alice", Kind.PROSUMER)
    system.fund(person, system.auction, PLENTY)
    digest = b"\xff" * 23 + bytes(9)
    system.auction.send("commit", (slot, Side.ASK, 2**48 - 1, digest), sender=person)
    order = system.auction.call("orderOf", slot, person.id)
    assert (order.state, order.side, order.bound, order.digest) == (1, 1, 2**48 - 1, digest)
    for other in (slot - 1024, slot - 2**15 * 1024):
        assert system.auction.call("orderOf", other, person.id).state == 0


class Late:
    """A meter at the end of what 40 bits of seconds hold."""

    def __init__(self):
        self.evm = Evm()
        self.system = deploy_system(self.evm)
        self.evm.now = LATE
        self.alice = self.system.enrol("alice", Kind.PROSUMER)
        self.meters = self.system.meters
        device = self.evm.account("meter")
        binding = messages.binding(
            self.system.domain(self.meters),
            meter_id=keccak(text="serial"),
            participant_id=self.alice.id,
            device_key=device.address,
            capacity_wh=CAPACITY_WH,
            valid_until_slot=2**32 - 1,
        )
        signature = binding.sign(self.system.authority)
        values = tuple(binding.values.values())
        self.meters.send("bindMeter", values, self.system.authority, signature, sender=self.alice)
        self.slot = LATE // 900 + 2
        self.evm.now = (self.slot + 1) * 900
        energy = {"import_wh": Wh(5_000), "export_wh": Wh(4_999)}
        reading = Reading(meter=1, slot=self.slot, **energy)
        signed = messages.reading(self.system.domain(self.meters), reading).sign_compact(device)
        self.meters.send("postReading", (reading.word, *signed))

    def found(self):
        reading = self.meters.call("readingOf", self.alice.id, self.slot)
        return reading.state, reading.importWh, reading.exportWh, reading.isFinal, reading.isFraud


def test_a_reading_lives_its_life_at_the_end_of_time():
    late = Late()
    windows = late.system.config["metering"]
    assert late.found() == (1, 5_000, 4_999, False, False)
    late.evm.now += windows["dispute_window"] - 1
    late.meters.send("dispute", 1, late.slot, sender=late.alice)
    assert late.found() == (2, 5_000, 4_999, False, False)
    late.evm.now += windows["resolve_window"] - 1
    assert late.found()[3] is False
    with late.evm.undone():
        late.evm.now += 1
        assert late.found() == (2, 5_000, 4_999, True, False)
    late.meters.send("resolve", 1, late.slot, 7, 5_000, sender=late.system.authority)
    assert late.found() == (3, 7, 5_000, True, False)


# Bits of a digest that would read as the best tick and much energy, were the order taken for an opened one.
SPELLS_AN_ORDER = {
    Side.BID: (0xFFFF << 136 | 1_000 << 72).to_bytes(32, "big"),
    Side.ASK: (0x0000 << 136 | 1_000 << 72).to_bytes(32, "big"),
}


@pytest.mark.parametrize("side", [Side.BID, Side.ASK])
def test_an_order_that_was_never_opened_fills_nothing_whatever_its_digest_spells(side):
    market = Market(4)
    slot, auction = market.first_slot, market.auction
    silent, other, buyer, seller = market.people
    orders = [
        order_of(buyer, slot, Side.BID, 160, 500),
        order_of(seller, slot, Side.ASK, 120, 500),
    ]
    market.evm.now = market.gate_of(slot) - 1
    for person, of in ((silent, side), (other, Side.ASK if side is Side.BID else Side.BID)):
        auction.send(
            "commit", (slot, of, market.config["bond"], SPELLS_AN_ORDER[of]), sender=person
        )
    booked = [BookedOrder(order=order, bound=10**6, is_opened=True) for order in orders]
    market.enter(booked, booked)
    market.clear()
    auction.send("forfeit", slot, [other.id])
    assert auction.call("clearingOf", slot).volumeWh == 500
    assert auction.call("fillOf", slot, silent.id) == 0
    assert tuple(auction.call("tradeOf", slot, silent.id)) == (0, 0, 0, 0)
    before = auction.call("marginOf", silent.id)
    auction.send("collect", slot, [silent.id])
    market.evm.now = market.void_from(slot)
    with pytest.raises(Reverted, match="NoCompensation"):
        auction.send("compensate", slot, silent.id)
    auction.send("forfeit", slot, [silent.id])
    assert auction.call("marginOf", silent.id) == before
    assert auction.call("orderOf", slot, silent.id).state == 4
