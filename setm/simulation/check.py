"""After a day: the books must balance to the unit, or the run is refused."""

from __future__ import annotations

from collections.abc import Sequence

from setm.errors import LedgerError
from setm.simulation.community import OPERATOR_ID, Community, Member


def check_books(community: Community, members: Sequence[Member]) -> None:
    """Raise ``LedgerError`` unless balances, collateral and pools add up to the tokens that the clearinghouse holds."""
    contracts = community.deployment
    clearinghouse = contracts.clearinghouse
    venues = [contracts.settlement, contracts.auction, contracts.negotiation]
    ids = [OPERATOR_ID, *(member.participant_id for member in members)]
    free = sum(clearinghouse.free_of(participant_id) for participant_id in ids)
    locked = sum(
        clearinghouse.collateral_of(venue.address, participant_id)
        for venue in venues
        for participant_id in ids
    )
    pools = sum(clearinghouse.pool_of(venue.address) for venue in venues)
    held = int(contracts.token.ask("balanceOf", clearinghouse.address))
    if free + locked + pools != held:
        raise LedgerError(
            f"books of {clearinghouse.address}: free {free} + locked {locked} + pools {pools} != "
            f"held {held} (1e-6 EUR)"
        )
