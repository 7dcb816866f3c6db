"""The EIP-712 messages of SETM and how they are signed (uA, user authentication).

Each function returns a ``Message``: the typed data of one contract's domain. ``sign`` gives the 65-byte signature,
``sign_compact`` the two words of ERC-2098 that meters use, ``digest`` the 32 bytes that are signed.
Source: EIP-712 (typed structured data), ERC-2098 (compact signatures).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_account import Account
from eth_account.messages import SignableMessage, _hash_eip191_message, encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from setm.errors import NotSecured
from setm.types import Kind, Reading, Side, Terms

Fields = tuple[tuple[str, str], ...]

CREDENTIAL: Fields = (
    ("address", "account"),
    ("uint8", "kind"),
    ("uint16", "deviceClass"),
    ("uint32", "zone"),
    ("bytes32", "identityCommitment"),
    ("uint64", "validUntil"),
    ("uint32", "serial"),
)
JOIN: Fields = (("bytes32", "credentialHash"), ("address", "recovery"), ("uint256", "deadline"))
ROTATE: Fields = (("uint32", "participantId"), ("address", "account"), ("uint256", "deadline"))
BINDING: Fields = (
    ("bytes32", "meterId"),
    ("uint32", "participantId"),
    ("address", "deviceKey"),
    ("uint32", "capacityWh"),
    ("uint32", "validUntilSlot"),
    ("bool", "isDaily"),
)
READING: Fields = (
    ("uint32", "meter"),
    ("uint32", "slot"),
    ("uint32", "importWh"),
    ("uint32", "exportWh"),
)
COMMIT: Fields = (
    ("uint32", "slot"),
    ("uint8", "side"),
    ("uint48", "bound"),
    ("bytes32", "digest"),
    ("uint256", "nonce"),
    ("uint256", "deadline"),
)
PLACE_ORDER: Fields = (
    ("uint32", "slot"),
    ("uint8", "side"),
    ("uint16", "tick"),
    ("uint32", "energyWh"),
    ("uint256", "nonce"),
    ("uint256", "deadline"),
)
ANNOUNCE: Fields = (
    ("uint32", "slot"),
    ("uint8", "side"),
    ("uint32", "energyWh"),
    ("uint256", "nonce"),
    ("uint256", "deadline"),
)
TAKE: Fields = (
    ("uint32", "slot"),
    ("uint8", "side"),
    ("uint32", "energyWh"),
    ("uint32", "price"),
    ("uint256", "nonce"),
    ("uint256", "deadline"),
)
AGREEMENT: Fields = (
    ("uint32", "buyerId"),
    ("uint32", "sellerId"),
    ("uint32", "firstSlot"),
    ("uint16", "slotCount"),
    ("uint32", "energyWh"),
    ("uint32", "price"),
    ("uint256", "salt"),
    ("uint256", "deadline"),
)

BROADCAST: Fields = (("bytes", "envelope"), ("uint256", "nonce"), ("uint256", "deadline"))
CASH_IN: Fields = (
    ("uint32", "participantId"),
    ("uint256", "amount"),
    ("uint256", "nonce"),
    ("uint256", "deadline"),
)
ANONYMOUS_AGREEMENT: Fields = (
    ("uint32", "slot"),
    ("uint32", "energyWh"),
    ("uint32", "price"),
    ("address", "buyer"),
    ("address", "seller"),
    ("uint32", "arbiterId"),
    ("uint256", "salt"),
    ("uint256", "deadline"),
)
CLAIM: Fields = (("bytes32", "agreementId"), ("uint32", "participantId"))
DECISION: Fields = (("bytes32", "agreementId"), ("uint8", "outcome"))

# Half the order of secp256k1 (EIP-2): of the two signatures that verify, only the one with the lower s counts.
HALF_CURVE_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0

REGISTRY_DOMAIN = "SETM ParticipantRegistry"
METER_DOMAIN = "SETM MeterRegistry"
AUCTION_DOMAIN = "SETM Auction"
NEGOTIATION_DOMAIN = "SETM Negotiation"
TARIFF_DOMAIN = "SETM Tariff"
CONDITIONAL_DOMAIN = "SETM ConditionalMarket"
ANONYMOUS_DOMAIN = "SETM AnonymousNegotiation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """Where a message counts: nowhere but in one contract on one chain."""

    chain_id: int
    contract: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One typed message; ``fields`` in the order of the contract's type string."""

    domain_name: str
    domain: Domain
    primary_type: str
    fields: Fields
    values: Mapping[str, Any]

    def signable(self) -> SignableMessage:
        """Return what eth-account signs."""
        return encode_typed_data(
            domain_data={
                "name": self.domain_name,
                "version": "1",
                "chainId": self.domain.chain_id,
                "verifyingContract": self.domain.contract,
            },
            message_types={
                self.primary_type: [{"type": kind, "name": name} for kind, name in self.fields]
            },
            message_data=dict(self.values),
        )

    def digest(self) -> bytes:
        """Return the 32 bytes that are signed."""
        return bytes(_hash_eip191_message(self.signable()))

    def struct_hash(self) -> bytes:
        """Return EIP-712's hashStruct of the message alone, without its domain."""
        return bytes(self.signable().body)

    def sign(self, account: LocalAccount) -> bytes:
        """Return the 65-byte signature r, s, v."""
        return bytes(account.sign_message(self.signable()).signature)

    def sign_compact(self, account: LocalAccount) -> tuple[bytes, bytes]:
        """Return the compact signature r, vs (ERC-2098)."""
        signed = account.sign_message(self.signable())
        vs = (signed.v - 27) << 255 | signed.s
        return signed.r.to_bytes(32, "big"), vs.to_bytes(32, "big")

    def signer(self, signature: bytes) -> str:
        """Return the address whose key made a 65-byte signature; refuse forms that the contracts refuse.

        eth-account takes a signature with a high s for good, although anyone can make one out of the real one.
        """
        if len(signature) != 65:
            raise NotSecured(
                f"signature of {len(signature)} bytes: expected 65 (r, s, v); sign again"
            )
        if int.from_bytes(signature[32:64], "big") > HALF_CURVE_ORDER:
            raise NotSecured("signature with a high s: expected the lower of the two; sign again")
        if signature[64] not in (27, 28):
            raise NotSecured(f"signature with v {signature[64]}: expected 27 or 28; sign again")
        return str(Account.recover_message(self.signable(), signature=signature))


