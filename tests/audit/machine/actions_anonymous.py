"""What holders of notes and one-time accounts may do next; see ``choices``.

One-time accounts sign, anybody brings what they signed, participants buy notes and claim agreements.
"""

from __future__ import annotations

from setm.anonymous.book import Deal, Outcome, State
from tests.audit.machine.choices import SLOT, Chooser, action
from tests.audit.machine.minting import serial_of
from tests.audit.machine.steps import Minted, Sig, Step
from tests.audit.machine.world import MASKS, MEMBERS

VENUE = "anonymous"
ENVELOPE_BYTES = 353
# Few enough for every note to be signed once in a process.
NUMBERS = 5
FILLERS = ("agree_hidden", "agree_hidden", "claim_deal", "claim_deal", "redeem_note", "issue_note")


def balance_of(chooser: Chooser, mask: str) -> int:
    return chooser.model.hidden.balance(chooser.world.address(mask))


def nonce_of(chooser: Chooser, mask: str) -> int:
    nonces = chooser.model.hidden.nonces
    return nonces.get(chooser.world.address(mask), 0) + chooser.chance(5)


def rich(chooser: Chooser) -> list[str]:
    """Return the accounts that hold something."""
    return [mask for mask in MASKS if balance_of(chooser, mask)]


def holder_of(chooser: Chooser, mask: str) -> int:
    """Return mostly the member that an account belongs to; the machine says so, nothing on chain does."""
    return 2 + MASKS.index(mask) % len(MEMBERS) if chooser.chance(94) else chooser.member()


# NOTES


@action(2)
def buy_notes(chooser: Chooser) -> Step | None:
    dice = chooser.dice
    bought = {(one.account, one.number) for one in chooser.model.minted.values()}
    fresh = [(mask, n) for mask in MASKS for n in range(NUMBERS) if (mask, n) not in bought]
    count = 0 if chooser.chance(3) else dice.randrange(1, 4)
    chosen = [
        dice.choice(fresh) if fresh and chooser.chance(90) else (dice.choice(MASKS), 0)
        for _ in range(count)
    ]
    notes = [Minted(*one) for one in chosen]
    if notes and chooser.chance(4):
        notes[-1] = notes[-1]._replace(form="short")
    margins = chooser.model.hidden.ledger.margin_of
    able = [who for who in chooser.model.people() if margins(who) and chooser.model.is_active(who)]  # type: ignore[arg-type]
    who = dice.choice(able) if able and chooser.chance(90) else chooser.member()
    return chooser.step(chooser.trading_key(who, VENUE), VENUE, "buyNotes", notes)


@action(3)
def issue_note(chooser: Chooser) -> Step | None:
    model = chooser.model
    waiting = sorted(model.hidden.waiting)
    if chooser.chance(4):
        waiting = list(range(1, model.hidden.counts.sold + 2))
    first = chooser.one(waiting)
    if first is None:
        return None
    found = []
    while first + len(found) in model.hidden.waiting and len(found) < 3:
        found.append(model.minted[first + len(found)]._replace(form="signed"))
    found = found[: chooser.dice.randrange(1, 4)] or [Minted(MASKS[0], 0, "signed")]
    if chooser.chance(5):
        found[-1] = found[-1]._replace(form=chooser.dice.choice(("forged", "short")))
    return chooser.step(chooser.anybody(), "notes", "issue", VENUE, first, found)


@action(1)
def refund_note(chooser: Chooser) -> Step | None:
    model = chooser.model
    note_id = chooser.one(sorted(model.hidden.waiting))
    if note_id is None:
        if not chooser.chance(10):
            return None
        note_id = chooser.dice.randrange(model.hidden.counts.sold + 2)
    elif chooser.chance(65):
        sold_at = model.hidden.waiting[note_id].sold_at
        until = sold_at + model.hidden.config.issue_seconds
        if chooser.now < until:
            return chooser.wait_until(until - chooser.dice.choice([0, 0, 1]))
    return chooser.step(chooser.anybody(), VENUE, "refundNote", note_id)


@action(3)
def redeem_note(chooser: Chooser) -> Step | None:
    issued = sorted(set(chooser.model.issued))
    spent = chooser.model.redeemed
    unspent = [one for one in issued if (one.account, one.number) not in spent]
    found = chooser.one(unspent if chooser.chance(93) else issued)
    if found is None:
        return None
    account, note = found.account, found._replace(form="note")
    kind = chooser.dice.randrange(100)
    if kind < 8:
        account = chooser.key(chooser.member())
    elif kind < 11:
        note = note._replace(form=chooser.dice.choice(("forged", "short")))
    return chooser.step(chooser.anybody(), VENUE, "redeem", account, serial_of(found), note)


# ACCOUNTS


@action(1)
def broadcast(chooser: Chooser) -> Step | None:
    found = rich(chooser)
    mask = chooser.dice.choice(found) if found and chooser.chance(90) else MASKS[-1]
    length = ENVELOPE_BYTES - chooser.chance(10)
    args = (length, mask, nonce_of(chooser, mask), chooser.deadline(), chooser.signature(mask))
    return chooser.step(chooser.anybody(), VENUE, "broadcast", *args)


