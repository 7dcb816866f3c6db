"""The only part of SETM that speaks to a chain: nodes, senders, typed contracts and events."""
