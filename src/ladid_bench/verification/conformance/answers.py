"""Checks of what a method answers: shapes, times, companions, inputs, and whether it knows anything."""

import numpy as np

from ladid_bench.data.metrics import measure, unusable
from ladid_bench.methods.base import Forecast, Method, Training
from ladid_bench.verification.conformance.checks import Verdict, exempt, failed, not_applicable, passed
from ladid_bench.verification.conformance.subject import BRIEF, Subject
from ladid_bench.verification.conformance.toy import HORIZON, PERIOD, STEP, Toy

ALONE = 1e-4  # largest effect of the batch on a forecast, as a fraction of the range of values
ON_ANOTHER_GRID = 1e-3  # the same for other query times beside a query: an adaptive solver takes other steps
MOVED = 1e-2  # least mean change of a forecast from its first frame to its last, likewise
BETTER = 0.9  # of the variance may stay unexplained; the training mean leaves all of it
HISTORY = {"step", "valid_nmse", "train_loss"}  # of a validation
DRAWS = 3
SEASONS = 1000  # whole seasons by which dates are moved


def shapes(subject: Subject) -> Verdict:
    """Check that forecasts have the right shape and type and are finite, on images, two channels and vectors."""
    taken, notes = [], []
    for toy in ("image", "two channels", "vector"):
        reason = subject.refuses(toy)
        if reason:
            notes.append(f"not {toy}: {reason}")
            continue
        method, data = subject.fitted(toy), subject.toy(toy)
        problem = _shape_problem(method.forecast(*data.context, data.query_times), data) or _part_problem(method, data)
        if not problem:
            frames, context_times = data.context
            one = method.forecast(frames[:1], context_times[:1], data.query_times[:1, -1:]).mean
            problem = "" if one.shape == data.truth[:1, -1:].shape else f"of one frame has shape {one.shape}"
        if problem:
            return failed(f"{toy}: {problem}")
        taken.append(toy)
    return passed("; ".join([", ".join(taken), *notes])) if taken else failed(f"takes no toy data: {notes[0]}")


def _shape_problem(forecast: Forecast, data: Toy) -> str:
    expected = data.truth.shape
    for name, values in (("mean", forecast.mean), ("std", forecast.std)):
        if values is None:
            continue
        if values.shape != expected:
            return f"{name} has shape {values.shape}, expected {expected}"
        if values.dtype != np.float32:
            return f"{name} is {values.dtype}, expected float32"
        if problem := unusable(values):
            return f"{name} {problem}"
    return "std has negative values" if forecast.std is not None and (forecast.std < 0).any() else ""


def _part_problem(method: Method, data: Toy) -> str:
    """What is wrong with the representation, the rendering, the cost or the history that a method gives."""
    latent, rendered = method.represent(*data.context), method.reconstruct(data.test.frames, data.test.times)
    if latent is not None and (latent.ndim != 2 or len(latent) != len(data.test) or not np.isfinite(latent).all()):
        return f"represent gives {latent.shape}, expected finite values of shape ({len(data.test)}, latent)"
    if rendered is not None and (rendered.shape != data.truth.shape or not np.isfinite(rendered).all()):
        return f"reconstruct gives {rendered.shape}, expected finite values of shape {data.truth.shape}"
    for name, value in method.cost().items():
        if not np.isfinite(value):
            return f"cost '{name}' is {value}"
    if any({"step", "valid_nmse"} - set(point) or set(point) - HISTORY for point in method.history()):
        return "history has to consist of 'step', 'valid_nmse' and, where it is known, 'train_loss'"
    return ""


