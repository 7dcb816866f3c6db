"""How unequally an amount is spread, also where some of its parts are losses."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction


def gini(amounts: Sequence[int]) -> Fraction | None:
    """Return 0 if everybody has the same, 1 if one has everything; None if there are fewer than two or all are zero.

    Losses count as such. With gains T+ and losses T- in total ::

        G = sum over all pairs i < j of |x_i - x_j| / ((n - 1) (T+ + T-))

    Without losses that is n / (n - 1) times the usual coefficient. Source: Raffinetti, Siletti and Vernizzi 2015,
    Statistical Methods & Applications 24, 507-521.

    >>> gini([5, 5, 5]), gini([0, 0, 9]), gini([0, 1])
    (Fraction(0, 1), Fraction(1, 1), Fraction(1, 1))
    """
    count, size = len(amounts), sum(abs(amount) for amount in amounts)
    if count < 2 or size == 0:
        return None
    # In ascending order x_(k) is the larger of k pairs and the smaller of n - 1 - k.
    apart = sum((2 * place - count + 1) * amount for place, amount in enumerate(sorted(amounts)))
    return Fraction(apart, (count - 1) * size)
