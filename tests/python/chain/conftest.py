"""Chains for the tests of the chain layer; each lives as long as the module that asked for it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from setm.chain.node import local_node
from setm.chain.sender import connect

START_AT = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module", params=["ganache", "anvil"])
def node(request, tmp_path_factory):
    log = tmp_path_factory.mktemp(request.param) / "chain.log"
    with local_node(request.param, start_at=START_AT, log=log) as running:
        yield running


@pytest.fixture(scope="module")
def web3(node):
    return connect(node.url)
