"""Measured days that no machine made: what is derived from them can be said in advance."""

from setm.bench.measured import DAY_AHEAD, Measured, stage_gas


def measured(venue=DAY_AHEAD, participants=100, slots=96, post=400, clear=50, settle=300):
    """Return a day of one order a participant and slot; ``post``, ``clear`` and ``settle`` are gas an order."""
    orders = participants * slots
    return Measured(
        venue=venue,
        participants=participants,
        slots=slots,
        orders=orders,
        stages=(
            stage_gas("post", [post * orders]),
            stage_gas("clear", [clear * orders]),
            stage_gas("readings", [100 * orders]),
            stage_gas("settle", [settle * orders // 2] * 2),
        ),
    )
