"""The report of a run: a fold over its events into tables, plots, one page and explanations."""
