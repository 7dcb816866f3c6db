"""What other designs cost, from prototypes on the same chain: quoted, not measured by ``setm bench``.

Gas per order, placed, cleared and paid, at N = 100 with one random book; solc 0.8.30, EVM shanghai, on Anvil. The
prototypes carry no roles and no events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from setm.bench.measured import Measured

PARTICIPANTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Another design: what an order costs there, how it pays, and whether somebody can leave an order out."""

    name: str
    gas_per_order: int
    pays: str
    omission: str


PEERS = (
    Peer(
        name="CoW",
        gas_per_order=64_190,
        pays="moves ERC-20s on each order",
        omission="possible: a solver chooses the orders",
    ),
    Peer(
        name="Foti & Vavalis",
        gas_per_order=85_010,
        pays="nothing, and knows nobody",
        omission="impossible: orders stand on the chain",
    ),
    Peer(
        name="EasyAuction",
        gas_per_order=211_283,
        pays="moves ERC-20s on each order",
        omission="impossible: orders stand on the chain",
    ),
    Peer(
        name="heap market",
        gas_per_order=252_352,
        pays="-",
        omission="impossible: orders stand on the chain",
    ),
    Peer(
        name="energy auction",
        gas_per_order=333_614,
        pays="in a loop over all orders",
        omission="impossible: orders stand on the chain",
    ),
)
CAVEAT = (
    "The peers' figures come from prototypes and are not measured by this command. CoW and EasyAuction move ERC-20s on "
    "each order; SETM nets inside a clearinghouse, and its payment includes the bill for what the meter counted. "
    "None of the venues of one slot lets anybody leave out an order that stands on the chain; a sealed one has to be "
    "opened to be filled, which its owner can do alone."
)


def ratios(venues: Sequence[Measured]) -> list[dict[str, str]]:
    """Return a row for each peer: its gas per order over that of each venue at N = 100, placed, cleared and paid.

    Empty if nothing was measured there.
    """
    ours = [one for one in venues if one.participants == PARTICIPANTS]
    if not ours:
        return []
    return [
        {
            "peer": peer.name,
            "gas per order": f"{peer.gas_per_order:,}",
            **{_title(one): f"{peer.gas_per_order / _comparable(one):.2f}" for one in ours},
        }
        for peer in PEERS
    ]


def notes() -> list[dict[str, str]]:
    """Return how each peer pays, and whether somebody can leave out an order there."""
    return [
        {"peer": peer.name, "pays": peer.pays, "leaving out an order": peer.omission}
        for peer in PEERS
    ]


def _title(one: Measured) -> str:
    return (
        f"/ {one.venue}".replace(" ", "\n", 2)
        if one.slots == 1
        else f"/ {one.venue}\n× {one.slots}"
    )


def _comparable(one: Measured) -> float:
    return one.traded_per_order + one.paid_per_order
