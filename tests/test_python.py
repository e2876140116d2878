"""The face of the package for Python users, and the command that forecasts new data."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from checkouts import Checkout
from commands import call
from refusals import check_refusal, refused
from scipy.stats import kstest, norm

import ladid_bench
from ladid_bench.data.trajectories import read_trajectories, write_trajectories
from ladid_bench.methods.forecasts import read_forecast

TIMES = np.linspace(0, 3, 30)


@pytest.fixture
def checkout(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A checkout of its own, in which this process stands."""
    made = Checkout(tmp_path / "checkout", root)
    monkeypatch.chdir(made.root)
    return made


def turning(count: int = 24) -> np.ndarray:
    """Points that turn on a circle at two radians a unit of time, ``(trajectory, time, 2)``."""
    angle = 2 * TIMES + np.random.default_rng(0).uniform(0, 2 * np.pi, (count, 1))
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def test_the_package_is_imported_without_torch() -> None:
    names = "; ".join(f"ladid_bench.{name}" for name in ("BenchError", "__version__"))
    code = f"import sys, ladid_bench; {names}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert all(hasattr(ladid_bench, name) for name in ladid_bench.__all__)
    assert not hasattr(ladid_bench, "no_such_name")


def test_every_example_of_the_page_runs(checkout: Checkout, root: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (root / "docs" / "python.md").read_text(), flags=re.DOTALL)
    assert len(blocks) == 4
    known: dict[str, object] = {}
    for block in blocks:
        exec(block, known)
    assert known["forecast"].mean.shape == (8, 50, 2)  # type: ignore[attr-defined]
    assert known["draws"].shape == (20, 8, 50, 2)  # type: ignore[attr-defined]
    assert (checkout.root / "my-model" / "model.json").exists()


def test_a_linear_method_forecasts_what_is_linear_exactly(checkout: Checkout, tmp_path: Path) -> None:
    """A turn is a linear map of the point, so that ridge regression knows the future, in any unit."""
    frames = 1000 + 300 * turning()
    model = ladid_bench.fit("ridge", frames[:20], TIMES, context_frames=10)
    forecast = model.forecast(frames[20:, :10], TIMES[:10], TIMES[10:]).mean
    np.testing.assert_allclose(forecast, frames[20:, 10:], atol=0.1)
    model.save(tmp_path / "kept")
    again = ladid_bench.load(tmp_path / "kept")
    assert again.task == model.task
    np.testing.assert_array_equal(again.forecast(frames[20:, :10], TIMES[:10], TIMES[10:]).mean, forecast)


def test_the_answer_has_the_axes_of_the_context(checkout: Checkout) -> None:
    images = np.random.default_rng(0).random((6, 8, 16, 16))
    model = ladid_bench.fit("mean", images, np.arange(8.0), context_frames=3)
    for context in (images[:2, :3], images[:2, :3, None]):
        forecast = model.forecast(context, np.arange(3.0), np.arange(3.0, 8.0)).mean
        assert forecast.shape == (2, 5, *context.shape[2:])
    colours = np.random.default_rng(0).random((6, 8, 3, 16, 16))
    model = ladid_bench.fit("mean", colours, np.arange(8.0), context_frames=3)
    assert model.forecast(colours[:, :3], np.arange(3.0), [4.0, 5.0]).mean.shape == (6, 2, 3, 16, 16)


