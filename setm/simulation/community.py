"""The community of a run: its senders, and how each member comes to trade with user.Security."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eth_account.signers.local import LocalAccount

from setm import messages
from setm.chain.deployment import Deployment
from setm.chain.keeper import Keeper
from setm.chain.sender import Call, Connection, Sender, send_all
from setm.errors import ChainError
from setm.keystore import KeySource
from setm.signatures import Digest, digest_of, expanded, private_key, sign
from setm.simulation.batches import batched
from setm.simulation.keys import (
    AUTHORITY_INDEX,
    COLLECTOR_INDEX,
    OPERATOR_INDEX,
    local_account,
)
from setm.types import Kind, ParticipantId

NO_RECOVERY = "0x0000000000000000000000000000000000000000"
YEAR_SECONDS = 365 * 86_400
LAST_SLOT = 2**32 - 1
ENROLLED_TOGETHER = 50
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
    # How many slots the meter signs at once; 0: each by itself.
    day_slots: int = 0


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
    settlement = community.deployment.settlement.address
    locking = community.deployment.clearinghouse.locking
    paying_in = _paying_in(community, community.operator, OPERATOR_ID, guarantee)
    send_all([*paying_in, locking(community.operator, settlement, guarantee)])


def enrol_all(
    community: Community,
    enrolments: Sequence[Enrolment],
    until: int,
    done: Callable[[], None] = lambda: None,
) -> list[Member]:
    """Identify, authenticate, fund and meter members, in the order in which they are to be numbered.

    Each wave is sent together: gas money, joining, and what needs the participant's number. All have joined by
    ``until`` (UTC seconds), when credentials begin to count their year.
    """
    senders = [
        Sender(
            community.web3,
            community.keys.account("participant", one.name),
            one.name,
            community.keeper,
        )
        for one in enrolments
    ]
    send_all([_gas_money(community, sender) for sender in senders])
    registry = community.deployment.registry
    signed = _authority_signature(community)
    joinings = [
        _joining(community, sender, one, signed, until)
        for sender, one in zip(senders, enrolments, strict=True)
    ]
    ids = [ParticipantId(registry.joined(receipt)) for receipt in send_all(joinings)]
    if ids != sorted(ids):
        raise ChainError(
            f"participants joined as {ids}: expected ascending numbers; start anew with --fresh"
        )
    members = []
    for part in batched(list(zip(senders, enrolments, ids, strict=True)), ENROLLED_TOGETHER):
        devices = [community.keys.account("meter", one.name) for _, one, _ in part]
        calls = [
            _entering(community, *each, device, signed)
            for each, device in zip(part, devices, strict=True)
        ]
        receipts = iter(send_all([call for own in calls for call in own]))
        for (sender, one, number), device, own in zip(part, devices, calls, strict=True):
            bound = [next(receipts) for _ in own][-1]
            members.append(
                Member(
                    name=one.name,
                    kind=one.kind,
                    participant_id=number,
                    meter=community.deployment.meters.bound(bound),
                    sender=sender,
                    device=device,
                )
            )
            done()
    return members


def _gas_money(community: Community, sender: Sender) -> Call:
    return Call(
        community.collector,
        to=sender.address,
        data="0x",
        action="give gas money",
        contract="",
        gas=21_000,
        value=GAS_MONEY_WEI,
    )


def _authority_signature(community: Community) -> Callable[[messages.Message], bytes]:
    """Return how the authority signs: the 65 bytes that ``Message.sign`` gives, a few times faster."""
    key = private_key(bytes(community.authority.key))
    digests: dict[str, Digest] = {}

    def signed(message: messages.Message) -> bytes:
        kind = message.primary_type
        if kind not in digests:
            digests[kind] = digest_of(message.domain_name, message.domain, kind, message.fields)
        return expanded(sign(key, digests[kind](*message.values.values())))

    return signed


def _joining(
    community: Community,
    sender: Sender,
    enrolment: Enrolment,
    signed: Callable[[messages.Message], bytes],
    until: int,
) -> Call:
    registry = community.deployment.registry
    salt = community.keys.secret("identity", enrolment.name)
    credential = messages.credential(
        registry.domain,
        account=sender.address,
        kind=enrolment.kind,
        device_class=enrolment.device_class,
        zone=enrolment.zone,
        commitment=messages.identity_commitment(enrolment.name, salt),
        valid_until=until + YEAR_SECONDS,
    )
    return registry.joining(
        sender,
        credential,
        str(community.authority.address),
        signed(credential),
        recovery=NO_RECOVERY,
        deadline=until,
    )


def _entering(
    community: Community,
    sender: Sender,
    enrolment: Enrolment,
    participant_id: ParticipantId,
    device: LocalAccount,
    signed: Callable[[messages.Message], bytes],
) -> list[Call]:
    """Return what a participant does that has joined; the binding of its meter last."""
    clearinghouse, meters = community.deployment.clearinghouse, community.deployment.meters
    calls = _paying_in(community, sender, participant_id, enrolment.margin + enrolment.guarantee)
    # Who wants nothing all day has nothing to lock, and no order to cover.
    if enrolment.margin:
        calls.append(clearinghouse.locking(sender, enrolment.venue, enrolment.margin))
    settlement = community.deployment.settlement.address
    calls.append(clearinghouse.locking(sender, settlement, enrolment.guarantee))
    binding = messages.binding(
        meters.domain,
        meter_id=community.keys.secret("meter serial", enrolment.name),
        participant_id=participant_id,
        device_key=str(device.address),
        capacity_wh=enrolment.capacity_wh,
        # The end of the last whole day, for a daily meter.
        valid_until_slot=LAST_SLOT - LAST_SLOT % max(1, enrolment.day_slots),
        is_daily=enrolment.day_slots > 0,
    )
    calls.append(meters.binding(sender, binding, str(community.authority.address), signed(binding)))
    return calls


def _paying_in(
    community: Community, sender: Sender, participant_id: ParticipantId, amount: int
) -> list[Call]:
    token, clearinghouse = community.deployment.token, community.deployment.clearinghouse
    return [
        token.minting(sender, amount),
        token.approving(sender, clearinghouse.address, amount),
        clearinghouse.depositing(sender, participant_id, amount),
    ]
