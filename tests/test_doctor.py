"""``ladid-bench doctor``: what is missing is said with its remedy, and only what hinders the main job is an error."""

from importlib import metadata
from types import SimpleNamespace

import pytest
import yaml
from checkouts import STUDY, Checkout
from commands import call
from refusals import BEGINNING

from ladid_bench.study import resources
from ladid_bench.study.datasets import make_files, planned_dataset
from ladid_bench.verification import doctor


def findings(checkout: Checkout, subject: str, cores: int = 1) -> list[doctor.Diagnosis]:
    return [one for one in doctor.examine(checkout.root, None, cores) if one.subject == subject]


def test_a_machine_that_runs_these_tests_can_run_the_main_job(checkout: Checkout) -> None:
    words = ("doctor", "--cores", "1", "--scale", "tiny")
    code, said = call(checkout.root, *words)
    assert code == 0, said
    lines = said.splitlines()
    assert lines[-1].endswith(" --cores all --config scale=tiny")
    subjects = {line[9:].split("  ")[0].strip() for line in lines[:-1]}
    assert {"Python", "device", "processor", "threads", "memory", "Slurm", "DVC", "study", "disk"} <= subjects
    assert f"torch {metadata.version('torch')}" in said
    assert any("'tiny'" in line and "0 done" in line for line in lines)


def test_byte_code_that_is_not_kept_is_a_note(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    states = {}
    for kept in (True, False):
        monkeypatch.setattr("sys.dont_write_bytecode", not kept)
        (found,) = findings(checkout, "Python")
        states[kept] = found.state
    assert states == {True: "ok", False: "note"}


def test_what_hinders_the_main_job_is_an_error(checkout: Checkout) -> None:
    (checkout.root / "config" / "tiny.yaml").write_text(yaml.safe_dump(STUDY | {"budget": {"stepps": 1}}))
    code, said = call(checkout.root, "doctor", "--cores", "1")
    assert code == 1
    (missing,) = (line for line in said.splitlines() if line.startswith("missing"))
    assert all(name in missing for name in ("study", "config/tiny.yaml", "'budget.stepps'", "'steps'"))
    assert said.splitlines()[-1].startswith(f"{BEGINNING}1 ")


def test_packages_that_are_missing_or_do_not_fit_are_named(checkout: Checkout, monkeypatch) -> None:
    wanted = ["torch<2", "no-such-package-at-all>=3", "numpy>=2", "neither-here; extra == 'video'"]
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: wanted)
    (found,) = findings(checkout, "packages")
    assert found.state == "missing"
    assert all(name in found.found for name in ("torch", "<2", "no-such-package-at-all"))
    assert "numpy" not in found.found
    (video,) = findings(checkout, "extra video")
    assert video.state == "note"
    assert video.found == "neither-here is not installed"


def test_a_full_disk_hinders_and_names_the_need(checkout: Checkout, monkeypatch) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=5e8))
    (found,) = findings(checkout, "disk")
    assert found.state == "missing"
    assert all(size in found.found for size in ("0.5 GB", "1.0 GB"))


def test_a_file_where_a_folder_should_be_hinders(checkout: Checkout) -> None:
    (checkout.root / "results").write_text("")
    (found,) = findings(checkout, "folder")
    assert found.state == "missing"
    assert "results" in found.found


@pytest.mark.parametrize(
    ("memory", "cores", "state"), [(64e9, 2, "ok"), (6e9, 2, "note"), (6e9, 1, "ok"), (1e9, 1, "note")]
)
def test_memory_is_compared_with_what_runs_take(memory: float, cores: int, state: str, checkout, monkeypatch) -> None:
    monkeypatch.setattr(doctor, "available_memory", lambda: memory)
    monkeypatch.setattr(resources, "memory_mb", lambda run: 4000 if run.method == "ladid" else 1000)
    checkout.configure(experiments={"comparison": {"datasets": ["pendulum"], "methods": ["ladid", "mean"]}})
    assert findings(checkout, "memory", cores)[0].state == state


def test_what_only_some_need_is_a_note(checkout: Checkout, monkeypatch) -> None:
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    assert findings(checkout, "Slurm")[0].state == "note"
    checkout.configure(datasets={"radar-rain": {}, "pendulum": STUDY["datasets"]["pendulum"]})
    monkeypatch.setenv("LADID_BENCH_CACHE", str(checkout.root / "cache"))
    (archives,) = findings(checkout, "archives")
    assert archives.state == "note"
    assert "pycomlink" in archives.found
    checkout.configure(datasets={"rain": {"source": "radar-rain"}, "pendulum": STUDY["datasets"]["pendulum"]})
    assert "pycomlink" in findings(checkout, "archives")[0].found
    checkout.configure(datasets={"radar-rain": {}, "pendulum": STUDY["datasets"]["pendulum"]})
    checkout.add("strange", requires=["no_such_module"], extra="strange")
    checkout.configure(experiments={"comparison": {"datasets": ["pendulum"], "methods": ["strange"]}})
    (method,) = findings(checkout, "strange")
    assert method.state == "note"
    assert all(name in method.found for name in ("no_such_module", "ladid-bench[strange]"))


def test_a_torch_that_cannot_be_imported_hinders(checkout: Checkout, monkeypatch) -> None:
    def broken(name: str) -> None:
        raise OSError("libtorch_cpu.so: cannot open\nshared object file")

    monkeypatch.setattr(doctor.importlib, "import_module", broken)
    assert str(doctor._device()).count("\n") == 0
    assert doctor._device().state == "missing"


def test_the_disk_that_is_needed_is_that_of_the_data_to_be_made(checkout: Checkout) -> None:
    """8 + 2 + 3 trajectories, and 3 at the times between frames, of 60 frames of 32 x 32 numbers of 4 bytes."""
    assert doctor._data_bytes(checkout.study, checkout.folders) == (8 + 2 + 3 + 3) * 60 * 32 * 32 * 4
    make_files(planned_dataset(checkout.study, "pendulum"), checkout.folders, ["train"])
    assert doctor._data_bytes(checkout.study, checkout.folders) == (2 + 3 + 3) * 60 * 32 * 32 * 4


def test_more_runs_than_cores_side_by_side_are_a_note(checkout: Checkout) -> None:
    assert [findings(checkout, "processor", cores)[0].state for cores in (1, 10**6)] == ["ok", "note"]
