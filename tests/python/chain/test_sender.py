"""One key, one writer: nonces, refusals in words, and what happens when the chain stays silent."""

from __future__ import annotations

import socket

import pytest
from web3.types import RPCEndpoint

from setm.chain.connection import PatientProvider
from setm.chain.contracts import Clearinghouse, Registry, Token
from setm.chain.journal import Journal
from setm.chain.keeper import Keeper
from setm.chain.sender import Patience, Sender, connect, revert_data
from setm.errors import AnswerLost, ChainUnreachable, Reverted, TransactionLost
from setm.simulation.keys import derived_account, local_account
from tests.python.chain.deploying import deploy

DAY = 86_400
ETHER = 10**18


@pytest.fixture(scope="module")
def contracts(web3):
    deployer = local_account(0)
    token = deploy(web3, deployer, "TestEuro")
    registry = deploy(
        web3, deployer, "ParticipantRegistry", deployer.address, 900, DAY, 2 * DAY, []
    )
    house = deploy(web3, deployer, "Clearinghouse", token, registry, DAY)
    return Token(web3, token), Registry(web3, registry), Clearinghouse(web3, house)


@pytest.fixture
def keeper(web3):
    return Keeper(web3, Journal())


@pytest.fixture
def sender(web3, keeper):
    return Sender(web3, local_account(3), "alice", keeper)


def nonce_of(web3, sender):
    return web3.eth.get_transaction_count(sender.address)


def test_each_transaction_takes_the_next_nonce(web3, contracts, sender):
    token = contracts[0]
    first = nonce_of(web3, sender)
    for amount in (1, 2, 3):
        token.mint(sender, amount)
    assert nonce_of(web3, sender) == first + 3


def test_a_refused_transaction_takes_a_nonce_too(web3, contracts, sender):
    token, _, house = contracts
    first = nonce_of(web3, sender)
    with pytest.raises(Reverted):
        house.withdraw(sender, 1)
    token.mint(sender, 1)
    assert nonce_of(web3, sender) == first + 2


def test_a_second_sender_of_the_key_begins_where_the_first_ended(web3, contracts, sender):
    token = contracts[0]
    token.mint(sender, 1)
    token.mint(Sender(web3, local_account(3), "alice again"), 1)


def test_a_refusal_names_the_error_its_arguments_and_the_page(contracts, sender):
    house = contracts[2]
    with pytest.raises(Reverted) as refused:
        house.withdraw(sender, 1)
    assert refused.value.name == "NotSecured"
    assert refused.value.arguments["key"].lower() == sender.address.lower()
    assert refused.value.action == "withdraw of alice"
    assert str(refused.value).startswith("withdraw of alice was refused: NotSecured(key=0x")
    assert str(refused.value).endswith("see docs/errors.md#notsecured")


def test_a_refusal_by_a_library_is_named_too(contracts, sender):
    token = contracts[0]
    data = token._contract.encode_abi("transfer", args=[token.address, 10**30])
    with pytest.raises(Reverted) as refused:
        sender.send(to=token.address, data=data, action="transfer", contract="token", gas=100_000)
    assert refused.value.name == "ERC20InsufficientBalance"
    assert refused.value.arguments["needed"] == 10**30


def test_what_runs_out_of_gas_is_refused_without_a_reason(contracts, sender):
    token = contracts[0]
    data = token._contract.encode_abi("mint", args=[sender.address, 1])
    with pytest.raises(Reverted) as refused:
        sender.send(to=token.address, data=data, action="mint", contract="token", gas=24_000)
    assert (refused.value.name, refused.value.arguments) == ("Reverted", {})


def test_every_transaction_is_journaled_the_refused_as_well(contracts, sender, keeper):
    token, _, house = contracts
    token.mint(sender, 5)
    with pytest.raises(Reverted):
        house.withdraw(sender, 1)
    done, refused = keeper.journal.history()
    assert (done.participant, done.action, done.contract, done.ok) == (
        "alice",
        "mint",
        "token",
        True,
    )
    assert (refused.action, refused.contract, refused.ok) == ("withdraw", "clearinghouse", False)
    assert done.gas_used > 21_000
    assert refused.block == done.block + 1
    assert refused.timestamp > done.timestamp


def test_the_same_signed_bytes_handed_in_twice_are_one_transaction(
    web3, contracts, sender, monkeypatch
):
    """The node's answer is lost after it has taken the transaction, so that the same bytes are sent again."""
    token = contracts[0]
    before, first = int(token.ask("balanceOf", sender.address)), nonce_of(web3, sender)
    ask, handed_in = web3.provider.make_request, []

    def lose_each_answer(method, params):
        answer = ask(method, params)
        if method == "eth_sendRawTransaction":
            handed_in.append(params)
            raise AnswerLost("answer lost")
        return answer

    monkeypatch.setattr(web3.provider, "make_request", lose_each_answer)
    token.mint(sender, 7)
    assert len(handed_in) == 1
    monkeypatch.undo()
    assert "error" in ask("eth_sendRawTransaction", handed_in[0])
    assert int(token.ask("balanceOf", sender.address)) == before + 7
    assert nonce_of(web3, sender) == first + 1


def test_money_can_be_sent_to_a_new_key(web3, sender):
    stranger = derived_account(1, "test", web3.provider.endpoint_uri)
    sender.send(to=stranger.address, data="0x", action="give", contract="", gas=21_000, value=ETHER)
    assert web3.eth.get_balance(stranger.address) == ETHER


def test_a_view_that_reverts_has_data_to_decode(web3, contracts, sender):
    registry = contracts[1]
    data = registry._contract.encode_abi("ownerOf", args=[sender.address])
    call = {"to": registry.address, "data": data}
    assert len(revert_data(web3, call, "latest")) == 4 + 32
    counted = {"to": registry.address, "data": registry._contract.encode_abi("participantCount")}
    assert revert_data(web3, counted, "latest") == b""


def test_a_transaction_in_no_block_is_lost_and_says_so(web3, node, contracts, monkeypatch):
    token = contracts[0]
    hasty = Patience(block=0.3, stuck=10)
    lonely = Sender(web3, local_account(4), "bob", Keeper(web3, Journal(), patience=hasty))
    stop, go = {"ganache": ("miner_stop", "miner_start"), "anvil": ("evm_setAutomine",) * 2}[
        node.kind
    ]
    web3.provider.make_request(RPCEndpoint(stop), [] if node.kind == "ganache" else [False])
    try:
        with pytest.raises(
            TransactionLost, match=r"mint of bob: 0x[0-9a-f]{64} \(sent\) is in no block"
        ):
            token.mint(lonely, 1)
    finally:
        web3.provider.make_request(RPCEndpoint(go), [] if node.kind == "ganache" else [True])
        web3.provider.make_request(RPCEndpoint("evm_mine"), [])
    token.mint(lonely, 1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_nobody_at_the_address_is_said_clearly():
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ChainUnreachable, match=f"no chain answers at {url}: start one"):
        connect(url, patience=Patience(attempts=2, pause=0))


def test_a_node_that_falls_silent_is_asked_again_and_then_given_up():
    """It says so after as many attempts as it was told, and sends nothing."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        silent = PatientProvider(
            [url], Patience(attempts=3, pause=0, answer=0.05), 1337, lambda: True
        )
        with pytest.raises(ChainUnreachable, match="does not answer eth_blockNumber after 3 tries"):
            silent.make_request(RPCEndpoint("eth_blockNumber"), [])
