"""A JSON-RPC proxy between a program and its node that misbehaves on order; loopback only.

Each fault names a method and the n-th request of it. Everything else passes. A fault is noted when it strikes, with
what the program was told and what the node got, so that a test can demand that it really happened.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

HOST = "127.0.0.1"
# What is late is later than this, and still in time for a client that waits longer.
LATE_SECONDS = 0.3

Request = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong at the ``occurrence``-th request (counted from 1) of ``method``; see ``KINDS``."""

    kind: str
    method: str
    occurrence: int = 1

    def __str__(self) -> str:
        return f"{self.kind} at {self.method} {self.occurrence}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Something done to the world when a request arrives, or when the node has answered it and nobody knows yet."""

    kind: str
    method: str
    occurrence: int
    run: Callable[[], None]
    after: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Struck:
    """A fault or effect that happened: ``reached`` is how often the node got the request."""

    kind: str
    method: str
    occurrence: int
    reached: int = 0
    told: str = ""


@dataclass(slots=True)
class Exchange:
    """One request on its way through the proxy."""

    request: Request
    forward: Callable[[Request], bytes]
    earlier: Sequence[tuple[Request, bytes]]
    reached: int = 0

    def node(self) -> bytes:
        """Hand the request to the node and return its answer."""
        self.reached += 1
        return self.forward(self.request)

    def reply(self, **members: Any) -> bytes:
        """Return an answer to this request."""
        return json.dumps({"jsonrpc": "2.0", "id": self.request["id"], **members}).encode()

    def result(self) -> Any:
        """Return the result that the node gives."""
        return json.loads(self.node()).get("result")

    def another(self, *, of_method: str | None = None) -> Any:
        """Return the result of an earlier request, the newest that differs in what was asked."""
        for request, answer in reversed(self.earlier):
            same_method = of_method is None or request["method"] == of_method
            if same_method and _asked(request) != _asked(self.request):
                result = json.loads(answer).get("result")
                if result is not None:
                    return result
        return None


class Dropped(Exception):
    """The connection is to be closed without an answer."""


class Silent(Exception):
    """The request is never to be answered; the connection stays open until the client gives up."""


def _asked(request: Request) -> tuple[str, str]:
    return request["method"], json.dumps(request.get("params", []))


def _times_out(exchange: Exchange) -> bytes:
    raise Silent


def _times_out_after(exchange: Exchange) -> bytes:
    exchange.node()
    raise Silent


def _drops(exchange: Exchange) -> bytes:
    raise Dropped


def _drops_after(exchange: Exchange) -> bytes:
    exchange.node()
    raise Dropped


def _late(exchange: Exchange) -> bytes:
    answer = exchange.node()
    time.sleep(LATE_SECONDS)
    return answer


def _delivered_late(exchange: Exchange) -> bytes:
    """The client is told nothing in time, and the node gets the request when the client has long asked again."""

    def deliver() -> None:
        time.sleep(LATE_SECONDS)
        with contextlib.suppress(OSError, http.client.HTTPException):
            exchange.node()

    threading.Thread(target=deliver, daemon=True).start()
    raise Dropped


def _twice(exchange: Exchange) -> bytes:
    exchange.node()
    return exchange.node()


def _twice_first_answer(exchange: Exchange) -> bytes:
    answer = exchange.node()
    exchange.node()
    return answer


def _another_answer(exchange: Exchange) -> bytes:
    """The whole answer to an earlier question, its id included; the node got this one too."""
    own = exchange.node()
    return exchange.earlier[-1][1] if exchange.earlier else own


def _another_result(exchange: Exchange) -> bytes:
    exchange.node()
    return exchange.reply(result=exchange.another())


def _foreign(exchange: Exchange) -> bytes:
    """The result of an earlier request of the same method: another transaction's receipt, another block."""
    own = exchange.result()
    found = exchange.another(of_method=exchange.request["method"])
    return exchange.reply(result=own if found is None else found)


def _stale(exchange: Exchange) -> bytes:
    """What the node answered to the first request of this method: a block or count that is long past."""
    own = exchange.result()
    for request, answer in exchange.earlier:
        if request["method"] == exchange.request["method"]:
            return exchange.reply(result=json.loads(answer).get("result"))
    return exchange.reply(result=own)


