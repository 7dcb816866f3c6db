"""All mechanisms on one workload: figures, seeds, confirmation on a chain, and one report."""