def test_what_does_not_fit_is_one_line(checkout: Checkout, tmp_path: Path) -> None:
    frames = turning()
    model = ladid_bench.fit("mean", frames, TIMES, context_frames=10)
    context, seen, later = frames[:, :10], TIMES[:10], TIMES[10:]
    for named, arguments in (
        (("context", 9, 10), (context[:, :9], seen[:9], later)),
        (("context", "(1, 3)", "(1, 2)"), (np.zeros((4, 10, 3)), seen, later)),
        (("context", "finite"), (np.where(context > 0.9, np.nan, context), seen, later)),
        (("context", "times"), (context, seen[::-1], later)),
        (("query_times",), (context, seen, later[::-1])),
        (("query_times", "context_times"), (context, seen, TIMES[5:])),
        (("query_times",), (context, seen, [np.inf])),
        (("samples", "1.5"), (context, seen, later, 1.5)),
        (("samples", "-1"), (context, seen, later, -1)),
        (("seed", "-1"), (context, seen, later, 0, -1)),
    ):
        with refused(*named):
            model.forecast(*arguments)
    assert model.forecast(context, seen, later, np.int64(0)).samples is None
    for named, arguments, options in (
        (("frames", "(24, 30)"), (frames[:, :, 0], TIMES), {"context_frames": 10}),
        (("frames", "times"), (frames, TIMES[:-1]), {"context_frames": 10}),
        (("times", "real numbers"), (frames, ["soon"] * len(TIMES)), {"context_frames": 10}),
        (("times", "real numbers"), (frames, [TIMES, TIMES[:-1]]), {"context_frames": 10}),
        (("frames", "array"), ([frames[0], frames[1, :-1]], TIMES), {"context_frames": 10}),
        (("context_frames", 30), (frames, TIMES), {"context_frames": 30}),
        (("valid_fraction",), (frames[:1], TIMES), {"context_frames": 10}),
        (("'bugdet'",), (frames, TIMES), {"context_frames": 10, "budget": {"bugdet": 1}}),
        (("kind", "'body'", "'bodies'"), (frames, TIMES), {"context_frames": 10, "kind": "body"}),
        (("'latnet'", "'latent'"), (frames, TIMES), {"context_frames": 10, "settings": {"latnet": 1}}),
        (("context_frames", "'10'"), (frames, TIMES), {"context_frames": "10"}),
        (("seed", "-1"), (frames, TIMES), {"context_frames": 10, "seed": -1}),
        (("threads", "0"), (frames, TIMES), {"context_frames": 10, "threads": 0}),
        (("settings", "latent"), (frames, TIMES), {"context_frames": 10, "settings": ["latent"]}),
        (("ladid", "'latent': -3"), (frames, TIMES), {"context_frames": 10, "settings": {"latent": -3}}),
        (("steps",), (frames, TIMES), {"context_frames": 10, "steps": 3, "budget": {"steps": 4}}),
    ):
        with refused(*named):
            ladid_bench.fit("ladid", *arguments, **options)
    with refused("'laddid'", "'ladid'"):
        ladid_bench.fit("laddid", frames, TIMES, context_frames=10)
    with refused("'ladid'", 16):  # sides that its encoder does not take
        ladid_bench.fit("ladid", np.random.default_rng(0).random((4, 30, 15, 15)), TIMES, context_frames=10)
    with refused("config", "model.json"):
        ladid_bench.load("config")
    with refused("'ffff'"):
        ladid_bench.load("ffff")
    for place in ("config", "params.yaml"):  # what somebody else wrote stays as it is
        with refused(place):
            model.save(place)
    assert not (checkout.root / "config" / "model.json").exists()
    model.save(tmp_path / "kept")
    (tmp_path / "kept" / "model.json").write_text('{"method": "mean"}')
    with refused("model.json", "'settings'"):
        ladid_bench.load(tmp_path / "kept")


def test_times_that_no_forecast_reaches_are_one_line(checkout: Checkout) -> None:
    """LaDID starts anew from its own forecast whenever the time that it was trained for ends; not a million times."""
    frames = turning(6)
    options = {"latent": 2, "psi": 2, "hidden": 4, "layers": 1}
    model = ladid_bench.fit("ladid", frames, TIMES, context_frames=10, steps=2, settings=options)
    with refused("ladid", "query times"):
        model.forecast(frames[:, :10], TIMES[:10], [3e6])


def test_the_model_of_a_run_forecasts_what_the_run_forecast(checkout: Checkout, tmp_path: Path) -> None:
    run, outcome = checkout.supervise("gru")
    assert outcome.status == "ok"
    file = run.dataset.files(checkout.folders)["test"]
    test, answered = read_trajectories(file), tmp_path / "out.hdf5"
    made = ladid_bench.load(run.key[:10]).forecast(test.frames[:, :10], test.times[:, :10], test.times[:, 10:60])
    kept = read_forecast(checkout.folders.forecast(run.key), test.times[:, 10:60], test.frames.shape[2:])
    np.testing.assert_array_equal(made.mean, kept.mean)

    def say(*words: object) -> tuple[int, str]:
        return call(checkout.root, "forecast", *map(str, words))

    code, said = say(run.key, file, answered)
    assert code == 0, said
    np.testing.assert_array_equal(read_forecast(answered, test.times[:, 10:60], test.frames.shape[2:]).mean, kept.mean)
    assert "pendulum" not in said.replace(str(file), "")
    other = tmp_path / "other-origin.hdf5"
    write_trajectories(other, replace(test, provenance={**test.provenance, "dataset": "wave"}))
    code, said = say(run.key, other, answered)
    assert code == 0
    assert {"wave", "pendulum"} <= set(re.findall(r"'(\w+)'", said))
    arrays = {"context": test.frames[:1, :10, 0], "context_times": test.times[0, :10], "query_times": [2.5, 2.75]}
    np.savez(tmp_path / "new.npz", **arrays)
    code, said = say(run.key, tmp_path / "new.npz", answered)
    assert code == 0, said
    with h5py.File(answered) as written:
        assert written["mean"].shape == (1, 2, 1, 32, 32)
        assert written["times"][()].tolist() == [[2.5, 2.75]]
    np.savez(tmp_path / "less.npz", context=arrays["context"])
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04")
    for name, named in (("less.npz", "context_times"), ("broken.npz", "query_times"), ("none.hdf5", "none.hdf5")):
        code, said = say(run.key, tmp_path / name, tmp_path / "other.hdf5")
        assert code == 1
        check_refusal(said, name, named)
    assert not (tmp_path / "other.hdf5").exists()


