"""All checks of a deployment, in one list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from setm.chain.events import Event
from setm.chain.reader import Reader
from setm.errors import RunError, SetmError
from setm.verify.code import check_code
from setm.verify.deployment import Deployed
from setm.verify.history import History
from setm.verify.money import check_money
from setm.verify.outcome import Check
from setm.verify.people import check_people
from setm.verify.roles import check_roles, check_settings
from setm.verify.source import Compiled
from setm.verify.trading import check_trading


def verify(deployed: Deployed, url: str, compiled: Mapping[str, Compiled]) -> list[Check]:
    """Return every check of a deployment against the chain at ``url``, all at its newest block.

    Raises ``ChainUnreachable`` if nobody answers there, ``RunError`` if it is another chain than the deployment's.
    """
    reader = Reader(url, deployed.contracts)
    _require_same_chain(deployed, reader, url)
    return list(_checks(deployed, reader, compiled))


def _checks(
    deployed: Deployed, reader: Reader, compiled: Mapping[str, Compiled]
) -> Iterator[Check]:
    yield from _tried("code", lambda: check_code(deployed, reader, compiled))
    yield from _tried("settings", lambda: check_settings(deployed, reader))
    events: list[Event] = []
    try:
        events = reader.events(deployed.from_block)
    except SetmError as error:
        yield Check(area="books", name="events", outcome="failed", why=str(error))
    history = History(deployed, reader, events)
    yield from _tried("roles", lambda: check_roles(deployed, reader, events))
    yield from _tried("books", lambda: check_people(history))
    yield from _tried("books", lambda: check_money(history))
    yield from _tried("books", lambda: check_trading(history))


def _tried(area: str, checks: Callable[[], Iterable[Check]]) -> Iterator[Check]:
    """Yield checks; what keeps one from an answer fails it, and with it those of the group that were to follow."""
    try:
        yield from checks()
    except SetmError as error:
        yield Check(area=area, name="can be asked", outcome="failed", why=str(error))
    except (KeyError, TypeError, ValueError) as error:
        # Answers and logs of another contract, or a configuration that lacks a field.
        why = f"does not fit: {type(error).__name__} {error}"
        yield Check(area=area, name="can be asked", outcome="failed", why=why)


def _require_same_chain(deployed: Deployed, reader: Reader, url: str) -> None:
    if reader.chain_id != deployed.chain_id:
        raise RunError(
            f"{url} is chain {reader.chain_id}, but the deployment is of chain {deployed.chain_id}: "
            "give the right --rpc or the right file"
        )
    if not any(reader.code(role) for role in deployed.contracts):
        raise RunError(
            f"{url}: none of the contracts is there; the deployment is of another chain with the same number "
            f"{deployed.chain_id}, or the chain was started anew"
        )
