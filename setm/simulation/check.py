"""After a day: the books must balance to the unit and no event may be missing, or the run is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from setm.chain.events import Event, read_events
from setm.chain.keeper import Keeper
from setm.deployment_plan import ALL_VENUES
from setm.errors import ChainError, LedgerError
from setm.simulation.community import OPERATOR_ID, Community, Member


def check_books(community: Community, members: Sequence[Member]) -> None:
    """Raise ``LedgerError`` unless balances, collateral and pools add up to the tokens that the clearinghouse holds."""
    difference = _difference(community, members)
    # Said twice: one wrong answer among many must not spoil a day.
    if difference and (difference := _difference(community, members)):
        raise LedgerError(difference)


def _difference(community: Community, members: Sequence[Member]) -> str:
    contracts = community.deployment
    clearinghouse = contracts.clearinghouse
    venues = [address for role, address in contracts.addresses.items() if role in ALL_VENUES]
    ids = [OPERATOR_ID, *(member.participant_id for member in members)]
    free = sum(map(int, clearinghouse.ask_all("freeOf", [(one,) for one in ids])))
    pairs = [(venue, one) for venue in venues for one in ids]
    locked = sum(map(int, clearinghouse.ask_all("collateralOf", pairs)))
    pools = sum(clearinghouse.pool_of(venue) for venue in venues)
    held = int(contracts.token.ask("balanceOf", clearinghouse.address))
    if free + locked + pools == held:
        return ""
    return (
        f"books of {clearinghouse.address}: free {free} + locked {locked} + pools {pools} != "
        f"held {held} (1e-6 EUR)"
    )


def all_events(keeper: Keeper, contracts: Mapping[str, str]) -> list[Event]:
    """Return every event of the contracts; raise ``ChainError`` if the node leaves out what the journal knows of."""
    addresses = {address.lower() for address in contracts.values()}
    entries = [entry.mined for entry in keeper.journal.seen() if entry.mined is not None]
    times = {mined.block: mined.timestamp for mined in entries}
    known = {
        (mined.tx_hash, int(log["logIndex"], 16))
        for mined in entries
        for log in mined.receipt["logs"]
        if log["address"].lower() in addresses
    }
    missing: set[tuple[str, int]] = set()
    for _ in range(keeper.patience.attempts):
        events = list(read_events(keeper.web3, contracts, known_times=times))
        missing = known - {(event.tx_hash, event.log_index) for event in events}
        if not missing:
            return events
    raise ChainError(
        f"the node leaves out {len(missing)} of {len(known)} events, one of transaction {min(missing)[0]}: run the "
        "same command again to ask again"
    )