def test_a_forecast_file_holds_draws_of_what_the_method_says_it_knows(checkout: Checkout, tmp_path: Path) -> None:
    """Of a method whose values are normal about 5 with a deviation of 2, each independent of all others."""
    checkout.add("scatter", value="5.0, np.float32), np.full((*query_times.shape, *self.task.shape), 2.0")
    frames, folder, out = turning(), tmp_path / "scatter", tmp_path / "out.hdf5"
    np.savez(tmp_path / "new.npz", context=frames[:3, :10], context_times=TIMES[:10], query_times=TIMES[10:])
    for name in ("scatter", "mean"):
        ladid_bench.fit(name, frames, TIMES, context_frames=10).save(tmp_path / name)

    def forecast(model: Path, file: Path, *options: str) -> tuple[int, str]:
        words = ("forecast", str(model), str(tmp_path / "new.npz"), str(file), *options)
        return call(checkout.root, *words)

    def drawn(*options: str) -> np.ndarray:
        code, said = forecast(folder, out, "--samples", "200", *options)
        assert code == 0, said
        with h5py.File(out) as written:
            assert written["mean"][()].tolist() == np.full((3, 20, 1, 2), 5.0).tolist()
            assert written["samples"].dtype == np.float32
            return written["samples"][()]

    draws = drawn("--seed", "1")
    assert draws.shape == (200, 3, 20, 1, 2)
    assert kstest(draws.ravel(), norm(5, 2).cdf).pvalue > 0.01
    values = draws.reshape(200, -1)  # (sample, trajectory * query * feature)
    apart = np.corrcoef(values, rowvar=False)[np.triu_indices(values.shape[1], 1)]
    assert apart.std() == pytest.approx(1 / np.sqrt(200), rel=0.1)  # what independent values have by chance
    np.testing.assert_array_equal(drawn("--seed", "1"), draws)
    assert (drawn() != draws).mean() > 0.99  # another seed
    assert forecast(folder, out)[0] == 0
    with h5py.File(out) as written:
        assert set(written) == {"mean", "std", "times"}

    for model, number in ((tmp_path / "mean", "2"), (folder, str(10**9))):  # one future alone; more than any memory
        code, said = forecast(model, tmp_path / "none.hdf5", "--samples", number)
        assert code == 1
        check_refusal(said, model.name, "samples")
    assert not (tmp_path / "none.hdf5").exists()


def test_a_run_in_closed_form_is_fitted_again(checkout: Checkout) -> None:
    """The mean of the training data is the forecast at every time, and needs the data to be there."""
    run = checkout.run_of("mean")
    model = ladid_bench.load(run.key)
    path = run.dataset.files(checkout.folders)["train"]
    train = read_trajectories(path)
    seen = model.task.context_frames
    made = model.forecast(train.frames[:2, :seen], train.times[:2, :seen], train.times[:2, seen:]).mean
    np.testing.assert_allclose(made[0, 0], train.frames.mean(axis=(0, 1)), atol=1e-5)
    path.unlink()
    with refused(run.dataset.name, "ladid-bench data"):
        ladid_bench.load(run.key)


def test_training_keeps_to_the_threads_it_is_given() -> None:
    """Torch's own number is put back afterwards."""
    import torch

    from ladid_bench.runs.model import limited_threads

    before = torch.get_num_threads()
    with limited_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_a_method_is_trained_as_it_is_asked_and_validates_on_what_it_does_not_train_on(checkout: Checkout) -> None:
    told = "'{0.seed} {0.budget.steps} {0.budget.batch_size} {1} {2}'.format(training, *groups)"
    groups = "groups = [one.group.tolist() for one in (training.train, training.valid)]"
    checkout.add("strange", f"{groups}; raise ValueError({told})")
    options = {"steps": 7, "budget": {"batch_size": 3}, "valid_fraction": 0.3, "context_frames": 10}
    divided = []
    for seed in (5, 6):
        with pytest.raises(ValueError, match=f"^{seed} 7 3 ") as caught:
            ladid_bench.fit("strange", turning()[:20], TIMES, seed=seed, **options)
        train, valid = (json.loads(part) for part in re.findall(r"\[.*?\]", str(caught.value)))
        assert len(valid) == 6 and sorted(train + valid) == list(range(20))
        divided.append(valid)
    assert divided[0] != divided[1]


def test_settings_are_those_of_the_variant_and_the_kind_of_data(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Handed(Exception):
        pass

    def take(*given: object) -> None:
        raise Handed(*given)

    monkeypatch.setattr("ladid_bench.runs.model.resolve_settings", take)
    changed = {"latent": 3}
    with pytest.raises(Handed) as handed:
        ladid_bench.fit("ladid:paper", turning(), TIMES, context_frames=10, kind="fields", settings=changed)
    assert handed.value.args == ("ladid", "paper", changed, checkout.root, "fields")
