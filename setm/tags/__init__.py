"""The reference of energy tags, and of orders with conditions that owe them.

``certificates`` says which source a participant is certified for, and reads ids; ``tokens`` what was minted, kept and
claimed. ``orders`` has the conditions of an order, ``venue`` what became of orders, trades and owed tags. All are pure:
each function returns the next state, or raises ``Refused`` with name and values of the contract's error.
"""

from setm.negotiation import Refused
from setm.tags.certificates import ANY, GREEN, Source, Tag, decode, tag_id

__all__ = ["ANY", "GREEN", "Refused", "Source", "Tag", "decode", "tag_id"]
