"""The community of a run: its senders, and how each member comes to trade with user.Security."""

from __future__ import annotations

from dataclasses import dataclass

from eth_account.signers.local import LocalAccount

from setm import messages
from setm.chain.deployment import Deployment
from setm.chain.keeper import Keeper
from setm.chain.sender import Connection, Sender
from setm.keystore import KeySource
from setm.simulation.keys import (
    AUTHORITY_INDEX,
    COLLECTOR_INDEX,
    OPERATOR_INDEX,
    local_account,
)
from setm.types import Kind, ParticipantId

NO_RECOVERY = "0x0000000000000000000000000000000000000000"
YEAR_SECONDS = 365 * 86_400
GAS_MONEY_WEI = 50 * 10**18
OPERATOR_ID = ParticipantId(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What is needed to make somebody a member; amounts 1e-6 EUR, energy Wh per slot."""

    name: str
    kind: Kind
    device_class: int
    zone: int
    capacity_wh: int
    venue: str
    margin: int
    guarantee: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An enrolled participant with its own key and its meter's key."""

    name: str
    kind: Kind
    participant_id: ParticipantId
    meter: int
    sender: Sender
    device: LocalAccount


@dataclass(frozen=True, slots=True, kw_only=True)
class Community:
    """The deployment and those who act on it besides the members."""

    keys: KeySource
    web3: Connection
    deployment: Deployment
    authority: LocalAccount
    operator: Sender
    collector: Sender
    keeper: Keeper


def open_community(keys: KeySource, deployment: Deployment, keeper: Keeper) -> Community:
    """Return the community of a local deployment; the collector is nobody in particular."""
    web3 = keeper.web3
    return Community(
        keys=keys,
        web3=web3,
        deployment=deployment,
        authority=local_account(AUTHORITY_INDEX),
        operator=Sender(web3, local_account(OPERATOR_INDEX), "operator", keeper),
        collector=Sender(web3, local_account(COLLECTOR_INDEX), "anyone", keeper),
        keeper=keeper,
    )


def fund_operator(community: Community, guarantee: int) -> None:
    """Let the grid operator, who joined at deployment, lock what it may have to pay (1e-6 EUR)."""
    _pay_in(community, community.operator, OPERATOR_ID, guarantee)
    settlement = community.deployment.settlement.address
    community.deployment.clearinghouse.lock(community.operator, settlement, guarantee)


def enrol(community: Community, enrolment: Enrolment) -> Member:
    """Identify, authenticate, fund and meter a member."""
    account = community.keys.account("participant", enrolment.name)
    _give_gas_money(community, account)
    sender = Sender(community.web3, account, enrolment.name, community.keeper)
    participant_id = _join(community, sender, enrolment)
    _pay_in(community, sender, participant_id, enrolment.margin + enrolment.guarantee)
    clearinghouse = community.deployment.clearinghouse
    # Who wants nothing all day has nothing to lock, and no order to cover.
    if enrolment.margin:
        clearinghouse.lock(sender, enrolment.venue, enrolment.margin)
    clearinghouse.lock(sender, community.deployment.settlement.address, enrolment.guarantee)
    device = community.keys.account("meter", enrolment.name)
    meter = _bind_meter(community, sender, participant_id, enrolment, device)
    return Member(
        name=enrolment.name,
        kind=enrolment.kind,
        participant_id=participant_id,
        meter=meter,
        sender=sender,
        device=device,
    )


def _give_gas_money(community: Community, account: LocalAccount) -> None:
    giver = community.collector
    giver.send(
        to=account.address,
        data="0x",
        action="give gas money",
        contract="",
        gas=21_000,
        value=GAS_MONEY_WEI,
    )


def _join(community: Community, sender: Sender, enrolment: Enrolment) -> ParticipantId:
    registry = community.deployment.registry
    now = community.keeper.now()
    salt = community.keys.secret("identity", enrolment.name)
    credential = messages.credential(
        registry.domain,
        account=sender.address,
        kind=enrolment.kind,
        device_class=enrolment.device_class,
        zone=enrolment.zone,
        commitment=messages.identity_commitment(enrolment.name, salt),
        valid_until=now + YEAR_SECONDS,
    )
    signature = credential.sign(community.authority)
    authority = str(community.authority.address)
    return ParticipantId(
        registry.join(
            sender, credential, authority, signature, recovery=NO_RECOVERY, deadline=now + 3600
        )
    )


def _pay_in(
    community: Community, sender: Sender, participant_id: ParticipantId, amount: int
) -> None:
    token, clearinghouse = community.deployment.token, community.deployment.clearinghouse
    token.mint(sender, amount)
    token.approve(sender, clearinghouse.address, amount)
    clearinghouse.deposit(sender, participant_id, amount)


def _bind_meter(
    community: Community,
    sender: Sender,
    participant_id: ParticipantId,
    enrolment: Enrolment,
    device: LocalAccount,
) -> int:
    meters = community.deployment.meters
    binding = messages.binding(
        meters.domain,
        meter_id=community.keys.secret("meter serial", enrolment.name),
        participant_id=participant_id,
        device_key=str(device.address),
        capacity_wh=enrolment.capacity_wh,
        valid_until_slot=2**32 - 1,
    )
    signature = binding.sign(community.authority)
    return meters.bind(sender, binding, str(community.authority.address), signature)