def _wrong_id(exchange: Exchange) -> bytes:
    answer = json.loads(exchange.node())
    return json.dumps({**answer, "id": 10**9}).encode()


def _wrong_chain(exchange: Exchange) -> bytes:
    exchange.node()
    return exchange.reply(result="0x1")


def _wrong_hash(exchange: Exchange) -> bytes:
    exchange.node()
    return exchange.reply(result="0x" + "ab" * 32)


def _swallowed(exchange: Exchange) -> bytes:
    """The node never gets the request, but the client is told a result that looks right."""
    return exchange.reply(result="0x" + "cd" * 32)


def _error(code: int, message: str, *, after: bool = False) -> Callable[[Exchange], bytes]:
    def answer(exchange: Exchange) -> bytes:
        if after:
            exchange.node()
        return exchange.reply(error={"code": code, "message": message})

    return answer


def _reply(**members: Any) -> Callable[[Exchange], bytes]:
    def answer(exchange: Exchange) -> bytes:
        exchange.node()
        return exchange.reply(**members)

    return answer


def _bytes(make: Callable[[bytes], bytes]) -> Callable[[Exchange], bytes]:
    return lambda exchange: make(exchange.node())


@dataclass(frozen=True, slots=True)
class Status:
    """An answer with an HTTP status of its own."""

    code: int
    after: bool

    def __call__(self, exchange: Exchange) -> bytes:
        if self.after:
            exchange.node()
        return b"<html><body>upstream trouble</body></html>"


