"""A deployment with people in it on a chain of its own, made over JSON-RPC: what a verification is tried on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3

from setm import messages
from setm.chain.node import LOCAL_MNEMONIC
from setm.deployment_plan import contracts, rule_in, venues
from setm.types import Kind, Reading, Side
from setm.verify.source import Compiled

ROOT = Path(__file__).resolve().parents[3]
NOBODY = "0x" + "00" * 20
YEAR_SECONDS = 365 * 86_400
TEN_EUR = 10_000_000
GAS = 12_000_000
PEOPLE = ("governance", "authority", "operator", "alice", "bob", "carol", "mallory")
# Participants by number; the operator joins first.
OPERATOR, ALICE, BOB, CAROL = 1, 2, 3, 4
KINDS = {"alice": Kind.PERSONAL_CONSUMER, "bob": Kind.GENERATION, "carol": Kind.PROSUMER}
BID_TICK, ASK_TICK = 160, 120


def default_config() -> dict[str, Any]:
    return dict(json.loads((ROOT / "scripts" / "defaults.json").read_text()))


@dataclass
class World:
    """One deployment; ``send`` waits for the block and fails where the contract refuses."""

    web3: Web3
    compiled: Mapping[str, Compiled]
    config: dict[str, Any]
    addresses: dict[str, str] = field(default_factory=dict)
    orders: dict[tuple[int, str], tuple[int, int]] = field(default_factory=dict)
    _functions: dict[tuple[str, str], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        Account.enable_unaudited_hdwallet_features()
        self.people: dict[str, LocalAccount] = {
            name: Account.from_mnemonic(LOCAL_MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
            for index, name in enumerate(PEOPLE)
        }

    # Chain

    def rpc(self, method: str, *params: Any) -> Any:
        answer = self.web3.provider.make_request(method, list(params))
        assert "error" not in answer, answer
        return answer["result"]

    @property
    def now(self) -> int:
        return int(self.web3.eth.get_block("latest")["timestamp"])

    def move_to(self, timestamp: int) -> None:
        if "anvil" in self.web3.client_version.lower():
            self.rpc("evm_setNextBlockTimestamp", timestamp)
            self.rpc("evm_mine")
        else:
            self.rpc("evm_mine", timestamp)

    def deploy(self, role: str, *args: Any) -> str:
        found = self.compiled[role]
        built = self.web3.eth.contract(abi=found.abi, bytecode=found.creation)
        sent = built.constructor(*args).transact(
            {"from": self.people["governance"].address, "gas": GAS}
        )
        receipt = self.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
        assert receipt["status"] == 1, f"{role} was not deployed"
        self.addresses[role] = str(receipt["contractAddress"])
        return self.addresses[role]

    def function(self, role: str, name: str) -> Any:
        # Making a contract takes longer than calling it.
        key = (self.addresses[role], name)
        if key not in self._functions:
            contract = self.web3.eth.contract(key[0], abi=self.compiled[role].abi)
            self._functions[key] = contract.get_function_by_name(name)
        return self._functions[key]

    def call(self, role: str, function: str, *args: Any) -> Any:
        return self.function(role, function)(*args).call()

    def send(self, role: str, function: str, *args: Any, sender: str) -> None:
        call = self.function(role, function)(*args)
        options = {"from": self.people[sender].address, "gas": GAS}
        call.call(options)
        sent = call.transact(options)
        receipt = self.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
        assert receipt["status"] == 1, f"{role}.{function} was refused"

    def domain(self, role: str) -> messages.Domain:
        return messages.Domain(chain_id=self.web3.eth.chain_id, contract=self.addresses[role])

    # Deployment

    def deploy_all(self) -> None:
        config, people = self.config, self.people
        delay = config["governance_delay"]
        token = self.deploy("token")
        registry = self.deploy(
            "registry",
            people["governance"].address,
            config["slot_seconds"],
            delay,
            config["recovery_delay"],
            [people["authority"].address],
        )
        house = self.deploy("clearinghouse", token, registry, delay)
        self.join("operator", Kind.GRID_OPERATOR)
        meters = self.deploy("meters", registry, OPERATOR, *config["metering"].values())
        settlement = self.deploy(
            "settlement", registry, house, meters, OPERATOR, tuple(config["settlement"].values())
        )
        rule = self.deploy("rule", *rule_in(config).arguments)
        self.deploy("auction", house, settlement, rule, tuple(config["auction"].values()))
        self.deploy("negotiation", house, settlement, tuple(config["negotiation"].values()))
        if "tariff" in config:
            self.deploy("tariff", house, settlement, tuple(config["tariff"].values()))
        if "day_ahead" in config:
            roster = self.deploy("roster", registry)
            venue = self.deploy("day_ahead", house, settlement, tuple(config["day_ahead"].values()))
            book = self.deploy("day_ahead_book", venue, registry, roster)
            self.send("day_ahead", "setBook", book, sender="governance")
        for venue in venues(config):
            self.send("clearinghouse", "addVenue", self.addresses[venue], sender="governance")

    def record(self) -> dict[str, Any]:
        return {
            "chain_id": self.web3.eth.chain_id,
            "contracts": {role: self.addresses[role] for role in contracts(self.config)},
            "config": self.config,
            "roles": {
                "governance": self.people["governance"].address,
                "authorities": [self.people["authority"].address],
                "operator": self.people["operator"].address,
            },
        }

    def write(self, path: Path, **changes: Any) -> Path:
        path.write_text(json.dumps(self.record() | changes))
        return path

    # People

    def join(self, name: str, kind: Kind) -> None:
        credential = messages.credential(
            self.domain("registry"),
            account=self.people[name].address,
            kind=kind,
            device_class=0,
            zone=1,
            commitment=messages.identity_commitment(name, name.encode().rjust(32, b"\0")),
            valid_until=self.now + YEAR_SECONDS,
        )
        self.send(
            "registry",
            "join",
            tuple(credential.values.values()),
            self.people["authority"].address,
            credential.sign(self.people["authority"]),
            NOBODY,
            self.now + 3600,
            b"",
            sender=name,
        )

    def fund(self, name: str, number: int) -> None:
        amount = 10 * TEN_EUR
        self.send("token", "mint", self.people[name].address, amount, sender=name)
        self.send("token", "approve", self.addresses["clearinghouse"], amount, sender=name)
        self.send("clearinghouse", "deposit", number, amount, sender=name)
        for venue in (
            ("settlement",) if name == "operator" else ("settlement", "auction", "negotiation")
        ):
            self.send("clearinghouse", "lock", self.addresses[venue], TEN_EUR, sender=name)

    def bind_meter(self, name: str, number: int) -> None:
        binding = messages.binding(
            self.domain("meters"),
            meter_id=name.encode().rjust(32, b"\0"),
            participant_id=number,
            device_key=self.device(name).address,
            capacity_wh=10_000,
            valid_until_slot=2**32 - 1,
        )
        self.send(
            "meters",
            "bindMeter",
            tuple(binding.values.values()),
            self.people["authority"].address,
            binding.sign(self.people["authority"]),
            sender=name,
        )

    @staticmethod
    def device(name: str) -> LocalAccount:
        account: LocalAccount = Account.from_key(name.encode().rjust(32, b"m"))
        return account

    # A day

    def live_a_day(self) -> None:
        """Leave every kind of state behind: settled, cleared with a forfeited bond, agreed, and still sealed."""
        self.fund("operator", OPERATOR)
        for number, (name, kind) in enumerate(KINDS.items(), start=ALICE):
            self.join(name, kind)
            self.fund(name, number)
        for number, name in ((ALICE, "alice"), (BOB, "bob")):
            self.bind_meter(name, number)
        self.send("clearinghouse", "withdraw", 5, sender="carol")
        seconds = self.config["slot_seconds"]
        first = self.now // seconds + 5
        self.negotiate(first, slots=3)
        self.commit(
            first, {"alice": (Side.BID, BID_TICK, 1_200), "bob": (Side.ASK, ASK_TICK, 1_000)}
        )
        self.commit(first + 1, dict.fromkeys(("alice", "carol"), (Side.BID, BID_TICK, 700)))
        self.commit(first + 1, {"bob": (Side.ASK, ASK_TICK, 900)})
        self.trade(first, ("alice", "bob"))
        self.trade(first + 1, ("alice", "bob"))
        self.send("auction", "forfeit", first + 1, [CAROL], sender="mallory")
        self.deliver(first)
        later = self.now // seconds + 20
        self.commit(later, {"alice": (Side.BID, BID_TICK, 400), "carol": (Side.ASK, ASK_TICK, 300)})
        self.send("auction", "cancel", later, sender="carol")

    def negotiate(self, slot: int, slots: int) -> None:
        expires = self.now + 600
        self.send(
            "negotiation", "offer", BOB, True, (slot, slots, 800, 40_000), expires, sender="alice"
        )
        self.send("negotiation", "counter", 1, 800, 43_001, expires, sender="bob")
        self.send("negotiation", "accept", 1, 2, sender="alice")

    def commit(self, slot: int, orders: Mapping[str, tuple[Side, int, int]]) -> None:
        for name, (side, tick, energy) in orders.items():
            args = (slot, self.number(name), int(side), tick, energy, self.salt(name))
            digest = self.call("auction", "digestOf", *args)
            self.send("auction", "commit", (slot, int(side), 200_000, digest), sender=name)
            self.orders[slot, name] = (tick, energy)

    def trade(self, slot: int, opened: tuple[str, ...]) -> None:
        auction = self.config["auction"]
        gate = slot * self.config["slot_seconds"] - auction["gate_lead"]
        self.move_to(max(gate, self.now + 1))
        words = []
        for name in opened:
            tick, energy = self.orders[slot, name]
            words.append(self.number(name) << 224 | tick << 208 | energy << 160 | self.salt(name))
        self.send("auction", "open", slot, words, sender="mallory")
        self.move_to(gate + auction["reveal_window"])
        self.send("auction", "clear", slot, sender="mallory")

    def deliver(self, slot: int) -> None:
        """Let the meters tell of a slot, settle it, and collect the slot after it."""
        seconds, metering = self.config["slot_seconds"], self.config["metering"]
        self.move_to((slot + 2) * seconds + 60)
        signed = []
        for meter, (name, flow) in enumerate(
            {"alice": (2_150, 0), "bob": (0, 1_700)}.items(), start=1
        ):
            reading = Reading(meter=meter, slot=slot, import_wh=flow[0], export_wh=flow[1])
            r, vs = messages.reading(self.domain("meters"), reading).sign_compact(self.device(name))
            signed.append((reading.word, r, vs))
        self.send("meters", "postReadings", signed, sender="mallory")
        self.move_to((slot + 2) * seconds + 120 + metering["dispute_window"])
        self.send("settlement", "settle", slot, [ALICE, BOB], sender="mallory")
        self.send("auction", "collect", slot + 1, [ALICE, BOB, CAROL], sender="mallory")

    def number(self, name: str) -> int:
        return {"alice": ALICE, "bob": BOB, "carol": CAROL}[name]

    @staticmethod
    def salt(name: str) -> int:
        return int.from_bytes(name.encode(), "big")
