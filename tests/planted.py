"""Plants known faults in a copy of the code, one at a time, and says which of them the tests named for each catch.

``python tests/planted.py`` tries all of ``planted.yaml``, which takes an hour, and fails if fewer than 95 % are
caught. ``--commit HASH`` tries the few that fall to a commit, and all of these have to be caught.
"""

import argparse
import importlib
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
LIST = Path(__file__).with_suffix(".yaml")
AIM = 0.95  # of the faults have to be caught
FEW = 5  # that fall to a commit
LONGEST = 300  # seconds that the tests of a fault may take
# what tests import before the suite's own code; it is imported once, and each fault has a fork of the process
LIBRARIES = ("torch", "pandas", "h5py", "xarray", "pydmd", "sklearn.linear_model", "scipy.stats", "scikit_posthocs")
FAILED = 1  # how pytest ends where a test fails; it ends otherwise where a test is not there or cannot be read


@dataclass(frozen=True)
class Fault:
    """One change of one file that makes the code wrong; ``tests`` must fail with it.

    Attributes:
        file: path in the checkout.
        old, new: what is replaced, which occurs exactly once, and by what.
        tests: names for pytest, as few and as fast as will do.
    """

    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"{self.file}: {self.old.strip()} -> {self.new.strip()}"

    def planted_in(self, text: str) -> str:
        """Replace the old text by the new one.

        Raises:
            ValueError: the old text does not occur exactly once.
        """
        if text.count(self.old) != 1 or self.old == self.new:
            raise ValueError(f"{self.words}: occurs {text.count(self.old)} times, and has to occur once and to change")
        return text.replace(self.old, self.new)


def kept_faults() -> list[Fault]:
    """Read the kept list."""
    files = yaml.safe_load(LIST.read_text(encoding="utf-8"))
    return [
        Fault(file, one["old"], one["new"], tuple(one["tests"].split())) for file, many in files.items() for one in many
    ]


def of_commit(faults: list[Fault], commit: str) -> list[Fault]:
    """Choose the few faults that fall to a commit, the same ones each time."""
    return random.Random(commit).sample(faults, FEW)


def copied(folder: Path) -> Path:
    """Copy the files of the checkout that git knows, as they are now; the results of studies are not needed."""
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    for name in names:
        of_a_study = name.startswith("results/") and name.count("/") > 1
        if name and not of_a_study and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


@contextmanager
def planted(fault: Fault, folder: Path, moment: int) -> Iterator[None]:
    """Have a fault in the copy while this lasts.

    ``moment``, another one each time, is the time of the file: its byte code is told by it, in whole seconds.
    """
    path = folder / fault.file
    text = path.read_text(encoding="utf-8")
    path.write_text(fault.planted_in(text), encoding="utf-8")
    os.utime(path, (moment, moment))
    try:
        yield
    finally:
        path.write_text(text, encoding="utf-8")
        os.utime(path, (moment + 1, moment + 1))


def tested(folder: Path, tests: tuple[str, ...]) -> tuple[int | None, str]:
    """Run tests in the copy, up to the first that fails: how pytest ended, None if not in time, and its words."""
    said = folder / "said.txt"
    child = multiprocessing.get_context("fork").Process(target=_test, args=(folder, tests, said))
    child.start()
    child.join(LONGEST)
    child.kill()
    return child.exitcode, said.read_text(encoding="utf-8", errors="replace")


def _test(folder: Path, tests: tuple[str, ...], said: Path) -> None:
    """What the process does that is forked for one fault: the libraries are there, and the suite's own code is not."""
    with said.open("w") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    os.chdir(folder)
    os.environ |= {"PYTHONPATH": str(folder / "src"), "CI": "true"}
    sys.path[0] = str(folder / "src")
    sys.exit(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-m", "", *tests]))


def survivors(faults: list[Fault]) -> list[Fault]:
    """Plant the faults one after the other, print what becomes of each, and return those that no test catches.

    Raises:
        SystemExit: the tests do not pass as the code is, or break off with a fault.
    """
    left = []
    for library in LIBRARIES:
        importlib.import_module(library)
    with tempfile.TemporaryDirectory(prefix="planted-") as name:
        folder = copied(Path(name))
        plain = tested(folder, tuple(dict.fromkeys(test for fault in faults for test in fault.tests)))
        if plain[0] != 0:
            sys.exit(f"{plain[1]}\nthe tests named in {LIST.name} do not pass as the code is")
        for place, fault in enumerate(faults):
            began = time.monotonic()
            with planted(fault, folder, 2 * place + 1):
                ended, said = tested(folder, fault.tests)
            if ended not in (0, FAILED):
                sys.exit(f"{said}\n{fault.words}: pytest broke off with {ended}")
            outcome = "caught  " if ended else "SURVIVED"
            print(f"{outcome} {time.monotonic() - began:5.1f} s  {fault.words}", flush=True)
            left += [] if ended else [fault]
    return left


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commit", help="try the few faults that fall to this commit, instead of all")
    parser.add_argument("--only", default="", help="try those in files whose path contains this")
    asked = parser.parse_args()
    faults = [fault for fault in kept_faults() if asked.only in fault.file]
    chosen = of_commit(faults, asked.commit) if asked.commit else faults
    print(f"{len(chosen)} of {len(kept_faults())} faults are planted, one at a time", flush=True)
    caught = len(chosen) - len(survivors(chosen))
    print(f"{caught} of {len(chosen)} planted faults were caught, {caught / len(chosen):.0%}")
    sys.exit(caught < (1 if asked.commit else AIM) * len(chosen))


if __name__ == "__main__":
    main()