def identity_commitment(identity: str, salt: bytes) -> bytes:
    """Return the commitment that stands on chain for an identity; without the 32-byte salt it cannot be guessed."""
    if len(salt) != 32:
        raise ValueError(f"salt of {len(salt)} bytes: expected 32")
    return bytes(keccak(salt + identity.encode()))


def credential(
    domain: Domain,
    *,
    account: str,
    kind: Kind,
    device_class: int,
    zone: int,
    commitment: bytes,
    valid_until: int,
    serial: int = 1,
) -> Message:
    """Return uI: what an authority signs about a participant."""
    values = (account, int(kind), device_class, zone, commitment, valid_until, serial)
    return _message(REGISTRY_DOMAIN, domain, "Credential", CREDENTIAL, values)


def join(domain: Domain, *, credential_hash: bytes, recovery: str, deadline: int) -> Message:
    """Return uA at joining: what the account signs about its credential."""
    return _message(REGISTRY_DOMAIN, domain, "Join", JOIN, (credential_hash, recovery, deadline))


def rotate(domain: Domain, *, participant_id: int, account: str, deadline: int) -> Message:
    """Return what a new owner key signs to take over a participant."""
    values = (participant_id, account, deadline)
    return _message(REGISTRY_DOMAIN, domain, "Rotate", ROTATE, values)


def binding(
    domain: Domain,
    *,
    meter_id: bytes,
    participant_id: int,
    device_key: str,
    capacity_wh: int,
    valid_until_slot: int,
    is_daily: bool = False,
) -> Message:
    """Return what an authority signs about a meter; a daily one ends with a day."""
    values = (meter_id, participant_id, device_key, capacity_wh, valid_until_slot, is_daily)
    return _message(METER_DOMAIN, domain, "Binding", BINDING, values)


def reading(domain: Domain, measured: Reading) -> Message:
    """Return what a meter signs about one slot."""
    values = (measured.meter, measured.slot, measured.import_wh, measured.export_wh)
    return _message(METER_DOMAIN, domain, "Reading", READING, values)


def commit(
    domain: Domain,
    *,
    slot: int,
    side: Side,
    bound: int,
    digest: bytes,
    nonce: int,
    deadline: int,
) -> Message:
    """Return what a key signs to have a sealed order entered by somebody else."""
    values = (slot, int(side), bound, digest, nonce, deadline)
    return _message(AUCTION_DOMAIN, domain, "Commit", COMMIT, values)


def place_order(
    domain: Domain,
    *,
    slot: int,
    side: Side,
    tick: int,
    energy_wh: int,
    nonce: int,
    deadline: int,
) -> Message:
    """Return what a key signs to have an open order entered by somebody else."""
    values = (slot, int(side), tick, energy_wh, nonce, deadline)
    return _message(AUCTION_DOMAIN, domain, "PlaceOrder", PLACE_ORDER, values)


def announce(
    domain: Domain, *, slot: int, side: Side, energy_wh: int, nonce: int, deadline: int
) -> Message:
    """Return what a key signs to have an announcement to a tariff entered by somebody else."""
    values = (slot, int(side), energy_wh, nonce, deadline)
    return _message(TARIFF_DOMAIN, domain, "Announce", ANNOUNCE, values)


def take(
    domain: Domain,
    *,
    slot: int,
    side: Side,
    energy_wh: int,
    price: int,
    nonce: int,
    deadline: int,
) -> Message:
    """Return what a key signs to have somebody else take a tariff's posted price for it."""
    values = (slot, int(side), energy_wh, price, nonce, deadline)
    return _message(TARIFF_DOMAIN, domain, "Take", TAKE, values)


def agreement(
    domain: Domain, *, buyer_id: int, seller_id: int, terms: Terms, salt: int, deadline: int
) -> Message:
    """Return what both sides sign about an agreement made off chain."""
    values = (
        buyer_id,
        seller_id,
        terms.first_slot,
        terms.slot_count,
        terms.energy_wh,
        terms.price,
        salt,
        deadline,
    )
    return _message(NEGOTIATION_DOMAIN, domain, "Agreement", AGREEMENT, values)


def _message(
    domain_name: str, domain: Domain, primary_type: str, fields: Fields, values: tuple[Any, ...]
) -> Message:
    names = (name for _, name in fields)
    return Message(
        domain_name=domain_name,
        domain=domain,
        primary_type=primary_type,
        fields=fields,
        values=dict(zip(names, values, strict=True)),
    )
