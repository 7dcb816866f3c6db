"""The proxy does what the name of each fault says; a fault that does nothing would prove nothing."""

from __future__ import annotations

import http.client
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.audit.faults.proxy import HOST, KINDS, Fault, Schedule, proxied

SECONDS = 0.15
ASKED = {"jsonrpc": "2.0", "id": 7, "method": "eth_blockNumber", "params": []}
BEFORE = {**ASKED, "id": 6, "method": "eth_chainId"}
# What the client is told that it would be told without a fault, but later or for a request that came twice.
HARMLESS = {"answered late", "delivered twice, second answer", "delivered twice, first answer"}
# How often the node gets the request, where it is not once.
REACHED = {
    "never answered, never reached the node": 0,
    "connection dropped before the node": 0,
    "delivered twice, second answer": 2,
    "delivered twice, first answer": 2,
    "swallowed, said to be done": 0,
    "HTTP 500": 0,
    "HTTP 429": 0,
    "internal error": 0,
    "limit exceeded": 0,
    "said to be known already": 0,
    "said to have a used nonce": 0,
    "said to be underpriced": 0,
}
UNANSWERED = {
    "never answered, never reached the node",
    "never answered, though the node got it",
    "connection dropped before the node",
    "connection dropped after the node",
    "connection dropped, delivered late",
}


class Node:
    """A node that counts: its n-th answer is n."""

    def __init__(self):
        self.asked = []
        node = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                node.asked.append(request["method"])
                body = {"jsonrpc": "2.0", "id": request["id"], "result": hex(len(node.asked))}
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_):
                pass

        self.server = HTTPServer((HOST, 0), Handler)
        self.url = f"http://{HOST}:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def post(url, request, seconds=5.0):
    """Return status and body, or the name of what went wrong."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=seconds)
    try:
        connection.request("POST", "/", json.dumps(request))
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__, b""
    finally:
        connection.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_does_what_its_name_says(kind):
    struck = []
    schedule = Schedule(
        faults=[Fault(kind=kind, method="eth_blockNumber", occurrence=2)], note=struck.append
    )
    with Node() as node, proxied(node.url, schedule) as proxy:
        assert post(proxy.url, BEFORE) == (200, b'{"jsonrpc": "2.0", "id": 6, "result": "0x1"}')
        honest = post(proxy.url, {**ASKED, "params": ["another"]})
        assert honest == (200, b'{"jsonrpc": "2.0", "id": 7, "result": "0x2"}')
        assert struck == []
        status, body = post(proxy.url, ASKED, SECONDS if kind.startswith("never") else 5.0)
        if kind == "connection dropped, delivered late":
            while len(node.asked) < 3:
                time.sleep(0.01)
        after = post(proxy.url, ASKED)

    assert [(item.kind, item.occurrence) for item in struck] == [(kind, 2)]
    reached = node.asked.count("eth_blockNumber") - 2
    assert reached == REACHED.get(kind, 1)
    assert after[1].endswith(b'"result": "%s"}' % hex(len(node.asked)).encode())
    if kind in UNANSWERED:
        assert status in ("TimeoutError", "RemoteDisconnected", "ConnectionResetError")
        return
    honest_now = json.dumps({"jsonrpc": "2.0", "id": 7, "result": hex(2 + max(reached, 1))})
    assert (status, body) != (200, honest_now.encode()) or kind in HARMLESS


def test_everything_passes_without_a_fault():
    schedule = Schedule(faults=[Fault(kind="garbage", method="eth_call")])
    with Node() as node, proxied(node.url, schedule) as proxy:
        answers = [post(proxy.url, {**ASKED, "id": number}) for number in range(20)]
    assert [json.loads(body)["id"] for _, body in answers] == list(range(20))
    assert len(node.asked) == 20


def test_a_lost_endpoint_answers_nobody():
    schedule = Schedule()
    with Node() as node, proxied(node.url, schedule) as proxy:
        schedule.is_gone = True
        assert post(proxy.url, ASKED)[0] in ("RemoteDisconnected", "ConnectionResetError")
    assert node.asked == []


def test_an_unknown_fault_is_refused():
    with pytest.raises(ValueError, match="expected some of"):
        Schedule(faults=[Fault(kind="sunspots", method="eth_call")])
