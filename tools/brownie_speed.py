"""Pytest plugin that takes two detours out of every contract test; what the tests see stays the same.

Whenever Brownie reverts the chain, which is after every test, it collects garbage: it walks the millions of objects of
the compiled project, which all live to the end. Whenever it takes or reverts a snapshot or moves the clock, it asks who
called: that reads the source of every function on the stack. Together they are most of the time of a short test.
"""

import gc
import sys
from types import FrameType, SimpleNamespace

import brownie.network.rpc
import pytest


def calling_frames() -> list[SimpleNamespace]:
    """Return what Brownie reads of `inspect.stack()`: its own frame and its caller's."""
    own = sys._getframe(1)
    frames: list[FrameType | None] = [own, own.f_back]
    return [SimpleNamespace(frame=frame) for frame in frames]


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Exempt everything that exists before the first test from collection, and look at two frames only."""
    setattr(brownie.network.rpc, "inspect", SimpleNamespace(stack=calling_frames))  # noqa: B010
    gc.collect()
    gc.freeze()
