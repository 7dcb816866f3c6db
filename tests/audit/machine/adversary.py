"""What nobody should do: replayed and altered messages, any call with any arguments, offices gone bad."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from setm.registry import NEVER
from tests.audit.machine.choices import SLOT, Chooser, action
from tests.audit.machine.model_settlement import FOUNDING
from tests.audit.machine.steps import NOBODY, Seal, Sig, Signed, Step
from tests.audit.machine.world import CONTRACTS, DEVICES, SPARE_KEYS

OURS = ("token", "registry", "house", "meters", *FOUNDING, "tags", "notes")
ADMIN_CALLS = (
    "revoke",
    "suspend",
    "reinstate",
    "addAuthority",
    "removeAuthority",
    "beginDefaultAdminTransfer",
    "cancelDefaultAdminTransfer",
    "acceptDefaultAdminTransfer",
    "changeDefaultAdminDelay",
    "rollbackDefaultAdminDelay",
    "renounceRole",
    "grantRole",
    "revokeRole",
)


@action(2)
def replay(chooser: Chooser) -> Step | None:
    """Somebody brings a signed message once more, as it is."""
    latest = chooser.memory.signed[-3:] if chooser.chance(70) else chooser.memory.signed
    found = chooser.one(latest)
    return None if found is None else found._replace(at=chooser.now, sender=chooser.anybody())


@action(3)
def tamper(chooser: Chooser) -> Step | None:
    """Somebody changes one value of a signed message, or gives its signature to another."""
    found = chooser.one(chooser.memory.signed)
    if found is None:
        return None
    if chooser.chance(30):
        donor = chooser.one(chooser.memory.signed)
        assert donor is not None
        sigs = [arg for arg in donor.args if isinstance(arg, Sig)]
        digest = chooser.world.own_digest(donor, "accountSignature").hex()
        other = sigs[-1]._replace(of=digest)
        args = tuple(other if isinstance(arg, Sig) else arg for arg in found.args)
        return found._replace(at=chooser.now, args=args)
    fixed = {
        place: arg._replace(of=_digest_of(chooser, found, place)) if arg.of == "own" else arg
        for place, arg in enumerate(found.args)
        if isinstance(arg, Sig)
    }
    args = [fixed.get(place, arg) for place, arg in enumerate(found.args)]
    place = chooser.dice.choice([at for at in range(len(args)) if at not in fixed])
    args[place] = _changed(chooser, args[place])
    sender = found.sender if chooser.chance(50) else chooser.anybody()
    return Step(chooser.now, sender, found.contract, found.function, tuple(args))


def _digest_of(chooser: Chooser, step: Step, place: int) -> str:
    name = chooser.world.entries[step.contract][step.function]["inputs"][place]["name"]
    return chooser.world.own_digest(step, name).hex()


def _changed(chooser: Chooser, value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        # The largest value of a type has no next one.
        is_top = value & (value + 1) == 0
        return max(0, value + (-1 if is_top and value else chooser.dice.choice([-1, 1])))
    if isinstance(value, Seal):
        return value._replace(energy_wh=value.energy_wh + 1)
    if isinstance(value, tuple):
        place = chooser.dice.randrange(len(value))
        return (*value[:place], _changed(chooser, value[place]), *value[place + 1 :])
    if isinstance(value, str) and value.startswith("0x") and len(value) == 66:
        return f"0x{(int(value, 16) ^ 1 << chooser.dice.randrange(256)):064x}"
    return chooser.anybody()


# ANY CALL


@action(8)
def call_anything(chooser: Chooser) -> Step | None:
    """Any function of any contract with any arguments, by anybody."""
    contract = chooser.dice.choice(OURS)
    entries = chooser.world.entries[contract].values()
    changing = [e for e in entries if e["stateMutability"] not in ("view", "pure")]
    entry = chooser.dice.choice(changing)
    sender = "mallory" if chooser.chance(40) else chooser.anybody()
    args = tuple(_anything(chooser, part) for part in entry["inputs"])
    return chooser.step(sender, contract, entry["name"], *args)


def _anything(chooser: Chooser, entry: Mapping[str, Any]) -> Any:
    kind, name, dice = str(entry["type"]), str(entry["name"]), chooser.dice
    if kind.endswith("[]"):
        part = {**entry, "type": kind[:-2]}
        return [_anything(chooser, part) for _ in range(dice.randrange(4))]
    if kind == "tuple":
        if "SignedReading" in str(entry.get("internalType", "")):
            return Signed(dice.getrandbits(128), Sig(dice.choice(DEVICES)))
        return tuple(_anything(chooser, part) for part in entry["components"])
    if kind == "bool":
        return chooser.chance(50)
    if kind == "bytes" and name == "data":
        return b""
    if kind == "bytes":
        return Sig(chooser.anybody(), "own", dice.choice(("good", "zero", "empty", "flipped")))
    if kind == "address":
        return dice.choice((chooser.anybody(), dice.choice(SPARE_KEYS), *CONTRACTS, NOBODY))
    if kind == "bytes32":
        return "0x" + (dice.randbytes(32) if chooser.chance(60) else bytes(32)).hex()
    if kind == "uint8":
        return dice.randrange(2) if name == "side" else dice.randrange(1, 6)
    return _any_number(chooser, int(kind.removeprefix("uint")), name.lower())


def _any_number(chooser: Chooser, bits: int, name: str) -> int:
    dice = chooser.dice
    top = 2**bits - 1
    if chooser.chance(8):
        return dice.choice([0, 1, top, top - 1])
    if "slot" in name:
        return min(top, max(0, chooser.slot_near()))
    if name.endswith("id") or "party" in name:
        return chooser.member()
    if name.endswith("at") or name == "deadline" or name == "validuntil":
        return min(top, chooser.now + dice.choice([-1, 0, 1, 60, SLOT, 10**6]))
    if name == "meter":
        return dice.randrange(len(chooser.model.meters) + 2)
    return min(top, dice.choice([0, 1, 2, 7, 100, 30_000, 100_000, dice.getrandbits(bits)]))


# OFFICES AND THEIR VENUES


@action(8)
def office_abuses_its_power(chooser: Chooser) -> Step | None:
    """Governance and authority keys are stolen: they call what only they may, and what they may not, at random."""
    sender = chooser.dice.choice(("governance", "governance", "authority", "notary", "usurper"))
    who = chooser.member()
    heir, schedule = chooser.model.pending_admin
    if heir != NOBODY and chooser.chance(70):
        if chooser.now <= schedule:
            return chooser.wait_until(schedule + chooser.dice.randrange(2))
        return chooser.step(heir, "registry", "acceptDefaultAdminTransfer")
    known = chooser.model.registry.authorities.get("notary")
    if known is not None and known.active_until == NEVER and chooser.chance(30):
        # Before it begins or after.
        if chooser.now < known.active_from and chooser.chance(60):
            return chooser.wait_until(known.active_from)
        governs = chooser.model.registry.governance
        return chooser.step(governs, "registry", "removeAuthority", "notary")
    name = chooser.dice.choice(ADMIN_CALLS)
    # What ends a run's trading at once is tried seldom.
    if name in ("revoke", "renounceRole") and chooser.chance(85):
        name = "suspend"
    if name == "grantRole" and chooser.chance(60):
        name = chooser.dice.choice(("beginDefaultAdminTransfer", "addAuthority"))
    governs = chooser.model.registry.governance
    if (
        name.endswith(("Authority", "Role", "Transfer"))
        and governs != NOBODY
        and chooser.chance(60)
    ):
        sender = governs
    entry = chooser.world.entries["registry"][name]
    args: list[Any] = []
    for part in entry["inputs"]:
        if part["type"] == "address":
            others = ("notary", "usurper", "mallory", sender, NOBODY)
            is_removed = name == "removeAuthority" and chooser.chance(70)
            args.append("notary" if is_removed else chooser.dice.choice(others))
        elif part["type"] == "bytes32":
            args.append("0x" + bytes(32).hex() if chooser.chance(50) else "0x" + "01" * 32)
        else:
            args.append(who if part["name"] == "participantId" else chooser.dice.randrange(10**6))
    return chooser.step(sender, "registry", name, *args)


@action(6)
def hostile_venue(chooser: Chooser) -> Step | None:
    """Governance brings in a venue that lies or one that answers nothing, and mallory has them do their worst."""
    model, dice = chooser.model, chooser.dice
    venue = dice.choice(("liar", "liar", "brick"))
    if venue not in model.venues:
        return (
            chooser.step(model.registry.governance, "house", "addVenue", venue)
            if (model.registry.governance != NOBODY and chooser.chance(25))
            else None
        )
    if not model.is_venue(venue):
        return chooser.wait_until(model.venues[venue]) if chooser.chance(20) else None
    who = chooser.member()
    if venue not in model.accepted_venues and chooser.chance(25):
        return chooser.step(chooser.key(1), "settlement", "acceptVenue", venue)
    if chooser.chance(8):
        amount = chooser.share(model.ledger.free_of(who))  # type: ignore[arg-type]
        return chooser.step(chooser.key(who), "house", "lock", venue, amount % 300_000 + 1)
    return liar_acts(chooser, who)


def liar_acts(chooser: Chooser, who: int) -> Step:
    """The lying venue charges, tells trades that nobody made, or keeps a slot open."""
    dice, model = chooser.dice, chooser.model
    slot = chooser.one(chooser.traded_slots()) or chooser.slot_near()
    kind = dice.randrange(8)
    if kind < 3:
        had = model.ledger.collateral_of("liar", who)  # type: ignore[arg-type]
        return chooser.step("mallory", "liar", "charge", who, chooser.share(had))
    if kind < 7:
        had = model.ledger.collateral_of("liar", who)  # type: ignore[arg-type]
        pool = model.ledger.pool_of("liar")  # type: ignore[arg-type]
        said = dice.randrange(3_000), dice.randrange(3_000)
        told = (*said, had // 5, pool // 4, had // 4)
        return chooser.step("mallory", "liar", "setTrade", slot, who, told)
    return chooser.step("mallory", "liar", "setOpen", slot, chooser.chance(30))