@action(1)
def cash_in(chooser: Chooser) -> Step | None:
    mask = chooser.one(rich(chooser))
    if mask is None:
        return None
    who = holder_of(chooser, mask)
    amount = chooser.share(balance_of(chooser, mask) // 2)
    if chooser.chance(10):
        amount = balance_of(chooser, mask) + chooser.chance(30)
    message = who, amount, nonce_of(chooser, mask), chooser.deadline()
    args = (mask, *message, chooser.signature(mask))
    return chooser.step(chooser.anybody(), VENUE, "cashIn", *args)


# AGREEMENTS


@action(5)
def agree_hidden(chooser: Chooser) -> Step | None:
    dice, config = chooser.dice, chooser.model.hidden.config
    funded = rich(chooser)
    masks = funded if len(funded) > 1 and chooser.chance(95) else MASKS
    buyer, seller = dice.sample(masks, 2)
    if chooser.chance(2):
        seller = buyer
    first = (chooser.now + config.gate_lead) // SLOT + 1
    slot = first + dice.choice([0, 0, 0, 1, 2]) if chooser.chance(95) else chooser.slot_near()
    price = dice.choice([*range(20_000, 60_001, 8_000), 55_501, 19_999 + chooser.chance(80)])
    most = balance_of(chooser, buyer) * 1000 // price
    energy_wh = dice.choice([1, dice.randrange(1, max(most, 2)), dice.randrange(1, 1_200)])
    if chooser.chance(3):
        energy_wh = dice.choice([0, 3_001])
    arbiter = chooser.member()
    agreement = (slot, energy_wh, price, buyer, seller, arbiter, dice.getrandbits(64))
    args = (*agreement, chooser.deadline())
    signatures = chooser.signature(buyer), chooser.signature(seller)
    return chooser.step(chooser.anybody(), VENUE, "agree", args, *signatures)


def deal_in(chooser: Chooser, since: str = "", until: str = "") -> tuple[str, Deal] | None:
    """Return mostly an agreement that is held, and between two times of its slot if there is one."""
    deals, config = chooser.model.hidden.deals, chooser.model.hidden.config
    times = {"gate": config.gate_at, "decided": config.decided_from}
    held = [number for number, deal in deals.items() if deal.state is State.HELD]
    now = [
        number
        for number in held
        if (not since or times[since](deals[number].slot) <= chooser.now)
        and (not until or chooser.now < times[until](deals[number].slot))
    ]
    held = now if now and chooser.chance(90) else held
    number = chooser.one(held if chooser.chance(96) else deals)
    return None if number is None else ("0x" + number.hex(), deals[number])


@action(6)
def claim_deal(chooser: Chooser) -> Step | None:
    found = deal_in(chooser, "gate", "decided")
    if found is None:
        return None
    number, deal = found
    gate_at = chooser.model.hidden.config.gate_at(deal.slot)
    if chooser.now < gate_at and chooser.chance(85):
        return chooser.wait_until(gate_at - chooser.dice.choice([0, 0, 0, 1]))
    is_buyer = (
        not deal.buyer_id if bool(deal.buyer_id) != bool(deal.seller_id) else chooser.chance(50)
    )
    if chooser.chance(4):
        is_buyer = not is_buyer
    mask = chooser.world.name(deal.buyer if is_buyer else deal.seller)
    who = holder_of(chooser, mask)
    if who == deal.arbiter_id and chooser.chance(80):
        who = chooser.others(who)
    args = (number, is_buyer, chooser.signature(mask))
    return chooser.step(chooser.key(who), VENUE, "claim", *args)


@action(2)
def decide_deal(chooser: Chooser) -> Step | None:
    found = deal_in(chooser, "", "decided")
    if found is None:
        return None
    number, deal = found
    arbiter = chooser.model.key_of(deal.arbiter_id)
    if chooser.chance(6):
        arbiter = chooser.anybody()
    keys = [chooser.world.name(deal.buyer), chooser.world.name(deal.seller), arbiter]
    signers = chooser.dice.sample(range(3), chooser.dice.choice([1, 2, 2, 2, 2, 2, 3]))
    sigs = [
        chooser.signature(key) if place in signers else Sig(key, "own", "empty")
        for place, key in enumerate(keys)
    ]
    outcome = int(chooser.dice.choice(list(Outcome)))
    signatures = (sigs[0], sigs[1], arbiter, sigs[2])
    return chooser.step(chooser.anybody(), VENUE, "decide", number, outcome, signatures)


@action(2)
def refund_deal(chooser: Chooser) -> Step | None:
    hidden = chooser.model.hidden
    ended = [number for number, deal in hidden.deals.items() if deal.state is not State.HELD]
    if ended and chooser.chance(15):
        return chooser.step(
            chooser.anybody(), VENUE, "refund", "0x" + chooser.dice.choice(ended).hex()
        )
    found = deal_in(chooser, "decided")
    if found is None:
        return None
    number, deal = found
    until = chooser.model.hidden.config.decided_from(deal.slot)
    if chooser.now < until and chooser.chance(90):
        return (
            chooser.wait_until(until - chooser.dice.choice([0, 0, 1]))
            if chooser.chance(25)
            else None
        )
    return chooser.step(chooser.anybody(), VENUE, "refund", number)
