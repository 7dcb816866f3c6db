"""A day of an energy community on a chain: enrolment, trading, metering, settlement."""
