"""One deployment of the whole system with everybody in it, and the translation between names and what a chain knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from eth_account import Account
from eth_utils.crypto import keccak

from setm.evm.compiler import artifact
from setm.orders import digest as sealed
from setm.types import Order, Side
from tests.audit.machine import minting, signing
from tests.audit.machine.encoding import encode
from tests.audit.machine.signing import ANONYMOUS_AGREEMENT
from tests.audit.machine.steps import NOBODY, Minted, Seal, Seen, Sig, Signed, Step

# Windows so short that a whole slot, from order to guarantee, passes within some dozen steps.
CONFIG: dict[str, Any] = {
    "slot_seconds": 900,
    "governance_delay": 86_400,
    "recovery_delay": 3_600,
    "metering": {"reading_window": 1_800, "dispute_window": 900, "resolve_window": 1_200},
    "settlement": {
        "retail_price": 55_500,
        "feed_in_price": 30_000,
        "fraud_penalty": 50_000,
        "release_delay": 90_300,
    },
    "auction": {
        "floor_price": 30_000,
        "tick_size": 1_501,
        "tick_count": 16,
        "is_sealed": True,
        "gate_lead": 1_800,
        "reveal_window": 600,
        "clear_window": 900,
        "horizon_seconds": 7_200,
        "bond": 2_001,
        "cover_price": 55_500,
        "max_order_wh": 2_000,
    },
    "open_auction": {
        "floor_price": 0,
        "tick_size": 5_001,
        "tick_count": 12,
        "is_sealed": False,
        "gate_lead": 1_200,
        "reveal_window": 0,
        "clear_window": 900,
        "horizon_seconds": 7_200,
        "bond": 0,
        "cover_price": 50_000,
        "max_order_wh": 2_000,
    },
    "negotiation": {
        "gate_lead": 900,
        "horizon_seconds": 9_000,
        "floor_price": 20_000,
        "cap_price": 60_000,
        "cover_price": 55_500,
        "max_energy_wh": 3_000,
    },
    "tariff": {
        "feed_in_price": 30_000,
        "retail_price": 55_500,
        "announce_lead": 2_700,
        "gate_lead": 1_500,
        "horizon_seconds": 7_200,
        "cover_price": 55_500,
        "max_energy_wh": 2_000,
    },
    "conditional": {
        "gate_lead": 900,
        "horizon_seconds": 7_200,
        "floor_price": 20_000,
        "cap_price": 60_000,
        "cover_price": 55_500,
        "max_energy_wh": 3_000,
        "tag_price": 10_000,
    },
    "anonymous": {
        "gate_lead": 1_200,
        "horizon_seconds": 9_000,
        "decision_seconds": 1_200,
        "floor_price": 20_000,
        "cap_price": 60_000,
        "cover_price": 55_500,
        "max_energy_wh": 3_000,
        "denomination": 60_000,
    },
    "notes": {"issue_seconds": 1_200},
}

OPERATOR_ID = 1
AUCTIONS = ("auction", "open_auction")
# The first is settlement, then those with margins, then those that a hostile governance may add.
VENUES = (
    "settlement",
    *AUCTIONS,
    "negotiation",
    "tariff",
    "conditional",
    "anonymous",
    "liar",
    "brick",
)
TRADING = 6
CONTRACTS = {
    "token": "TestEuro",
    "registry": "ParticipantRegistry",
    "house": "Clearinghouse",
    "meters": "MeterRegistry",
    "settlement": "Settlement",
    "rule": "UniformPriceRule",
    "open_rule": "PayAsBidRule",
    "auction": "Auction",
    "open_auction": "Auction",
    "negotiation": "Negotiation",
    "tariff": "Tariff",
    "tags": "EnergyTag",
    "conditional": "ConditionalMarket",
    "notes": "NoteBook",
    "anonymous": "AnonymousNegotiation",
    "lens": "AuditLens",
    "tag_lens": "AuditTagLens",
    "anonymous_lens": "AuditAnonymousLens",
    "liar": "SettlementVenue",
    "brick": "ClearingVenue",
}
MEMBERS = ("alice", "bob", "carol", "dave", "erin")
NEWCOMERS = ("frank", "grace")
SPARE_KEYS = tuple(f"key {n}" for n in range(10))
OFFICES = ("governance", "authority", "notary", "usurper")
OUTSIDERS = ("mallory", "stranger")
DEVICES = tuple(f"device {n}" for n in range(24))
# One-time accounts, which belong to nobody that the registry knows.
MASKS = tuple(f"mask {n}" for n in range(6))
ACCOUNTS = ("operator", *MEMBERS, *NEWCOMERS, *SPARE_KEYS, *OFFICES, *OUTSIDERS, *DEVICES, *MASKS)
# Most participants that a run can have: the lens reads so many.
PEOPLE = 1 + len(MEMBERS) + len(NEWCOMERS)

Deploy = Callable[..., str]


def secret_of(name: str) -> bytes:
    """Return the private key that always goes by this name."""
    return bytes(keccak(text=f"setm tests {name}"))


class World:
    """Names and addresses of one deployment."""

    def __init__(self, chain_id: int) -> None:
        self.chain_id = chain_id
        # Two messages hold what only the state knows; whoever keeps the state says it.
        self.speaks_for: Callable[[str], int] = lambda key: 0
        self.permit_nonce: Callable[[str], int] = lambda key: 0
        self._addresses = {name: Account.from_key(secret_of(name)).address for name in ACCOUNTS}
        self._addresses[NOBODY] = NOBODY
        self._names = {address: name for name, address in self._addresses.items()}
        self.entries = {
            role: {
                entry["name"]: entry
                for entry in artifact(contract)["abi"]
                if entry["type"] == "function"
            }
            for role, contract in CONTRACTS.items()
        }

    def put(self, role: str, address: str) -> None:
        """Note where a contract is."""
        self._addresses[role] = address
        self._names[address] = role

    def address(self, name: str) -> str:
        """Return the address of an account or contract; one that is an address already stays."""
        return self._addresses.get(name, name)

    def name(self, address: str) -> str:
        """Return the name of an address, or the address."""
        return self._names.get(address, address)

    @cached_property
    def _selectors(self) -> dict[tuple[str, str], bytes]:
        found = {}
        for role, entries in self.entries.items():
            for name, entry in entries.items():
                listed = ",".join(_type_of(part) for part in entry["inputs"])
                found[role, name] = bytes(keccak(text=f"{name}({listed})")[:4])
        return found

    # Steps as calldata

    def calldata(self, step: Step) -> bytes:
        """Return what the step sends."""
        inputs = self.entries[step.contract][step.function]["inputs"]

        def resolve(entry: Mapping[str, Any], value: Any) -> Any:
            return self._resolved(step, entry, value)

        body = encode(inputs, step.args, resolve)
        return self._selectors[step.contract, step.function] + body

    def _resolved(self, step: Step, entry: Mapping[str, Any], value: Any) -> Any:
        if isinstance(value, Signed):
            signed = self.reading_digest(value.word)
            r, vs = self._compact(value.sig, signed)
            return value.word, r, vs
        if isinstance(value, Sig):
            own = self.own_digest(step, entry["name"])
            signed = own if value.of == "own" else bytes.fromhex(value.of)
            found = signing.sign(secret_of(value.signer), signed, value.form)
            if entry["type"] == "bytes":
                return found
            parts = {"v": found[64:65] or b"\0", "r": found[:32], "s": found[32:64]}
            part = parts[entry["name"]]
            return part[0] if entry["name"] == "v" else part
        if isinstance(value, Minted):
            return minting.resolved(self, value)
        if isinstance(value, Seal):
            return self.seal(step.contract, value)
        if entry["type"] == "bytes" and isinstance(value, int):
            return bytes(value)
        if entry["type"] == "address":
            return self.address(value)
        if isinstance(value, str):
            return bytes.fromhex(value.removeprefix("0x"))
        return value

    def data_of(self, step: Step, value: Any) -> bytes:
        """Return the bytes that stand for an argument."""
        return bytes(self._resolved(step, {"type": "bytes", "name": "signature"}, value))

    def _compact(self, sig: Sig, own: bytes) -> tuple[bytes, bytes]:
        signed = own if sig.of == "own" else bytes.fromhex(sig.of)
        return signing.sign_compact(secret_of(sig.signer), signed, sig.form)

    def seal(self, venue: str, seal: Seal) -> bytes:
        """Return the digest of a sealed order."""
        order = Order(
            participant_id=seal.participant_id,  # type: ignore[arg-type]
            slot=seal.slot,  # type: ignore[arg-type]
            side=Side(seal.side),
            tick=seal.tick,
            energy_wh=seal.energy_wh,  # type: ignore[arg-type]
        )
        return sealed(self.chain_id, self.address(venue), order, seal.salt)

    # What is signed

    def message_digest(self, kind: str, contract: str, values: tuple[Any, ...]) -> bytes:
        """Return the 32 bytes of a message, addresses given by name."""
        plain = [self.address(value) if isinstance(value, str) else value for value in values]
        return signing.digest(kind, plain, self.chain_id, self.address(contract))

    def reading_digest(self, word: int) -> bytes:
        """Return what a meter signs."""
        values = tuple(word >> shift & 0xFFFFFFFF for shift in (96, 64, 32, 0))
        return self.message_digest("Reading", "meters", values)

    def own_digest(self, step: Step, parameter: str = "signature") -> bytes:
        """Return what the signature named so of this very call is over."""
        found = OWN.get((step.function, parameter if step.function == "join" else ""))
        if found is None:
            return bytes(32)
        kind, values = found(self, step)
        return self.message_digest(kind, step.contract if kind != "Permit" else "token", values)

    def credential_hash(self, credential: tuple[Any, ...]) -> bytes:
        """Return the hash of a credential, which its account consents to."""
        return signing.struct_hash(
            "Credential", (self.address(credential[0]), *_raw(credential[1:]))
        )

    def is_good(self, step: Step, sig: Any, signer: str, parameter: str = "signature") -> bool:
        """Return whether a signature counts in its call as the signer's."""
        if not isinstance(sig, Sig) or sig.form != "good" or sig.signer != signer:
            return False
        if signer in CONTRACTS:
            # A contract has no key, even if somebody made its address a session key.
            return False
        return sig.of == "own" or bytes.fromhex(sig.of) == self.own_digest(step, parameter)

    # What comes back

    def said(self, error: str, arguments: Mapping[str, Any]) -> str:
        """Return a refusal as the references write it, addresses by name."""
        listed = ", ".join(f"{key}={self.plain(value)}" for key, value in arguments.items())
        return f"{error}({listed})"

    def plain(self, value: Any) -> Any:
        """Return a decoded value with names for addresses and hex for bytes."""
        if isinstance(value, bytes):
            return "0x" + value.hex()
        if isinstance(value, str):
            return self.name(value)
        return value

    def seen(self, address: str, name: str, args: Mapping[str, Any]) -> Seen:
        """Return an event with names."""
        plain = {
            key: self.name(value) if isinstance(value, str) else value
            for key, value in args.items()
        }
        return Seen(self.name(address), name, plain)


