"""The contracts on an EVM in this process: for property tests, state machines and gas figures.

::

    evm = Evm()
    system = deploy_system(evm, default_config(auction={"is_sealed": False, ...}))
    alice = system.enrol("alice", Kind.PERSONAL_CONSUMER)
    system.fund(alice, system.auction, 10_000_000)
    receipt = system.auction.send("placeOrder", (slot, Side.BID, 7, 500), sender=alice)
    receipt.gas_used, receipt.only("OrdersOpened"), system.auction.call("phase", slot)

``setm.evm.market.Market`` adds people with margin, and trades whole books.

A refusal raises ``Reverted`` with ``name`` and ``arguments`` of the custom error.
"""

from setm.errors import Reverted
from setm.evm.abi import Event
from setm.evm.compiler import artifact
from setm.evm.machine import Contract, Evm, Receipt
from setm.evm.system import Person, System, default_config, deploy_system

__all__ = [
    "Contract",
    "Event",
    "Evm",
    "Person",
    "Receipt",
    "Reverted",
    "System",
    "artifact",
    "default_config",
    "deploy_system",
]
