"""A connection that asks again: nodes may be silent, late or wrong, and there may be several of them.

Questions are repeated until an answer is complete and belongs to what was asked. What would act twice is handed in
once; if its answer is lost ``AnswerLost`` is raised, and who sent it finds out what became of it.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from eth_utils.crypto import keccak
from web3 import Web3
from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from setm.errors import AnswerLost, ChainError, ChainUnreachable

# A node closes connections that were silent for a while; a request on such a one would look lost.
IDLE_SECONDS = 2.0
# What every node may say in a bad moment: internal error, limit exceeded.
PASSING_ERRORS = (-32603, -32005)
# An endpoint this many blocks behind what was seen is not asked.
MAX_LAG_BLOCKS = 2
CALLED_TOGETHER = 500
_ONCE_PREFIXES = ("evm_", "anvil_", "miner_", "hardhat_", "ganache_", "personal_", "debug_")
_ONCE = ("eth_sendRawTransaction", "eth_sendTransaction")

Connection = Web3
"""A connection to one or more nodes of a chain, as the rest of SETM names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a node is asked again before it is given up; all times in seconds."""

    attempts: int = 5
    pause: float = 0.2
    longest_pause: float = 3.0
    # For one answer, then for a transaction to get into a block, and how long it waits before its fee is raised.
    answer: float = 30.0
    block: float = 30.0
    stuck: float = 5.0

    def pauses(self) -> list[float]:
        """Return the pauses between the attempts."""
        count = max(self.attempts - 1, 0)
        return [min(self.pause * 2**number, self.longest_pause) for number in range(count)]


def connect(
    urls: str | Sequence[str],
    *,
    patience: Patience | None = None,
    chain_id: int | None = None,
    is_alive: Callable[[], bool] = lambda: True,
) -> Connection:
    """Return a connection to the first endpoint that answers; the others are asked when it fails.

    ``chain_id`` is what they have to say; without it the first answer given twice counts. ``is_alive`` tells whether
    asking again makes sense. Raises ``ChainUnreachable`` if nobody answers or all are of another chain.
    """
    listed = [urls] if isinstance(urls, str) else list(urls)
    provider = PatientProvider(listed, patience or Patience(), chain_id, is_alive)
    provider.begin()
    return Web3(provider)


def request(web3: Connection, method: str, *params: Any, may_refuse: bool = False) -> Any:
    """Return what the node answers to any method; None if it may refuse and does, else ``ChainError`` says why."""
    answer: Any = web3.provider.make_request(RPCEndpoint(method), list(params))
    if "error" not in answer:
        return answer["result"]
    if may_refuse:
        return None
    raise ChainError(f"the node refuses {method}: {answer['error'].get('message', '')}")


def calls_answered(web3: Connection, calls: Sequence[Sequence[Any]]) -> list[str | None]:
    """Return the data that each of many ``eth_call`` returns, None for what reverts; together where that works."""
    provider = web3.provider
    found: list[str | None] = []
    for first in range(0, len(calls), CALLED_TOGETHER):
        part = calls[first : first + CALLED_TOGETHER]
        answers: list[RPCResponse | None] = [None] * len(part)
        if isinstance(provider, PatientProvider):
            answers = provider.ask_many("eth_call", part)
        for call, answer in zip(part, answers, strict=True):
            known = answer or provider.make_request(RPCEndpoint("eth_call"), list(call))
            found.append(None if "error" in known else str(known["result"]))
    return found


class PatientProvider(JSONBaseProvider):
    """JSON-RPC over HTTP with several endpoints, for one thread; see the head of this file."""

    def __init__(
        self,
        urls: Sequence[str],
        patience: Patience,
        chain_id: int | None,
        is_alive: Callable[[], bool],
    ) -> None:
        super().__init__()
        self.patience = patience
        self._endpoints = [_Endpoint(url, patience.answer) for url in urls]
        self._chain_id = chain_id
        self.is_alive = is_alive
        self._height = 0

    @property
    def endpoint_uri(self) -> str:
        """The endpoint that is asked now."""
        return self._endpoints[0].url

    def begin(self) -> None:
        """Find an endpoint that answers, of the right chain."""
        if self._chain_id is None:
            self._chain_id = self._agreed_chain_id()
        elif not any(self._fits() or self._turn() for _ in self._tries()):
            raise ChainUnreachable(
                f"no chain with id {self._chain_id} answers at {self._named()}: start one, or check --network"
            )

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Return a complete answer to this request; see the head of this file for what is asked again."""
        if method == "eth_chainId" and self._chain_id is not None:
            return {"jsonrpc": "2.0", "id": 0, "result": hex(self._chain_id)}
        if method in _ONCE or method.startswith(_ONCE_PREFIXES):
            return self._ask(method, params)
        problem = "nothing was asked"
        answer: RPCResponse | None = None
        for _ in self._tries():
            try:
                answer = self._ask(method, params)
            except AnswerLost as error:
                problem = str(error)
                self._turn()
                continue
            if _has_passing_error(answer):
                problem = str(answer["error"])
            elif self._is_behind(method, params, answer):
                problem = f"its newest block is older than block {self._height}, seen before"
            else:
                self._remember(params, answer)
                return answer
            self._turn()
        if answer is not None:
            # Every attempt said so: an error that does not pass, or a chain that is shorter than it was.
            self._height = 0
            return answer
        raise ChainUnreachable(
            f"the node does not answer {method} after {self.patience.attempts} tries: {problem}"
        )

    def ask_many(self, method: str, listed: Sequence[Sequence[Any]]) -> list[RPCResponse | None]:
        """Return an answer to each of many requests of one method, in one go; None for what was not answered.

        Nothing is asked again: who needs an answer that is missing asks for it alone.
        """
        requests = [
            self.encode_rpc_request(RPCEndpoint(method), list(params)).decode() for params in listed
        ]
        if not requests:
            return []
        try:
            found = self._endpoints[0].post(f"[{','.join(requests)}]".encode())
        except AnswerLost:
            return [None] * len(requests)
        answers = {
            item.get("id"): item
            for item in (found if isinstance(found, list) else [])
            if isinstance(item, dict) and ("result" in item) != ("error" in item)
        }
        return [
            cast(RPCResponse, item)
            if (item := answers.get(json.loads(request)["id"])) is not None
            and _answers(method, params, item)
            # An error that passes is no answer.
            and not _has_passing_error(cast(RPCResponse, item))
            else None
            for request, params in zip(requests, listed, strict=True)
        ]

    def is_connected(self, show_traceback: bool = False) -> bool:
        """Return whether an endpoint answers."""
        try:
            self.make_request(RPCEndpoint("web3_clientVersion"), [])
        except ChainUnreachable:
            return False
        return True

    def _tries(self) -> Any:
        """Yield once for each attempt, waiting in between; stop early when the chain's process has ended."""
        yield
        for pause in self.patience.pauses():
            if not self.is_alive():
                raise ChainUnreachable(f"the chain at {self._named()} has ended")
            time.sleep(pause)
            yield

    def _ask(self, method: str, params: Any) -> RPCResponse:
        """Ask once; raise ``AnswerLost`` unless a complete answer to this request comes back."""
        request = self.encode_rpc_request(RPCEndpoint(method), params)
        wanted = json.loads(request)["id"]
        answer = self._endpoints[0].post(request)
        if not isinstance(answer, dict) or answer.get("id") != wanted:
            raise AnswerLost(f"{self.endpoint_uri}: the answer to {method} is of another request")
        if ("result" in answer) == ("error" in answer) or not _answers(method, params, answer):
            raise AnswerLost(f"{self.endpoint_uri}: the answer to {method} is not one")
        return cast(RPCResponse, answer)

    def _turn(self) -> bool:
        """Go on to the next endpoint that is of this chain and not behind; always false, nothing has been answered."""
        for _ in range(len(self._endpoints) - 1):
            self._endpoints.append(self._endpoints.pop(0))
            if self._fits():
                break
        return False

    def _fits(self) -> bool:
        try:
            found = self._ask("eth_chainId", [])
            height = self._ask("eth_blockNumber", [])
        except AnswerLost:
            return False
        if int(found.get("result", "0x0"), 16) != self._chain_id:
            return False
        return int(height.get("result", "0x0"), 16) >= self._height - MAX_LAG_BLOCKS

    def _agreed_chain_id(self) -> int:
        said: list[int] = []
        for _ in self._tries():
            for _ in self._endpoints * 2:
                try:
                    answer = int(self._ask("eth_chainId", []).get("result", "0x0"), 16)
                except AnswerLost:
                    self._endpoints.append(self._endpoints.pop(0))
                    continue
                if said[-1:] == [answer]:
                    return answer
                said.append(answer)
        raise ChainUnreachable(
            f"no chain answers at {self._named()}: start one, or check --network"
        )

    def _is_behind(self, method: str, params: Any, answer: RPCResponse) -> bool:
        newest = _newest(method, params, answer)
        return newest is not None and newest < self._height

    def _remember(self, params: Any, answer: RPCResponse) -> None:
        result = answer.get("result")
        # What is pending is not there yet.
        if isinstance(result, dict) and params[:1] != ["pending"]:
            number = result.get("blockNumber") or result.get("number")
            if isinstance(number, str):
                self._height = max(self._height, int(number, 16))

    def _named(self) -> str:
        return " or ".join(endpoint.url for endpoint in self._endpoints)


