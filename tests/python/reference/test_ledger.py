"""Money moves between balances and nothing appears or disappears."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setm import ledger as book
from setm.errors import LedgerError
from setm.ledger import MAX_HELD, Ledger, Venue
from setm.types import ParticipantId

ALICE, BOB = ParticipantId(1), ParticipantId(2)
AUCTION, SETTLEMENT = Venue("auction"), Venue("settlement")


@pytest.fixture
def locked() -> Ledger:
    """Alice has 30 free and 70 locked for the auction."""
    return book.lock(book.deposit(Ledger(), ALICE, 100), ALICE, AUCTION, 70)


@pytest.mark.parametrize(
    "move",
    [
        lambda state: book.deposit(state, ALICE, 0),
        lambda state: book.withdraw(state, ALICE, 0),
        lambda state: book.lock(state, ALICE, AUCTION, 0),
    ],
)
def test_refuses_to_move_nothing(locked, move):
    with pytest.raises(LedgerError, match=r"^ZeroAmount\(\); see docs/errors\.md#zeroamount$"):
        move(locked)


def test_refuses_a_deposit_beyond_what_can_be_held(locked):
    limit = MAX_HELD - 100
    with pytest.raises(
        LedgerError, match=rf"^HoldingLimitExceeded\(limit={limit}, asked={limit + 1}\)"
    ):
        book.deposit(locked, BOB, limit + 1)
    assert book.deposit(locked, BOB, limit).held == MAX_HELD


@pytest.mark.parametrize(
    "move",
    [
        lambda state: book.withdraw(state, ALICE, 31),
        lambda state: book.lock(state, ALICE, SETTLEMENT, 31),
    ],
)
def test_refuses_to_spend_more_than_is_free(locked, move):
    with pytest.raises(
        LedgerError, match=r"^FreeBalanceTooLow\(participantId=1, needed=31, available=30\)"
    ):
        move(locked)


@pytest.mark.parametrize(
    "move",
    [
        lambda state: book.release(state, AUCTION, ALICE, 71),
        lambda state: book.close(state, AUCTION, ALICE, charged=70, released=1),
    ],
)
def test_refuses_to_take_more_than_is_locked_for_the_venue(locked, move):
    with pytest.raises(
        LedgerError, match=r"^CollateralTooLow\(participantId=1, needed=71, available=70\)"
    ):
        move(locked)


def test_refuses_to_take_what_is_locked_for_another_venue(locked):
    with pytest.raises(LedgerError, match="^CollateralTooLow"):
        book.release(locked, SETTLEMENT, ALICE, 1)


def test_refuses_to_pay_more_than_the_pool_holds(locked):
    charged = book.close(locked, AUCTION, ALICE, charged=5)
    with pytest.raises(LedgerError, match=r"^PoolTooLow\(venue=auction, needed=6, available=5\)"):
        book.close(charged, AUCTION, BOB, paid=6)


def test_charges_the_buyer_and_pays_the_seller(locked):
    charged = book.close(locked, AUCTION, ALICE, charged=40, released=10)
    paid = book.close(charged, AUCTION, BOB, paid=39)
    assert (paid.free_of(ALICE), paid.collateral_of(AUCTION, ALICE)) == (40, 20)
    assert (paid.free_of(BOB), paid.pool_of(AUCTION), paid.held) == (39, 1, 100)


def test_hands_what_is_released_and_paid_to_the_heir(locked):
    charged = book.close(locked, AUCTION, ALICE, charged=40)
    closed = book.close(charged, AUCTION, ALICE, heir=SETTLEMENT, released=30, paid=40)
    assert closed.collateral_of(SETTLEMENT, ALICE) == 70
    assert closed.free_of(ALICE) == 30


def test_a_charge_can_be_paid_out_in_the_same_closing(locked):
    closed = book.close(locked, AUCTION, ALICE, charged=70, paid=70)
    assert (closed.free_of(ALICE), closed.pool_of(AUCTION)) == (100, 0)


AMOUNTS = st.integers(0, 50)
PEOPLE = st.sampled_from([ALICE, BOB])
VENUES = st.sampled_from([AUCTION, SETTLEMENT])
MOVES = st.one_of(
    st.builds(lambda p, a: lambda s: book.deposit(s, p, a), PEOPLE, AMOUNTS),
    st.builds(lambda p, a: lambda s: book.withdraw(s, p, a), PEOPLE, AMOUNTS),
    st.builds(lambda p, v, a: lambda s: book.lock(s, p, v, a), PEOPLE, VENUES, AMOUNTS),
    st.builds(lambda p, v, a: lambda s: book.release(s, v, p, a), PEOPLE, VENUES, AMOUNTS),
    st.builds(
        lambda p, v, h, c, r, a: (
            lambda s: book.close(s, v, p, heir=h, charged=c, released=r, paid=a)
        ),
        PEOPLE,
        VENUES,
        st.one_of(st.none(), VENUES),
        AMOUNTS,
        AMOUNTS,
        AMOUNTS,
    ),
)


@given(st.lists(MOVES, max_size=30))
def test_what_is_held_is_what_all_own_and_no_balance_is_negative(moves):
    state = Ledger()
    for move in moves:
        try:
            state = move(state)
        except LedgerError:
            continue
        assert state.owned() == state.held
        for balances in (state.free, state.collateral, state.pools):
            assert all(balance >= 0 for balance in balances.values())
