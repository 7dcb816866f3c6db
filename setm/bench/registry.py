"""What identity costs: joining with both signatures, brought by somebody else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median

from setm.evm import Evm, deploy_system
from setm.types import Kind

PARTICIPANTS = 100


def registration() -> list[int]:
    """A registration by the authority's and the participant's signature, in a transaction of its own."""
    evm = Evm()
    system = deploy_system(evm)
    metered = evm.metered()
    system.registry = system.registry.on(metered)
    joined = (
        system.join(f"newcomer {number}", Kind.PERSONAL_CONSUMER) for number in range(PARTICIPANTS)
    )
    return [receipt.gas_used for _, receipt in joined]


SCENARIOS: Mapping[str, Callable[[], list[int]]] = {registration.__name__: registration}


def medians() -> dict[str, int]:
    """Return the median gas of each scenario."""
    return {name: int(median(measure())) for name, measure in SCENARIOS.items()}
