"""Agents: policies that decide on bids, offers and answers from their own data alone.

Each agent is a frozen policy and pure functions over it: what it has seen comes in as an argument, randomness is a
``numpy.random.Generator``, and nothing here knows a chain, a key or another agent.

==================  ========================================================================================
zero_intelligence   a uniform price inside the agent's band, the quantity given
forecast_bidder     the quantity of least expected cost under the forecast's interval, a uniform price
negotiator          alternating offers with time- and behaviour-dependent concession
==================  ========================================================================================
"""
