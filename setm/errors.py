"""Every error that SETM raises on purpose.

::

    SetmError                     message for the user: value, expectation, remedy
    ├── ConfigError               a scenario or option is wrong (file, field, value, allowed)
    ├── DataError                 a meter series is wrong (file, row, remedy)
    ├── ForecastError             a forecast cannot be made (too little history, no such model)
    ├── OrderRefused              an order breaks a rule before it reaches a chain
    │   └── ScheduleRefused       a collector cannot take a schedule
    │       ├── SpeakerUnknown    its key is nobody's, or another participant's
    │       ├── OtherBook         it is for another span, zone or collector
    │       ├── ScheduleLate      the book is committed to, or the forcing has begun
    │       ├── NotSigned         its signature is not by its key over these orders
    │       ├── Malleable         its signature has a high s, which the contract refuses
    │       └── ScheduleExists    the participant has another schedule in the book
    ├── NotSecured                user.Security is missing, forged or ended
    ├── MessageUnreadable         an encrypted message is for somebody else, or spoilt
    ├── KeystoreError             a key or its password cannot be used (missing, spoilt, readable by others)
    │   ├── KeyExists             a name is taken; keys are never overwritten
    │   └── WrongPassword         the password does not open the key
    ├── LedgerError               money is short or would not balance
    ├── ChainError                the chain did not do what was asked
    │   ├── ChainUnreachable      no answer from the node
    │   │   └── AnswerLost        nobody knows whether the node did what it was asked
    │   ├── Reverted              a contract refused (carries the custom error's name and arguments)
    │   ├── TransactionLost       a transaction did not get into a block in time
    │   └── RolledBack            the chain lost what was on it, and repeating it gives another result
    ├── SetupError                a tool is missing or has the wrong version
    └── RunError                  a run's files are missing, incomplete or contradict the chain
        ├── JournalLocked         another process writes the same run
        ├── JournalMismatch       the program no longer does what its journal says
        └── StorageFull           a file could not be written
"""

from __future__ import annotations

from collections.abc import Mapping


class SetmError(Exception):
    """Root of the tree; ``str()`` is fit to show to a user."""


class ConfigError(SetmError):
    """A scenario or option is wrong."""


class DataError(SetmError):
    """A meter series is wrong."""


class ForecastError(SetmError):
    """A forecast cannot be made."""


class OrderRefused(SetmError):
    """An order breaks a rule before it reaches a chain."""


class ScheduleRefused(OrderRefused):
    """A collector cannot take a schedule."""


class SpeakerUnknown(ScheduleRefused):
    """Its key is nobody's, or another participant's."""


class OtherBook(ScheduleRefused):
    """It is for another span, zone or collector."""


class ScheduleLate(ScheduleRefused):
    """The book is committed to, or the forcing has begun."""


class NotSigned(ScheduleRefused):
    """Its signature is not by its key over these orders."""


class Malleable(ScheduleRefused):
    """Its signature has a high s, which the contract refuses."""


class ScheduleExists(ScheduleRefused):
    """The participant has another schedule in the book."""


class NotSecured(SetmError):
    """user.Security is missing, forged or ended."""


class MessageUnreadable(SetmError):
    """An encrypted message is for somebody else, or spoilt."""


class KeystoreError(SetmError):
    """A key or its password cannot be used."""


class KeyExists(KeystoreError):
    """A name is taken; keys are never overwritten."""


class WrongPassword(KeystoreError):
    """The password does not open the key."""


class LedgerError(SetmError):
    """Money is short or would not balance."""


class ChainError(SetmError):
    """The chain did not do what was asked."""


class ChainUnreachable(ChainError):
    """No answer from the node."""


class AnswerLost(ChainUnreachable):
    """Nobody knows whether the node did what it was asked."""


class Reverted(ChainError):
    """A contract refused; ``name`` and ``arguments`` are those of its custom error."""

    def __init__(self, action: str, name: str, arguments: Mapping[str, object]) -> None:
        self.action = action
        self.name = name
        self.arguments = dict(arguments)
        listed = ", ".join(f"{key}={value}" for key, value in self.arguments.items())
        super().__init__(
            f"{action} was refused: {name}({listed}); see docs/errors.md#{name.lower()}"
        )


class TransactionLost(ChainError):
    """A transaction did not get into a block in time."""


class RolledBack(ChainError):
    """The chain lost what was on it, and repeating it gives another result."""


class SetupError(SetmError):
    """A tool is missing or has the wrong version."""


class RunError(SetmError):
    """A run's files are missing, incomplete or contradict the chain."""


class JournalLocked(RunError):
    """Another process writes the same run."""


class JournalMismatch(RunError):
    """The program no longer does what its journal says."""


class StorageFull(RunError):
    """A file could not be written."""
