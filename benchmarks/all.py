"""All benchmarks, and the page of the report that shows them.

    python benchmarks/all.py [--repeats 3] [--quick]

About half an hour on a quiet machine with one core to spare; ``--quick`` takes the smallest sizes and one repeat, to
see that everything runs. Results go to ``results/benchmarks``, the page to ``results/benchmarks/index.html``, and into
every report that is rendered from then on.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from ladid_bench.reporting.benchmarks_page import benchmarks_folder, write_benchmarks_page

FOLDER = Path(__file__).resolve().parent
QUICK = {
    "methods": ("--methods", "ladid", "gru"),
    "steps": ("--methods", "ladid", "gru"),
    "systems": ("--systems", "pendulum", "wave", "--sizes", "32"),
    "loading": ("--trajectories", "16", "--sizes", "32"),
    "workflow": (),
}


def main() -> None:
    """Run every script in turn, alone, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="smallest sizes, one repeat")
    parser.add_argument("--output", type=Path, default=FOLDER.parent, help="checkout whose results folder is written")
    options = parser.parse_args()
    kept = benchmarks_folder(options.output)
    kept.mkdir(parents=True, exist_ok=True)
    for name, quick in QUICK.items():
        print(f"\n== {name}", flush=True)
        command = [sys.executable, str(FOLDER / f"{name}.py"), "--output", str(kept / f"{name}.json")]
        command += ["--repeats", "1", *quick] if options.quick else ["--repeats", str(options.repeats)]
        if subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}).returncode:
            parser.exit(1, f"benchmarks/{name}.py failed; what was measured before it is kept in {kept}\n")
    write_benchmarks_page(kept / "index.html", options.output)
    print(f"\n{kept / 'index.html'}")


if __name__ == "__main__":
    main()