KINDS: dict[str, Callable[[Exchange], bytes]] = {
    "never answered, never reached the node": _times_out,
    "never answered, though the node got it": _times_out_after,
    "connection dropped before the node": _drops,
    "connection dropped after the node": _drops_after,
    "connection dropped, delivered late": _delivered_late,
    "answered late": _late,
    "delivered twice, second answer": _twice,
    "delivered twice, first answer": _twice_first_answer,
    "another request's answer": _another_answer,
    "another request's result": _another_result,
    "result of another request of its kind": _foreign,
    "stale result": _stale,
    "wrong id": _wrong_id,
    "wrong chain id": _wrong_chain,
    "wrong hash": _wrong_hash,
    "swallowed, said to be done": _swallowed,
    "empty result": _reply(result=None),
    "no result": _reply(),
    "result of the wrong type": _reply(result={"unexpected": ["thing"]}),
    "empty body": _bytes(lambda answer: b""),
    "garbage": _bytes(lambda answer: b"\x00\xff{{{ not JSON"),
    "half an answer": _bytes(lambda answer: answer[: len(answer) // 2]),
    "a list instead of an answer": _bytes(lambda answer: b"[]"),
    "HTTP 500": Status(500, False),
    "HTTP 502 after the node": Status(502, True),
    "HTTP 429": Status(429, False),
    "internal error": _error(-32603, "internal error"),
    "internal error after the node": _error(-32603, "internal error", after=True),
    "limit exceeded": _error(-32005, "limit exceeded"),
    "said to be known already": _error(-32000, "already known"),
    "said to have a used nonce": _error(-32000, "nonce too low"),
    "said to be underpriced": _error(-32000, "replacement transaction underpriced"),
}


@dataclass(slots=True)
class Schedule:
    """What is to go wrong and what did; it outlives a proxy, as a program's day outlives its chain's process."""

    faults: Sequence[Fault] = ()
    effects: Sequence[Effect] = ()
    note: Callable[[Struck], None] = lambda struck: None
    counts: Counter[str] = field(default_factory=Counter)
    earlier: list[tuple[Request, bytes]] = field(default_factory=list)
    # From now on nobody answers at this address, for good.
    is_gone: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        unknown = {fault.kind for fault in self.faults} - KINDS.keys()
        if unknown:
            raise ValueError(f"faults {sorted(unknown)}: expected some of {sorted(KINDS)}")

    def due(self, method: str) -> tuple[Fault | None, list[Effect]]:
        """Count a request; return what is to happen to it."""
        with self.lock:
            self.counts[method] += 1
            at = (method, self.counts[method])
        fault = next((item for item in self.faults if (item.method, item.occurrence) == at), None)
        return fault, [item for item in self.effects if (item.method, item.occurrence) == at]

    def remember(self, request: Request, answer: bytes) -> None:
        """Keep an answer for those who are to be given another's."""
        with self.lock:
            self.earlier.append((request, answer))
            del self.earlier[:-400]


@dataclass(slots=True)
class Proxy:
    """A running proxy in front of ``target``."""

    target: str
    schedule: Schedule
    url: str = ""
    _over: threading.Event = field(default_factory=threading.Event)

    def answer(self, body: bytes) -> tuple[int, bytes]:
        """Return the HTTP status and the answer; raise ``Dropped`` or ``Silent`` for none."""
        request = json.loads(body)
        if self.schedule.is_gone:
            raise Dropped
        if isinstance(request, list):
            return 200, self._together(request)
        return self._alone(request)

    def _together(self, requests: Sequence[Request]) -> bytes:
        """Answer many requests that came in one, each with its own fault; what is no answer loses them all."""
        answers = [self._alone(one)[1] for one in requests]
        try:
            return json.dumps([json.loads(answer) for answer in answers]).encode()
        except ValueError:
            raise Dropped from None

    def _alone(self, request: Request) -> tuple[int, bytes]:
        fault, effects = self.schedule.due(request["method"])
        self._affect(effects, after=False)
        if self.schedule.is_gone:
            raise Dropped
        if fault is not None:
            return self._misbehave(fault, request)
        passed = self._forward(request)
        self._affect(effects, after=True)
        self.schedule.remember(request, passed)
        return 200, passed

    def _affect(self, effects: Sequence[Effect], *, after: bool) -> None:
        for effect in effects:
            if effect.after == after:
                # Noted first: the effect may be the end of this process.
                self.schedule.note(
                    Struck(
                        kind=effect.kind,
                        method=effect.method,
                        occurrence=effect.occurrence,
                        reached=int(after),
                    )
                )
                effect.run()

    def _misbehave(self, fault: Fault, request: Request) -> tuple[int, bytes]:
        behave = KINDS[fault.kind]
        exchange = Exchange(
            request=request, forward=self._forward, earlier=list(self.schedule.earlier)
        )
        told = "nothing"
        try:
            answer = behave(exchange)
            told = answer[:80].decode(errors="replace")
        finally:
            self.schedule.note(
                Struck(
                    kind=fault.kind,
                    method=fault.method,
                    occurrence=fault.occurrence,
                    reached=exchange.reached,
                    told=told,
                )
            )
        return (behave.code if isinstance(behave, Status) else 200), answer

    def _forward(self, request: Any) -> bytes:
        """Return the node's answer; raises ``OSError`` when the node is not there."""
        body = json.dumps(request).encode()
        parts = urlsplit(self.target)
        connection = http.client.HTTPConnection(parts.hostname or HOST, parts.port, timeout=60)
        try:
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            return connection.getresponse().read()
        finally:
            connection.close()

    def wait_for_the_end(self) -> None:
        """Return when the proxy closes or a client has certainly given up."""
        self._over.wait(120)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    proxy: Proxy

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            status, answer = self.proxy.answer(body)
        except (Dropped, OSError, http.client.HTTPException):
            # The node's own death looks to the client as it would without a proxy: a connection without an answer.
            self._hang_up()
            return
        except Silent:
            self.proxy.wait_for_the_end()
            self._hang_up()
            return
        with contextlib.suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            self.wfile.flush()

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: Any) -> None:
        """Say nothing: the proxy's own list is the log."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hang up."""


@contextlib.contextmanager
def proxied(target: str, schedule: Schedule) -> Iterator[Proxy]:
    """Run a proxy in front of ``target``; it ends with the block."""
    proxy = Proxy(target=target, schedule=schedule)
    handler = type("Handler", (_Handler,), {"proxy": proxy})
    with _Server((HOST, 0), handler) as server:
        proxy.url = f"http://{HOST}:{server.server_address[1]}"
        thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        thread.start()
        try:
            yield proxy
        finally:
            proxy._over.set()
            server.shutdown()
            thread.join()
