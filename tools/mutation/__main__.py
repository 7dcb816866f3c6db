"""Change the contracts one place at a time and see whether a test notices.

::

    python -m tools.mutation --contracts Auction,Clearinghouse --sample 40 --seed 1 --jobs 1
    python -m tools.mutation --all

Results are appended to reports/audit/mutation.jsonl, and a second run asks only what the first did not, or what changed
since. Exits with 1 when a mutant survives that tests/audit/mutation/explained.yaml does not explain, and with 2 when
tests do not pass with the contracts as they are.
"""

import argparse
import os
import sys
from pathlib import Path

from setm.evm.compiler import ROOT


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.mutation",
        description=__doc__.splitlines()[0] if __doc__ else "",
    )
    parser.add_argument("--contracts", default="", help="names of sources, with commas between")
    parser.add_argument("--all", action="store_true", help="every source, as when none is named")
    parser.add_argument("--sample", type=int, help="how many mutants, over all sources together")
    parser.add_argument("--seed", type=int, default=1, help="decides which ones")
    parser.add_argument("--jobs", type=int, default=1, help="processes at once")
    parser.add_argument("--ids", default="", help="only these mutants, with commas between")
    parser.add_argument("--tests", nargs="*", default=None, help="folders of tests that are asked")
    parser.add_argument("--quick", action="store_true", help="ask only the unit tests nearby")
    parser.add_argument("--fresh", action="store_true", help="ask again what is known already")
    parser.add_argument("--list", action="store_true", help="print the mutants and stop")
    parser.add_argument("--root", type=Path, default=ROOT, help="another project of this shape")
    arguments = parser.parse_args()
    contracts = [name for name in arguments.contracts.split(",") if name]
    if contracts and arguments.all:
        parser.error("say either --contracts or --all")
    # However deep an audit is, each mutant is asked as deep as `make test`, and writes no outcomes.
    os.environ["SETM_DEPTH"] = "1"
    for name in ("SETM_OUTCOMES", "SETM_AUDIT"):
        os.environ.pop(name, None)
    from tools.mutation.run import Run

    run = Run(
        root=arguments.root,
        contracts=contracts,
        sample=arguments.sample,
        seed=arguments.seed,
        jobs=arguments.jobs,
        ids=[name for name in arguments.ids.split(",") if name],
        tests=arguments.tests,
        is_fresh=arguments.fresh,
        is_quick=arguments.quick,
    )
    return run.list_mutants() if arguments.list else run.execute()


if __name__ == "__main__":
    sys.exit(main())