def times(subject: Subject) -> Verdict:
    """Check that frames are those of their query times, whatever else is queried, and whichever year it is."""
    method, data = subject.fitted(), subject.toy(subject.main)
    query_times, tolerance = data.query_times, ON_ANOTHER_GRID * data.scale
    whole = subject.learnt
    some = [1, 4, 6]
    if _far(subject.answer(method, times=query_times[:, some]), whole[:, some], tolerance):
        return failed("asking for fewer times gives other frames at the same times")
    fine = subject.answer(method, times=np.sort(np.concatenate([query_times, query_times - STEP / 2], axis=1), axis=1))
    if not np.isfinite(fine).all():
        return failed("at times between frames the forecast is not finite")
    if _far(fine[:, 1::2], whole, tolerance):
        return failed("asking for times between frames too gives other frames at the same times")
    if not np.isfinite(subject.answer(method, times=query_times + PERIOD)).all():
        return failed("beyond the times it was trained on, the forecast is not finite")
    frames, context_times = data.context
    later = SEASONS * PERIOD
    if _far(method.forecast(frames, context_times + later, query_times + later).mean, whole, tolerance):
        return failed("whole seasons later the forecast is another one; only the time within a season may count")
    return passed()


def moves(subject: Subject) -> Verdict:
    """Check that forecasts at different times differ where the truth moves."""
    if not subject.is_forecaster:
        return exempt(f"a {subject.card.kind} method need not move")
    # from the first query time to the last the truth goes through most of half a period
    whole, data = subject.learnt, subject.toy(subject.main)
    change = np.abs(whole[:, -1] - whole[:, 0]).reshape(len(whole), -1).mean(axis=1)
    still = int((change < MOVED * data.scale).sum())
    return failed(f"{still} of {len(change)} forecasts stand still while the truth moves") if still else passed()


def rows(subject: Subject) -> Verdict:
    """Check that every trajectory of a batch gets the frames of its own times."""
    method, data = subject.fitted(), subject.toy(subject.main)
    frames, context_times = data.context
    later = STEP / 2 * (np.arange(len(frames)) % 3)[:, None]  # other times in every row
    together = subject.answer(method, times=data.query_times + later)
    for row in (1, 2):
        one = slice(row, row + 1)
        alone = method.forecast(frames[one], context_times[one], (data.query_times + later)[one]).mean
        if _far(together[one], alone, ON_ANOTHER_GRID * data.scale):
            return failed("a trajectory with query times of its own gets other frames in a batch than alone")
    return passed()


def irregular(subject: Subject) -> Verdict:
    """Check that it works where every trajectory has uneven times of its own, or says why not."""
    toy = "irregular" if subject.main != "vector" else "irregular vector"
    reason = subject.skips(toy)
    if reason:
        return not_applicable(f"skips irregular times: {reason}")
    method, data = subject.fitted(toy), subject.toy(toy)
    problem = _shape_problem(method.forecast(*data.context, data.query_times), data)
    return failed(problem) if problem else passed()


def horizon(subject: Subject) -> Verdict:
    """Check that a forecast over a long horizon that it was trained for has no error for which a run is given up."""
    toy = "long" if subject.main != "vector" else "long vector"
    reason = subject.skips(toy)
    if reason:
        return not_applicable(f"skips a long horizon: {reason}")
    method, data = subject.fitted(toy), subject.toy(toy)
    forecast = method.forecast(*data.context, data.query_times)
    problem = _shape_problem(forecast, data)
    if problem:
        return failed(problem)
    errors = measure(data.truth, forecast.mean, data.train.frames.mean(axis=(0, 1)), data.task.variables)
    if errors.explosion:
        return failed(f"the forecast explodes: {errors.explosion}")
    last = errors.squared_error[:, -1].sum() / errors.squared_deviation[:, -1].sum()
    return passed(f"of the last of {HORIZON} frames the squared error is {last:.2g} times the variance")


def companions(subject: Subject) -> Verdict:
    """Check that a forecast does not depend on the other trajectories in the batch."""
    method, data = subject.fitted(), subject.toy(subject.main)
    (frames, context_times), whole = data.context, subject.learnt
    alone = method.forecast(frames[:1], context_times[:1], data.query_times[:1]).mean
    if _far(alone, whole[:1], ALONE * data.scale):
        return failed(f"alone a trajectory gets another forecast than in a batch {_distance(alone, whole[:1], data)}")
    turned = method.forecast(*(part[::-1].copy() for part in (*data.context, data.query_times))).mean[::-1]
    if _far(turned, whole, ALONE * data.scale):
        return failed(f"another order of the batch gives other forecasts {_distance(turned, whole, data)}")
    return passed()


