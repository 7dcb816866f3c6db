"""The whole system as the Python references see it: what each call of each contract does, or how it is refused.

Every function that changes something has a method here, named after its contract and itself, with its arguments; a
test holds the list to the ABI. Keys and venues go by name. Attributes are replaced, never changed in place, so that a
refusal puts back what stood there before.
"""

from __future__ import annotations

from typing import Any

from setm import negotiation, tariff
from setm import registry as book
from setm.errors import DataError, LedgerError, NotSecured
from setm.registry import Registry
from tests.audit.machine.model_anonymous import AnonymousSide
from tests.audit.machine.model_auction import AuctionSide
from tests.audit.machine.model_base import Refusal
from tests.audit.machine.model_conditional import ConditionalSide
from tests.audit.machine.model_meters import MeterSide
from tests.audit.machine.model_money import MoneySide
from tests.audit.machine.model_negotiation import NegotiationSide
from tests.audit.machine.model_registry import RegistrySide
from tests.audit.machine.model_settlement import SettlementSide
from tests.audit.machine.model_tariff import TariffSide
from tests.audit.machine.model_venues import HostileSide
from tests.audit.machine.steps import Step, snake
from tests.audit.machine.world import World

# Which contracts share their methods.
KINDS = {"open_auction": "auction"}
REFUSALS = (Refusal, NotSecured, LedgerError, negotiation.Refused, tariff.Refused, DataError)


class Model(
    RegistrySide,
    MoneySide,
    AuctionSide,
    NegotiationSide,
    TariffSide,
    AnonymousSide,
    ConditionalSide,
    MeterSide,
    SettlementSide,
    HostileSide,
):
    """The reference of everything; ``call`` is one transaction."""

    def __init__(self, world: World, started_at: int) -> None:
        self.world = world
        self.now = started_at
        config = world_config()
        first = book.Accreditation(active_from=started_at)
        self.registry = Registry(
            governance="governance",
            slot_seconds=config["slot_seconds"],
            governance_delay=config["governance_delay"],
            recovery_delay=config["recovery_delay"],
            authorities={"authority": first},
        )
        self.start_registry()
        self.start_money()
        self.start_auctions()
        self.start_negotiation()
        self.start_tariff()
        self.start_anonymous()
        self.start_conditional()
        self.start_meters()
        self.start_settlement()
        self.start_hostile()
        world.speaks_for = self.owned_by
        world.permit_nonce = lambda key: self.permit_nonces.get(key, 0)

    def call(self, step: Step) -> tuple[Any, str]:
        """Do a step; return what the function returns and how it was refused, empty if it was not."""
        before = self.__dict__.copy()
        self.now = step.at
        kind = KINDS.get(step.contract, step.contract)
        try:
            return getattr(self, f"{kind}_{snake(step.function)}")(step, *step.args), ""
        except REFUSALS as error:
            self.__dict__.clear()
            self.__dict__.update(before)
            self.now = step.at
            return None, said_by(error)
        except ValueError as error:
            # Not of its enum: the contract's decoder refuses without a word.
            if "is not a valid" not in str(error):
                raise
            self.__dict__.clear()
            self.__dict__.update(before)
            self.now = step.at
            return None, "*"

    def copy(self) -> Model:
        """Return a model that goes its own way from here."""
        twin = object.__new__(Model)
        twin.__dict__.update(self.__dict__)
        twin.world.speaks_for = twin.owned_by
        twin.world.permit_nonce = lambda key: twin.permit_nonces.get(key, 0)
        return twin


def world_config() -> dict[str, Any]:
    """Return the configuration of every world."""
    from tests.audit.machine.world import CONFIG

    return CONFIG


def said_by(error: Exception) -> str:
    """Return name and values of the contract's error, as the chain's decoder writes them."""
    if isinstance(error, negotiation.Refused | tariff.Refused):
        listed = ", ".join(f"{key}={value}" for key, value in error.arguments.items())
        return f"{error.name}({listed})"
    return str(error).partition(";")[0]


def agrees(found: str, expected: str) -> bool:
    """Return whether a refusal is the expected one; ``*`` is any, ``Name(*)`` one of that name."""
    if expected == "*":
        return found != ""
    if expected.endswith("(*)"):
        return found.startswith(expected[:-2])
    return found == expected
