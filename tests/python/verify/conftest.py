"""One chain for all of these tests; each finds it as the first did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from setm.chain.node import Node, local_node
from setm.chain.reader import Reader
from setm.chain.sender import connect
from setm.verify import Check, Deployed, read_deployment, verify
from setm.verify.history import History
from setm.verify.source import compile_sources
from tests.python.verify.world import World, default_config

START_AT = datetime(2030, 1, 1, tzinfo=UTC)


@dataclass
class Place:
    """A deployment that has lived, where it is, and the file that describes it."""

    node: Node
    world: World
    folder: Path

    @property
    def url(self) -> str:
        return self.node.url

    def deployed(self, **changes: object) -> Deployed:
        return read_deployment(self.world.write(self.folder / "deployment.json", **changes))

    def verify(self, **changes: object) -> list[Check]:
        return verify(self.deployed(**changes), self.url, self.world.compiled)

    def history(self) -> History:
        deployed = self.deployed()
        reader = Reader(self.url, deployed.contracts)
        return History(deployed, reader, reader.events())


@pytest.fixture(scope="session")
def compiled():
    return compile_sources()


@pytest.fixture(scope="session", params=["anvil"])
def lived(request, compiled, tmp_path_factory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp(request.param)
    with local_node(request.param, start_at=START_AT, log=folder / "chain.log") as node:
        world = World(connect(node.url), compiled, default_config())
        world.deploy_all()
        world.live_a_day()
        yield Place(node, world, folder)


@pytest.fixture
def place(lived) -> Iterator[Place]:
    mark, addresses = lived.world.rpc("evm_snapshot"), dict(lived.world.addresses)
    try:
        yield lived
    finally:
        lived.world.addresses = addresses
        lived.world.rpc("evm_revert", mark)
