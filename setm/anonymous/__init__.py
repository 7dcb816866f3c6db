"""Anonymous negotiation: notes, one-time accounts, envelopes, and the reference of the venue's books.

``notes`` blinds, signs and checks; ``accounts`` derives keys and serials from a participant's secret; ``envelopes``
encrypts what accounts say to each other; ``book`` and ``escrow`` are the AnonymousNegotiation venue in pure integers.
Source: Aitzhan & Svetinovic 2016 (encrypted messages, one-time addresses, escrow with three keys); Chaum 1983 (blind
signatures), which hide which participant paid for an account.
"""