class _Endpoint:
    """One node's address with a connection that is kept open."""

    def __init__(self, url: str, seconds: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            raise ChainUnreachable(f"{url}: expected an address like http://127.0.0.1:8545")
        self.url = url
        self._path = parts.path or "/"
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._connection = kind(parts.hostname, parts.port, timeout=seconds)
        self._used_at = 0.0

    def __del__(self) -> None:
        self._connection.close()

    def post(self, body: bytes) -> Any:
        """Return the decoded answer; raise ``AnswerLost`` if none comes or it is not JSON."""
        if time.monotonic() - self._used_at > IDLE_SECONDS:
            self._connection.close()
        try:
            headers = {"Content-Type": "application/json"}
            self._connection.request("POST", self._path, body, headers)
            response = self._connection.getresponse()
            content = response.read()
            self._used_at = time.monotonic()
            # Ganache and others send errors with a status of their own; what counts is the JSON.
            return json.loads(content)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._connection.close()
            raise AnswerLost(f"{self.url}: {type(error).__name__}: {error}") from error


def _answers(method: str, params: Any, answer: dict[str, Any]) -> bool:
    """Whether an answer can be one to this request: an error, or a result of what was asked for."""
    if "error" in answer:
        return isinstance(answer["error"], dict)
    result = answer["result"]
    if method == "eth_sendRawTransaction":
        return bool(result == Web3.to_hex(keccak(hexstr=_hex(params[0]))))
    if method in ("eth_getTransactionReceipt", "eth_getTransactionByHash"):
        field = "transactionHash" if method == "eth_getTransactionReceipt" else "hash"
        return result is None or _says(result, field, _hex(params[0]))
    if method == "eth_getBlockByNumber":
        if not _hex(params[0]).startswith("0x"):
            return _says(result, "number", None)
        return result is None or _says(result, "number", params[0])
    if method in ("eth_blockNumber", "eth_chainId", "eth_getTransactionCount", "eth_getBalance"):
        return _is_quantity(result)
    if method in ("eth_call", "eth_getCode"):
        return isinstance(result, str) and result.startswith("0x")
    return not (method == "eth_getLogs" and not isinstance(result, list))


def _says(result: Any, field: str, wanted: str | None) -> bool:
    if not isinstance(result, dict) or not isinstance(result.get(field), str):
        return False
    return wanted is None or str(result[field]).lower() == wanted.lower()


def _is_quantity(result: Any) -> bool:
    try:
        return isinstance(result, str) and int(result, 16) >= 0
    except ValueError:
        return False


def _hex(value: Any) -> str:
    return value if isinstance(value, str) else Web3.to_hex(value)


def _has_passing_error(answer: RPCResponse) -> bool:
    error = answer.get("error")
    return isinstance(error, dict) and error.get("code") in PASSING_ERRORS


def _newest(method: str, params: Any, answer: RPCResponse) -> int | None:
    """Return the number of the newest block, if the answer says it."""
    result = answer.get("result")
    if method == "eth_blockNumber" and isinstance(result, str):
        return int(result, 16)
    if method == "eth_getBlockByNumber" and params[0] == "latest" and isinstance(result, dict):
        return int(result["number"], 16)
    return None
