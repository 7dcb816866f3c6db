"""The bytecode itself: small enough to deploy anywhere, and without an instruction that could replace it."""

from __future__ import annotations

import re

import pytest

from setm.evm import artifact
from tests.audit.figures import ROOT, record
from tests.audit.static.code import (
    FORBIDDEN,
    MAX_INIT,
    MAX_RUNTIME,
    deployed,
    forbidden_in,
    sizes,
)

# Constructor arguments come behind the code that deploys: the longest, of the auction, have 14 words.
ROOM_FOR_ARGUMENTS = 1_024
# What would let somebody else's code speak as ours, or ours change after deployment.
REPLACING = re.compile(
    r"\b(delegatecall|callcode|selfdestruct|suicide|tx\.origin|create2|initializer|reinitializer|_disableInitializers)\b"
    r"|Upgradeable|UUPS|Proxy|ERC1967|new [A-Z]\w+\("
)


# The pages of the roster are code that begins with STOP: it holds data, and whoever calls it gets nothing.
MAY = {"KeyRoster": ["CREATE"]}


@pytest.mark.parametrize("name", deployed())
def test_fits_a_block_of_any_chain(name: str) -> None:
    runtime, init = sizes(name)
    margin, room = MAX_RUNTIME - runtime, MAX_INIT - init
    fits = margin >= 0 and room >= ROOM_FOR_ARGUMENTS
    print(
        f"{name}: {runtime} bytes, {margin} below EIP-170; {init} to deploy, {room} below EIP-3860"
    )
    record(
        "static",
        f"{name}: bytes below the limit of EIP-170",
        margin,
        wanted="at least 0",
        ok=fits,
        runtime=runtime,
        init=init,
        init_margin=room,
    )
    assert runtime > 0
    assert fits


def test_no_contract_holds_an_instruction_that_could_replace_it_or_ask_who_began() -> None:
    found = {name: forbidden_in(bytes.fromhex(artifact(name)["runtime"])) for name in deployed()}
    found = {name: opcodes for name, opcodes in found.items() if opcodes != MAY.get(name, [])}
    record(
        "static",
        "instructions that delegate, destroy, create or ask the origin",
        sum(map(len, found.values())),
        wanted="0",
        ok=not found,
        contracts=len(deployed()),
    )
    assert found == {}


@pytest.mark.parametrize("opcode", FORBIDDEN, ids=FORBIDDEN.get)
def test_a_forbidden_instruction_is_found_wherever_it_stands(opcode: int) -> None:
    metadata = bytes([opcode] * 8) + (8).to_bytes(2, "big")
    pushed = bytes([0x61, opcode, opcode])
    assert forbidden_in(pushed + b"\x00" + metadata) == []
    assert forbidden_in(pushed + bytes([opcode]) + b"\x00" + metadata) == [FORBIDDEN[opcode]]
    assert forbidden_in(bytes([0x7F]) + bytes([opcode] * 33) + metadata) == [FORBIDDEN[opcode]]


def test_no_source_of_ours_speaks_of_replacing_code() -> None:
    files = sorted([*(ROOT / "contracts").rglob("*.sol"), *(ROOT / "interfaces").rglob("*.sol")])
    files = [path for path in files if "mocks" not in path.parts]
    said = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if REPLACING.search(line.partition("//")[0])
    ]
    assert len(files) > 20
    assert said == []


@pytest.mark.parametrize(
    "line",
    [
        "to.delegatecall(data);",
        "selfdestruct(payable(to));",
        "require(tx.origin == msg.sender);",
        "contract A is UUPSUpgradeable {",
        "IVenue venue = new Auction(house);",
    ],
)
def test_the_search_finds_what_it_is_for(line: str) -> None:
    assert REPLACING.search(line)
