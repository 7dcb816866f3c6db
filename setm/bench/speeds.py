"""How fast the programs off the chain are, on one core; a speed is plugged in by a line in ``SPEEDS``."""

from __future__ import annotations

import time
from collections.abc import Callable

from setm import messages
from setm.bench.headlines import Headline
from setm.evm import Evm
from setm.evm.machine import CHAIN_ID, NOBODY
from setm.slots import Slot
from setm.types import Reading
from setm.units import Wh

SIGNATURES, QUICK_SIGNATURES = 5_000, 200


def signatures_verified(is_quick: bool) -> Headline:
    """Return how many meter readings a second have their signer recovered, by ``messages``."""
    domain, key = messages.Domain(chain_id=CHAIN_ID, contract=NOBODY), Evm.account("meter")
    count = QUICK_SIGNATURES if is_quick else SIGNATURES
    made = [_reading(domain, number) for number in range(count)]
    signed = [(message, message.sign(key)) for message in made]
    began = time.perf_counter()
    signers = {message.signer(signature) for message, signature in signed}
    seconds = time.perf_counter() - began
    assert signers == {key.address}
    return Headline(
        name="signatures verified per second and core",
        value=count / seconds,
        bound=15_000,
        unit="1/s",
        is_floor=True,
    )


def _reading(domain: messages.Domain, number: int) -> messages.Message:
    reading = Reading(meter=number + 1, slot=Slot(2_000_000), import_wh=Wh(number), export_wh=Wh(0))
    return messages.reading(domain, reading)


SPEEDS: tuple[Callable[[bool], Headline], ...] = (signatures_verified,)
