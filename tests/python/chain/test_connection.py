"""Nodes that are silent, late, wrong, behind or of another chain, played by small servers."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from web3 import Web3

from setm.chain.connection import PatientProvider, calls_answered
from setm.chain.sender import Patience, connect
from setm.errors import AnswerLost, ChainUnreachable

QUICK = Patience(attempts=4, pause=0.001, answer=0.2)
HASH, OTHER = "0x" + "11" * 32, "0x" + "22" * 32
DROP, LATE = object(), object()


class Node:
    """Answers each method from its list, the last for ever; an answer is a dict, bytes, ``DROP`` or ``LATE``."""

    def __init__(self, **answers):
        self.asked = []
        self.answers = {"eth_chainId": ["0x539"], "eth_blockNumber": ["0x0"], **answers}

    def answer(self, request):
        if isinstance(request, list):
            return b"[" + b",".join(map(self.answer, request)) + b"]"
        method = request["method"]
        self.asked.append(method)
        listed = self.answers[method]
        found = listed.pop(0) if len(listed) > 1 else listed[0]
        if found in (DROP, LATE) or isinstance(found, bytes):
            return found
        body = found if isinstance(found, dict) and "raw" in found else {"result": found}
        body = body.get("raw", body)
        return json.dumps({"jsonrpc": "2.0", "id": request["id"], **body}).encode()


@contextmanager
def served(node):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = node.answer(json.loads(body))
            if answer is DROP:
                self.close_connection = True
                return
            if answer is LATE:
                time.sleep(0.4)
                answer = json.dumps({"jsonrpc": "2.0", "id": 0, "result": "0xbad"}).encode()
            self.send_response(500 if answer == b"broken" else 200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(url, method, *params):
    provider = PatientProvider([url], QUICK, 1337, lambda: True)
    return provider.make_request(method, list(params))["result"]


REFUSED = {"raw": {"error": {"code": 3, "message": "execution reverted", "data": "0x"}}}
BUSY = {"raw": {"error": {"code": -32005, "message": "limit exceeded"}}}
BLOCK = {"number": "0x5", "hash": HASH, "parentHash": OTHER, "timestamp": "0x1"}
RECEIPT = {"transactionHash": HASH, "blockNumber": "0x5"}
WRONG = {
    "silence": DROP,
    "a late answer": LATE,
    "no JSON": b"<html>",
    "half an answer": b'{"jsonrpc": "2.0", "id": 0, "resu',
    "an error of the server": b"broken",
    "an answer to another request": b'{"jsonrpc": "2.0", "id": 77, "result": "0x7"}',
    "no result": {"raw": {}},
    "a passing error": {"raw": {"error": {"code": -32603, "message": "internal"}}},
    "both": {"raw": {"result": "0x7", "error": {"code": 1, "message": "?"}}},
    "a list": b"[]",
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_question_is_asked_again_after(wrong):
    node = Node(eth_getTransactionCount=[wrong, wrong, "0x5"])
    with served(node) as url:
        assert ask(url, "eth_getTransactionCount", OTHER, "latest") == "0x5"
    assert node.asked == ["eth_getTransactionCount"] * 3


@pytest.mark.parametrize(
    ("method", "params", "wrong", "right"),
    [
        ("eth_getTransactionReceipt", [HASH], {**RECEIPT, "transactionHash": OTHER}, RECEIPT),
        ("eth_getTransactionReceipt", [HASH], "0x1", RECEIPT),
        ("eth_getTransactionByHash", [HASH], {"hash": OTHER}, {"hash": HASH}),
        ("eth_getBlockByNumber", ["0x5", False], {**BLOCK, "number": "0x4"}, BLOCK),
        ("eth_getBlockByNumber", ["latest", False], None, BLOCK),
        ("eth_getTransactionCount", [OTHER, "latest"], "five", "0x5"),
        ("eth_call", [{}, "latest"], None, "0x"),
        ("eth_getCode", [OTHER, "latest"], {}, "0x60"),
        ("eth_getLogs", [{}], None, []),
    ],
)
def test_an_answer_that_is_of_something_else_is_not_believed(method, params, wrong, right):
    node = Node(**{method: [wrong, right]})
    with served(node) as url:
        assert ask(url, method, *params) == right


def test_nothing_that_acts_is_handed_in_twice():
    for method, params in (("eth_sendRawTransaction", ["0x01"]), ("evm_mine", [])):
        node = Node(**{method: [DROP]})
        with served(node) as url, pytest.raises(AnswerLost, match=r"http://127.0.0.1:\d+: "):
            ask(url, method, *params)
        assert node.asked == [method]


def test_the_hash_of_a_transaction_is_checked_against_its_bytes():
    node = Node(eth_sendRawTransaction=[HASH])
    with served(node) as url, pytest.raises(AnswerLost, match="is not one"):
        ask(url, "eth_sendRawTransaction", "0x01")


def test_an_older_newest_block_is_asked_for_again():
    older = {**BLOCK, "number": "0x3"}
    node = Node(eth_getBlockByNumber=[BLOCK, older, BLOCK])
    with served(node) as url:
        provider = PatientProvider([url], QUICK, 1337, lambda: True)
        for _ in range(2):
            answer = provider.make_request("eth_getBlockByNumber", ["latest", False])
            assert answer["result"]["number"] == "0x5"


def test_a_chain_that_became_shorter_is_believed_in_the_end():
    older = {**BLOCK, "number": "0x3"}
    node = Node(eth_getBlockByNumber=[BLOCK, older])
    with served(node) as url:
        provider = PatientProvider([url], QUICK, 1337, lambda: True)
        numbers = [
            provider.make_request("eth_getBlockByNumber", ["latest", False])["result"]["number"]
            for _ in range(2)
        ]
    assert numbers == ["0x5", "0x3"]


def test_a_chain_that_has_ended_is_not_asked_again():
    node = Node(eth_call=[DROP])
    with served(node) as url, pytest.raises(ChainUnreachable, match="has ended"):
        PatientProvider([url], QUICK, 1337, lambda: False).make_request("eth_call", [{}, "latest"])
    assert node.asked == ["eth_call"]


def test_another_endpoint_takes_over_and_the_first_is_left():
    first, second = Node(eth_call=["0x01", DROP]), Node(eth_call=["0x02"])
    with served(first) as one, served(second) as two:
        web3 = connect([one, two], patience=QUICK, chain_id=1337)
        answers = [web3.provider.make_request("eth_call", [{}, "latest"]) for _ in range(3)]
    assert [answer["result"] for answer in answers] == ["0x01", "0x02", "0x02"]


def test_an_endpoint_of_another_chain_or_behind_is_passed_over():
    block = {**BLOCK, "number": "0x64"}
    first = Node(eth_getBlockByNumber=[block, DROP])
    wrong = Node(eth_chainId=["0x1"], eth_getBlockByNumber=[BLOCK])
    behind = Node(eth_blockNumber=["0x10"], eth_getBlockByNumber=[BLOCK])
    right = Node(eth_blockNumber=["0x63"], eth_getBlockByNumber=[block])
    with served(first) as a, served(wrong) as b, served(behind) as c, served(right) as d:
        web3 = connect([a, b, c, d], patience=QUICK, chain_id=1337)
        for _ in range(2):
            answer = web3.provider.make_request("eth_getBlockByNumber", ["latest", False])
            assert answer["result"]["number"] == "0x64"
        assert web3.provider.endpoint_uri == d
    assert "eth_getBlockByNumber" not in wrong.asked + behind.asked


def test_a_block_that_is_not_made_yet_makes_nobody_look_behind():
    pending = {**BLOCK, "number": "0x11"}
    first = Node(eth_getBlockByNumber=[pending], eth_blockNumber=["0x10"])
    second = Node(eth_blockNumber=["0x10"])
    with served(first) as one, served(second) as two:
        web3 = connect([one, two], patience=QUICK, chain_id=1337)
        web3.provider.make_request("eth_getBlockByNumber", ["pending", False])
        answer = web3.provider.make_request("eth_blockNumber", [])
        assert answer["result"] == "0x10"
    assert second.asked == []


def test_the_wrong_chain_is_refused_by_its_id():
    with (
        served(Node(eth_chainId=["0x1"])) as url,
        pytest.raises(ChainUnreachable, match=f"no chain with id 1337 answers at {url}"),
    ):
        connect(url, patience=QUICK, chain_id=1337)


def test_a_chain_id_counts_when_it_is_said_twice():
    node = Node(eth_chainId=["0x7", "0x539", DROP, "0x539"])
    with served(node) as url:
        assert connect(url, patience=QUICK).eth.chain_id == 1337


def test_patience_grows_and_has_an_end():
    assert Patience(attempts=5, pause=1, longest_pause=3).pauses() == [1, 2, 3, 3]
    assert Patience(attempts=1).pauses() == []


def test_one_of_many_calls_that_a_node_is_too_busy_for_is_asked_again_and_not_taken_for_refused():
    node = Node(eth_call=["0x01", BUSY, REFUSED, BUSY, "0x02"])
    with served(node) as url:
        web3 = Web3(PatientProvider([url], QUICK, 1337, lambda: True))
        calls = [[{"to": OTHER[:42], "data": "0x"}, "latest"] for _ in range(3)]
        assert calls_answered(web3, calls) == ["0x01", "0x02", None]
