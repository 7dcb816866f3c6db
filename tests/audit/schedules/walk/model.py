"""The world of the walk as the Python references see it: what each call does, or how it is refused.

Registry, money, meters and settlement are those of tests/audit/machine; here is the venue of signed schedules. What
stands in an attribute is replaced, never changed in place, so that a refusal puts back what stood there before.
"""

from __future__ import annotations

from typing import Any

from setm import registry as people
from setm.registry import Registry
from tests.audit.machine.model import REFUSALS, said_by
from tests.audit.machine.model_base import require, require_any
from tests.audit.machine.model_money import MoneySide
from tests.audit.machine.model_registry import RegistrySide
from tests.audit.machine.steps import Step, snake
from tests.audit.machine.world import CONFIG
from tests.audit.schedules.walk.model_book import BookSide
from tests.audit.schedules.walk.model_days import DaySide
from tests.audit.schedules.walk.terms import Terms


class Model(RegistrySide, MoneySide, DaySide, BookSide):
    """The reference of everything; ``call`` is one transaction."""

    def __init__(self, names: Any, terms: Terms, started_at: int) -> None:
        self.world, self.terms, self.now = names, terms, started_at
        self.windows = terms.windows
        first = people.Accreditation(active_from=started_at)
        self.registry = Registry(
            governance="governance",
            slot_seconds=terms.slot_seconds,
            governance_delay=CONFIG["governance_delay"],
            recovery_delay=CONFIG["recovery_delay"],
            authorities={"authority": first},
        )
        self.start_registry()
        self.start_money()
        self.start_meters()
        self.start_settlement()
        self.start_venue()
        self.start_book()
        self.start_days()
        names.speaks_for = self.owned_by

    def call(self, step: Step) -> tuple[Any, str]:
        """Do a step; return what the function returns and how it was refused, empty if it was not."""
        before = self.__dict__.copy()
        self.now = step.at
        try:
            return getattr(self, f"{step.contract}_{snake(step.function)}")(step, *step.args), ""
        except REFUSALS as error:
            self.__dict__.clear()
            self.__dict__.update(before)
            self.now = step.at
            return None, said_by(error)

    def copy(self) -> Model:
        """Return a model that goes its own way from here."""
        twin = object.__new__(Model)
        twin.__dict__.update(self.__dict__)
        twin.world.speaks_for = twin.owned_by
        return twin

    # Whatever stands in it, the roster changes no answer.

    def roster_write(self, step: Step, page: int) -> None:
        count = len(self.registry.participants)
        require(256 * page <= count, "PageEmpty", page=page, participantCount=count)

    # Named once, before anything else

    def venue_set_book(self, step: Step, book: str) -> None:
        is_governance = step.sender == self.registry.governance
        require(is_governance and not self.has_book, "BookRefused", caller=step.sender)
        self.has_book = True

    def venue_bind_group(self, step: Step, *args: Any) -> None:
        require(False, "OnlyBy", expected="book", caller=step.sender)

    def venue_refund_group(self, step: Step, *args: Any) -> None:
        require(False, "OnlyBy", expected="book", caller=step.sender)

    def venue_add_margin(self, step: Step, *args: Any) -> None:
        require(False, "OnlyBy", expected="house", caller=step.sender)

    def venue_close(self, step: Step, *args: Any) -> None:
        require_any(False, "OnlyBy(*)")
