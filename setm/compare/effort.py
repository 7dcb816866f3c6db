"""What a mechanism's day took on the chain: transactions, gas and expressions of will."""

from __future__ import annotations

from dataclasses import dataclass

from setm.report.run import MechanismRun, Transaction

# Contracts that every mechanism uses; everything else is its venue.
COMMON = ("registry", "clearinghouse", "token", "meters", "settlement", "")
# What of those belongs to delivery rather than to enrolment.
DELIVERY = (
    ("meters", "post readings"),
    ("meters", "post days"),
    ("meters", "unpack day"),
    ("settlement", "settle"),
    ("settlement", "settle day"),
)
# Events by which somebody says what it would trade, or that it agrees: orders, offers, announcements, acceptances.
EXPRESSIONS = (
    "OrderCommitted",
    "OfferMade",
    "AgreementReached",
    "EnergyAnnounced",
    "PriceTaken",
    "OrderPosted",
    "OrderTaken",
    "MessageBroadcast",
    "DealMade",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """One mechanism's day on the chain; gas of enrolment, trading, and readings with settlement."""

    mechanism: str
    expressions: int
    transactions: int
    failed: int
    enrolment_gas: int
    trading_gas: int
    delivery_gas: int

    @property
    def per_expression_gas(self) -> float | None:
        """Gas of trading for each expression of will."""
        return self.trading_gas / self.expressions if self.expressions else None

    def per_kwh_gas(self, traded_kwh: float) -> float | None:
        """Return the gas of trading, readings and settlement for each kWh traded."""
        return (self.trading_gas + self.delivery_gas) / traded_kwh if traded_kwh else None


def effort(record: MechanismRun, signed_orders: int = 0) -> Effort:
    """Return what a day took; gas of reverted transactions counts too.

    ``signed_orders`` are those in schedules, which no event counts.
    """
    gas = {"enrolment": 0, "trading": 0, "delivery": 0}
    for sent in record.transactions:
        gas[_stage(sent)] += sent.gas_used
    return Effort(
        mechanism=record.name,
        expressions=signed_orders + sum(event.name in EXPRESSIONS for event in record.events),
        transactions=len(record.transactions),
        failed=sum(not sent.ok for sent in record.transactions),
        enrolment_gas=gas["enrolment"],
        trading_gas=gas["trading"],
        delivery_gas=gas["delivery"],
    )


def _stage(sent: Transaction) -> str:
    if sent.contract not in COMMON:
        return "trading"
    return "delivery" if (sent.contract, sent.action) in DELIVERY else "enrolment"
