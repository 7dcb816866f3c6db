"""Who takes and feeds in stands on the side of the larger, with a quantity that is the difference."""

from hypothesis import given
from hypothesis import strategies as st

from setm.agents.net import known, net_forecast
from setm.agents.types import QuantityForecast
from setm.types import Side
from setm.units import Wh

AMOUNTS = st.floats(min_value=0, max_value=1e6)


@st.composite
def forecasts(draw):
    low, mean, high = sorted(draw(st.tuples(AMOUNTS, AMOUNTS, AMOUNTS)))
    return QuantityForecast(mean_wh=mean, lower_wh=low, upper_wh=high)


@given(taken=forecasts(), fed=forecasts())
def test_the_larger_side_trades_the_difference_inside_an_interval_that_holds_it(taken, fed):
    side, net = net_forecast(taken, fed)
    assert side is (Side.ASK if fed.mean_wh > taken.mean_wh else Side.BID)
    assert net.mean_wh == abs(taken.mean_wh - fed.mean_wh)
    assert net.lower_wh <= net.mean_wh <= net.upper_wh


@given(energy=st.integers(min_value=0, max_value=10**9))
def test_who_knows_a_quantity_has_no_doubt_about_it(energy):
    sure = known(Wh(energy))
    assert (sure.lower_wh, sure.mean_wh, sure.upper_wh) == (energy, energy, energy)
    side, net = net_forecast(sure, known(Wh(0)))
    assert (side, net.mean_wh) == (Side.BID, energy)