def _type_of(entry: Mapping[str, Any]) -> str:
    kind = str(entry["type"])
    if not kind.startswith("tuple"):
        return kind
    inner = ",".join(_type_of(part) for part in entry["components"])
    return f"({inner}){kind.removeprefix('tuple')}"


def _raw(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Words given as hex become bytes; addresses were resolved before."""
    return tuple(bytes.fromhex(v[2:]) if isinstance(v, str) else v for v in values)


def _credential(world: World, step: Step) -> tuple[str, tuple[Any, ...]]:
    credential = step.args[0]
    return "Credential", (credential[0], *_raw(credential[1:]))


def _join(world: World, step: Step) -> tuple[str, tuple[Any, ...]]:
    credential, _, _, recovery, deadline, _ = step.args
    return "Join", (world.credential_hash(credential), recovery, deadline)


def _rotate(world: World, step: Step) -> tuple[str, tuple[Any, ...]]:
    account, deadline, _ = step.args
    return "Rotate", (world.speaks_for(step.sender), account, deadline)


def _binding(world: World, step: Step) -> tuple[str, tuple[Any, ...]]:
    meter_id, *rest = step.args[0]
    return "Binding", (_raw((meter_id,))[0], *rest)


def _commit(world: World, step: Step) -> tuple[str, tuple[Any, ...]]:
    (slot, side, bound, seal), _, nonce, deadline, _ = step.args
    sealed_by = world.seal(step.contract, seal) if isinstance(seal, Seal) else _raw((seal,))[0]
    return "Commit", (slot, side, bound, sealed_by, nonce, deadline)


def _place(world: World, step: Step) -> tuple[str, tuple[Any, ...]]:
    order, _, nonce, deadline, _ = step.args
    return "PlaceOrder", (*order, nonce, deadline)


def _announce(world: World, step: Step) -> tuple[str, tuple[Any, ...]]:
    announcement, _, nonce, deadline, _ = step.args
    return "Announce", (*announcement, nonce, deadline)


def _take(world: World, step: Step) -> tuple[str, tuple[Any, ...]]:
    taking, _, nonce, deadline, _ = step.args
    return "Take", (*taking, nonce, deadline)


def _agreement(world: World, step: Step) -> tuple[str, tuple[Any, ...]]:
    return "Agreement" if step.contract == "negotiation" else ANONYMOUS_AGREEMENT, step.args[0]


def _broadcast(world: World, step: Step) -> tuple[str, tuple[Any, ...]]:
    # An envelope goes by its length.
    length, _, nonce, deadline, _ = step.args
    envelope = bytes(length) if isinstance(length, int) else b""
    return "Broadcast", (bytes(keccak(envelope)), nonce, deadline)


def _cash_in(world: World, step: Step) -> tuple[str, tuple[Any, ...]]:
    return "CashIn", step.args[1:5]


def _claim(world: World, step: Step) -> tuple[str, tuple[Any, ...]]:
    return "Claim", (*_raw(step.args[:1]), world.speaks_for(step.sender))


def _decide(world: World, step: Step) -> tuple[str, tuple[Any, ...]]:
    return "Decision", (*_raw(step.args[:1]), step.args[1])


def _permit(world: World, step: Step) -> tuple[str, tuple[Any, ...]]:
    _, amount, deadline, *_ = step.args
    return "Permit", (step.sender, "house", amount, world.permit_nonce(step.sender), deadline)


OWN: dict[tuple[str, str], Callable[[World, Step], tuple[str, tuple[Any, ...]]]] = {
    ("join", "authoritySignature"): _credential,
    ("join", "accountSignature"): _join,
    ("renew", ""): _credential,
    ("rotateKey", ""): _rotate,
    ("bindMeter", ""): _binding,
    ("commitFor", ""): _commit,
    ("placeOrderFor", ""): _place,
    ("announceFor", ""): _announce,
    ("takeFor", ""): _take,
    ("agree", ""): _agreement,
    ("broadcast", ""): _broadcast,
    ("cashIn", ""): _cash_in,
    ("claim", ""): _claim,
    ("decide", ""): _decide,
    ("depositWithPermit", ""): _permit,
}
