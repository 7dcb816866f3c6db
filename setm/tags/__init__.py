"""The reference of energy tags, and of orders with conditions that owe them.

``tokens`` is what the tag contract knows: who is certified for which source, what was minted, kept and claimed.
``conditions`` is the venue whose orders ask for a source, a price, a partner and a share of green energy.
Both are pure: each function returns the next state, or raises ``Refused`` with name and values of the contract's error.
"""

from setm.tags.tokens import ANY, GREEN, Refused, Source, Tag, decode, tag_id

__all__ = ["ANY", "GREEN", "Refused", "Source", "Tag", "decode", "tag_id"]
