"""Measured days that no machine made: what is derived from them can be said in advance."""

from dataclasses import dataclass

from setm.bench.measured import DAY_AHEAD, Measured, stage_gas


@dataclass(frozen=True)
class Sent:
    """A transaction of so much gas, whose input has a byte for each unit of it."""

    gas_used: int

    @property
    def input_bytes(self):
        return self.gas_used


def measured(venue=DAY_AHEAD, participants=100, slots=96, post=400, clear=50, settle=300):
    """Return a day of one order a participant and slot; ``post``, ``clear`` and ``settle`` are gas an order."""
    orders = participants * slots
    return Measured(
        venue=venue,
        participants=participants,
        slots=slots,
        orders=orders,
        stages=(
            stage_gas("post", [Sent(post * orders)]),
            stage_gas("clear", [Sent(clear * orders)]),
            stage_gas("readings", [Sent(100 * orders)]),
            stage_gas("settle", [Sent(settle * orders // 2)] * 2),
        ),
    )
