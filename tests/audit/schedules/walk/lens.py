"""What the chain says of everybody's money, read through the contracts' own getters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from tests.audit.machine.driver import words_of
from tests.audit.machine.steps import Step

VENUES = ("settlement", "venue")


class Account(NamedTuple):
    """A participant's money, 1e-6 EUR."""

    free: int
    collateral: dict[str, int]
    margin: int
    guarantee: int
    arrears: int

    @property
    def wealth(self) -> int:
        """All that is the participant's in the clearinghouse."""
        return self.free + sum(self.collateral.values())


class Balances(NamedTuple):
    """All money."""

    tokens: int
    held: int
    pools: dict[str, int]
    accounts: dict[int, Account]


class Lens:
    """Reads again and again; what is asked is encoded once."""

    def __init__(self, chain: Any, people: Iterable[int]) -> None:
        self.chain, self.people = chain, tuple(people)
        self._asked: dict[tuple[Any, ...], tuple[str, bytes]] = {}

    def read(self, role: str, function: str, *args: Any) -> int:
        """Return the one word that a getter answers."""
        asked = (role, function, args)
        if asked not in self._asked:
            names = self.chain.world
            data = names.calldata(Step(0, "stranger", role, function, args))
            self._asked[asked] = names.address(role), data
        return words_of(self.chain.evm.call_raw(*self._asked[asked]))[0]

    def account(self, who: int) -> Account:
        """Return one participant's money."""
        arrears = self.read("settlement", "arrearsOf", who)
        return Account(
            free=self.read("house", "freeOf", who),
            collateral={v: self.read("house", "collateralOf", v, who) for v in VENUES},
            margin=self.read("venue", "marginOf", who),
            guarantee=self.read("settlement", "guaranteeOf", who),
            arrears=arrears - 2**256 if arrears >> 255 else arrears,
        )

    def balances(self) -> Balances:
        """Return everybody's money."""
        return Balances(
            tokens=self.read("token", "balanceOf", "house"),
            held=self.read("house", "held"),
            pools={v: self.read("house", "poolOf", v) for v in VENUES},
            accounts={who: self.account(who) for who in self.people},
        )
