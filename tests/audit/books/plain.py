"""Calls packed by hand: a call by ABI costs ten times what the EVM needs to answer it, and books ask thousands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from setm.errors import Reverted
from setm.evm import Contract, artifact
from setm.evm.abi import selector_of


class Plain:
    """A contract whose arguments and answers are static words, with an array of words last at most."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.entries = [e for e in artifact(contract.name)["abi"] if e["type"] == "function"]
        self._selectors = {entry["name"]: selector_of(entry) for entry in self.entries}

    def ask(self, function: str, *values: int) -> list[int]:
        """Return the words of the answer."""
        data = self._selectors[function] + words(values)
        return split(self.contract.evm.call_raw(self.contract, data, action=function))

    def ask_one(self, function: str, *values: int) -> int:
        (found,) = self.ask(function, *values)
        return found

    def tell(
        self,
        function: str,
        *values: int,
        array: Sequence[int] | None = None,
        tail: bytes = b"",
        sender: Any,
    ) -> list[Any]:
        """Send a transaction, ``tail`` behind its arguments; return its events."""
        data = self._packed(function, values, array)
        _, _, events = self.contract.evm.send_raw(
            self.contract, data + tail, sender=sender, action=function
        )
        return list(events)

    def refusal(self, function: str, *values: int, array: Sequence[int] | None = None) -> str:
        """Return the name of the error with which a static call ends."""
        data = self._packed(function, values, array)
        try:
            self.contract.evm.call_raw(self.contract, data, action=function)
        except Reverted as error:
            return error.name
        return ""

    def _packed(self, function: str, values: Sequence[int], array: Sequence[int] | None) -> bytes:
        data = self._selectors[function] + words(values)
        if array is not None:
            data += words([32 * (len(values) + 1), len(array), *array])
        return data

    def tell_records(self, function: str, records: Sequence[Sequence[int]], *, sender: Any) -> None:
        """Send a transaction whose only argument is an array of static structs."""
        flat = [value for record in records for value in record]
        data = self._selectors[function] + words([32, len(records), *flat])
        self.contract.evm.send_raw(self.contract, data, sender=sender, action=function)


def words(values: Sequence[int]) -> bytes:
    return b"".join([value.to_bytes(32, "big") for value in values])


def split(output: bytes) -> list[int]:
    return [int.from_bytes(output[i : i + 32], "big") for i in range(0, len(output), 32)]