def stateless(subject: Subject) -> Verdict:
    """Check that the same queries get the same forecast twice, and that its inputs stay as they were."""
    method, data = subject.fitted(), subject.toy(subject.main)
    (frames, context_times), query_times = data.context, data.query_times
    first = method.forecast(frames, context_times, query_times).mean.copy()
    named = {"context": (frames, data.context[0]), "context_times": (context_times, data.context[1])}
    for name, (now, before) in (named | {"query_times": (query_times, data.query_times)}).items():
        if not np.array_equal(now, before):
            return failed(f"forecast changes its argument '{name}'")
    method.forecast(frames[::-1].copy(), context_times, query_times[:, :2])
    if not np.array_equal(method.forecast(*data.context, data.query_times).mean, first):
        return failed("the same queries after others get another forecast")
    train, valid = data.known
    subject.new(subject.main).fit(Training(train, valid, BRIEF, 0))
    if (train.content_sha256, valid.content_sha256) != (data.train.content_sha256, data.valid.content_sha256):
        return failed("fit changes the data it was given")
    return passed()


def samples(subject: Subject) -> Verdict:
    """Check that draws of the predictive distribution keep their shape and their seed, and that the card knows them."""
    method, data = subject.fitted(), subject.toy(subject.main)
    asked = (*data.context, data.query_times, DRAWS)
    draws, again, other = (method.sample(*asked, seed=seed) for seed in (0, 0, 1))
    if draws is None or again is None or other is None:
        if subject.card.sampled and subject.variant == next(iter(subject.card.variants)):
            return failed("its card says what is 'sampled', but it draws nothing")
        return not_applicable("it forecasts one future, so there is nothing to draw")
    if not subject.card.sampled:
        return failed("it draws samples; its card has to say in 'sampled' what differs between them")
    if draws.shape != (DRAWS, *data.truth.shape) or draws.dtype != np.float32 or not np.isfinite(draws).all():
        return failed(f"draws are {draws.dtype} {draws.shape}, expected finite float32 {(DRAWS, *data.truth.shape)}")
    if not np.array_equal(again, draws):
        return failed("the same seed gives other draws")
    if np.array_equal(draws[0], draws[1]) or np.array_equal(other, draws):
        return failed("draws do not differ from each other, or not with the seed")
    if not np.array_equal(subject.answer(method), subject.learnt):
        return failed("after draws the forecast is another one")
    return passed(f"draws {subject.card.sampled}")


def better(subject: Subject) -> Verdict:
    """Check that on a toy system learnt in seconds it explains some of the variance that the mean leaves."""
    if subject.card.kind == "reference":
        return exempt("a reference method need not beat the mean")
    data = subject.toy(subject.main)
    made = subject.learnt if subject.is_forecaster else subject.fitted().reconstruct(data.test.frames, data.test.times)
    if made is None:
        return failed("a floor needs 'reconstruct'")
    mean = data.train.frames.mean(axis=(0, 1))
    unexplained = measure(data.truth, made, mean, data.task.variables).pooled_fvu
    found = f"leaves {unexplained:.3g} of the variance unexplained; the mean leaves 1, at most {BETTER:g} may be left"
    return passed(found) if unexplained <= BETTER else failed(found)


def limits(subject: Subject) -> Verdict:
    """Check that images whose sides no shared coder takes are forecast, or refused with a reason."""
    toy = "odd sides"
    skipped, reason = subject.method_class.skip(subject.toy(toy).task)
    if skipped and not reason.strip():
        return failed("skip has to give a reason")
    refused = subject.refuses(toy)
    if refused:
        return (
            failed(f"the reason has several lines: {refused!r}") if "\n" in refused else passed(f"refused: {refused}")
        )
    method, data = subject.fitted(toy), subject.toy(toy)
    problem = _shape_problem(method.forecast(*data.context, data.query_times), data)
    return failed(f"20 x 24 pixels: {problem}") if problem else passed("takes 20 x 24 pixels")


def _far(made: np.ndarray, expected: np.ndarray, tolerance: float) -> bool:
    return not np.allclose(made, expected, rtol=0, atol=tolerance)


def _distance(made: np.ndarray, expected: np.ndarray, data: Toy) -> str:
    return f"(by {np.abs(made - expected).max() / data.scale:.1e} of the range)"
