"""Agents: policies that decide on bids, offers and answers from their own data alone.

Each agent is a frozen policy and pure functions over it (the neighbour keeps its own books instead): what it has seen
comes in as an argument, randomness is a ``numpy.random.Generator``, and nothing here knows a chain, a key or another
agent.

==================  ========================================================================================
zero_intelligence   a uniform price inside the agent's band, the quantity given
forecast_bidder     the quantity of least expected cost under the forecast's interval, a uniform price
negotiator          alternating offers with time- and behaviour-dependent concession
neighbour           quotes and bids among neighbours until nobody would gain more than a tolerance
==================  ========================================================================================
"""
