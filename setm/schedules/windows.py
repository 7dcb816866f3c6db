"""When a span's schedules are gathered, forced, posted and decided (SpanTerms)."""

from __future__ import annotations

from dataclasses import dataclass

from setm.slots import Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """The windows of IScheduleBook.Config; all but ``span_slots`` in seconds.

    ::

        forcing_at       gate_at        decided_at       start_at
            |--- force ------|---- post -----|---------------|
    """

    slot_seconds: int
    span_slots: int
    force_window: int
    gate_lead: int
    post_window: int

    def span_of(self, slot: Slot) -> int:
        """Return the span in which a slot lies.

        >>> Windows(slot_seconds=900, span_slots=96, force_window=1, gate_lead=2, post_window=1).span_of(Slot(200))
        2
        """
        return slot // self.span_slots

    def slots_of(self, span: int) -> range:
        """Return the slots of a span."""
        return range(span * self.span_slots, (span + 1) * self.span_slots)

    def start_at(self, span: int) -> int:
        """Return when its delivery begins, UTC seconds; the same below."""
        return span * self.span_slots * self.slot_seconds

    def gate_at(self, span: int) -> int:
        """Return from when on nothing can be forced any more, and its book can be posted."""
        return self.start_at(span) - self.gate_lead

    def forcing_at(self, span: int) -> int:
        """Return from when on no collector can commit any more."""
        return self.gate_at(span) - self.force_window

    def decided_at(self, span: int) -> int:
        """Return from when on its book is final or never will be."""
        return self.gate_at(span) + self.post_window
