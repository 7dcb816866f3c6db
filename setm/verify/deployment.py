"""What a deployment file says, and what is therefore expected of the chain."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_utils.address import is_address, to_checksum_address

from setm import deployment_plan
from setm.errors import RunError
from setm.keystore import LOCAL_CHAIN_IDS

OPERATOR_ID = 1
OFFICES = ("governance", "authorities", "operator")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """A deployment file: where the contracts are, how they were configured, who holds the offices."""

    chain_id: int
    contracts: Mapping[str, str]
    config: Mapping[str, Any]
    governance: str
    authorities: tuple[str, ...]
    operator: str
    own_token: bool
    from_block: int

    @property
    def is_local(self) -> bool:
        """Whether this is a developer's chain, where test money and known keys are in place."""
        return self.chain_id in LOCAL_CHAIN_IDS


def read_deployment(path: Path, config: Path | None = None) -> Deployed:
    """Return a deployment file; raise ``RunError`` naming what it lacks.

    ``config`` replaces what the file itself says of its parameters and, if it has them, of its ``roles``: an auditor's
    own expectation instead of the deployer's.
    """
    record = _json(path)
    expected = dict(_json(config)) if config is not None else dict(record.get("config", {}))
    roles = expected.pop("roles", None) or record.get("roles") or {}
    for field, value in (("chain_id", record.get("chain_id")), ("config", expected)):
        if not value:
            raise RunError(
                f"{path}: lacks {field}; it is no deployment file of `brownie run deploy`"
            )
    missing = [office for office in OFFICES if not roles.get(office)]
    if missing:
        raise RunError(
            f"{path}: does not say who holds {', '.join(missing)}; name them under `roles` in --config FILE"
        )
    return Deployed(
        chain_id=int(record["chain_id"]),
        contracts=_addresses(path, record.get("contracts"), expected),
        config=expected,
        governance=_address(path, roles["governance"]),
        authorities=tuple(_address(path, item) for item in roles["authorities"]),
        operator=_address(path, roles["operator"]),
        own_token=bool(record.get("own_token", True)),
        from_block=int(record.get("from_block", 0)),
    )


def _addresses(path: Path, contracts: object, config: Mapping[str, Any]) -> dict[str, str]:
    roles = deployment_plan.contracts(config)
    if not isinstance(contracts, dict) or contracts.keys() != roles.keys():
        raise RunError(f"{path}: contracts: expected exactly {', '.join(roles)}")
    return {role: _address(path, contracts[role]) for role in roles}


def _address(path: Path, value: object) -> str:
    if not isinstance(value, str) or not is_address(value):
        raise RunError(f"{path}: {value!r} is not an address")
    return to_checksum_address(value)


def _json(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{path} is missing: deploy first") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: not readable ({error})") from None
    if not isinstance(record, dict):
        raise RunError(f"{path}: expected a record")
    return record
