"""Studies: a question asked of many rehearsed days, answered in one table."""
