"""Runs the part of the slow tests whose turn it is in the gate: ``python tests/turns.py COMMIT``.

The commit's hash decides, so that over a few weeks of commits all have their turn, and a slow test does not rot unseen.
"""

import random
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# by file, parts into which its slow tests are divided, so that a part takes a minute or two with two processes
SUITES = {
    "tests/test_conformance.py": 6,
    "tests/test_crashes.py": 1,
    "tests/test_crossed.py": 1,
    "tests/test_hostile.py": 12,
    "tests/test_physics.py": 5,
    "tests/test_scaffold.py": 1,
    "tests/test_training.py": 1,
}
# too long for the gate, files and single tests; run by the weekly workflow, and by hand with 'pytest -m slow FILE'
LEFT_OUT = {
    "tests/test_crashes.py::test_killed_at_twenty_random_moments": "twenty studies, killed and carried out again",
    "tests/test_dvc.py": "it carries out the smoke study, which the gate has done before it",
    "tests/test_slurm.py": "its runs last for minutes, so that they have checkpoints and reach their time limits",
}


def turn_of(commit: str) -> tuple[str, int]:
    """Choose the file, and which part of it, that falls to a commit."""
    turns = [(file, part) for file, parts in SUITES.items() for part in range(parts)]
    return random.Random(commit).choice(turns)


def slow_tests(file: str) -> list[str]:
    """List the slow tests of a file that are not left out, as pytest names them."""
    words = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "slow", file]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    tests = [line for line in done.stdout.splitlines() if line.startswith(f"{file}::")]
    return [test for test in tests if test.partition("[")[0] not in LEFT_OUT]


def part_of(tests: list[str], part: int, parts: int) -> list[str]:
    """Take the tests of a part: neighbours, which may share what takes longest."""
    return tests[len(tests) * part // parts : len(tests) * (part + 1) // parts]


def main(commit: str) -> int:
    file, part = turn_of(commit)
    tests = part_of(slow_tests(file), part, SUITES[file])
    print(f"commit {commit}: part {part + 1} of {SUITES[file]} of the slow tests of {file}, {len(tests)} tests")
    how = ["-n", "2", "--dist", "worksteal", "-q", "-m", "slow", "--durations", "5"]
    words = [sys.executable, "-m", "pytest", *how, *tests]
    return subprocess.run(words, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
