"""What SETM costs: scenarios on an in-process EVM, each of which returns the gas of every transaction it measures."""
