"""The verdict on what psi carries and F does not, from made-up probes and errors whose answers are known."""

import math

import made_up
import pytest
from test_claims import Made, moved

from ladid_bench.analysis.paired import NEEDS_SEEDS
from ladid_bench.analysis.verdicts import NOT_REPRODUCED, NOT_RUN, NOT_SEPARABLE, REPRODUCED

SETS = ("pendulum", "reaction-diffusion", "cylinder-flow")
CLEAR = {"psi": 0.1, "pca": 0.4, "untrained": 0.4, "shuffled": 1.05}
TARGETS = {  # with the experiment and the source, whose trajectories differ in the constant that is new in the target
    "pendulum-length-2.5": {"experiment": "frozen", "source": "pendulum--lengths-mixed"},
    "reaction-diffusion--beta-1.5": {"experiment": "transfer", "source": "reaction-diffusion"},
}


def probed(made: Made, dataset: str, unexplained: dict[str, float], seeds: int = 3, **how: float) -> None:
    for seed in range(seeds):
        made.runs(dataset, "ladid", 0.1, (seed,), experiment="comparison,probe")
        key = made.rows[-1]["key"]
        made.probes[key] = made_up.probe(key, unexplained, **how)


def study(readings: dict[str, float] = CLEAR, frozen: float = 0.1, tuned: float = 0.1, scratch: float = 0.3) -> Made:
    made = Made()
    for name in SETS:
        probed(made, name, readings)
    for target, how in TARGETS.items():
        moved(made, target, "frozen-dynamics", 0.08, frozen, **how)
        moved(made, target, "fine-tuned", 0.08, tuned, **how)
        moved(made, target, "scratch", 0.08, scratch, experiment=how["experiment"])
    return made


def test_a_readable_code_and_a_map_that_need_not_change() -> None:
    found = study().judged("C11")
    assert (found.verdict, found.seeds) == (REPRODUCED, 3)
    assert [(part.name, part.counted) for part in found.parts] == [
        ("psi is readable", True),
        ("with F frozen, against scratch", True),
        ("with F frozen, against fine-tuning all of it", True),
        ("psi by a kernel probe", False),
    ]
    ((first, *_),) = [part.sets for part in found.parts[:1]]
    means = {one.second: one.beside.ratio_of_means for one in first.contrasts if one.beside}
    assert means == pytest.approx({"pca": 0.25, "untrained": 0.25, "shuffled": 0.1 / 1.05}, rel=1e-6)


@pytest.mark.parametrize("control", ["pca", "untrained", "shuffled"])
def test_every_control_counts(control: str) -> None:
    assert study(CLEAR | {control: 0.1}).verdict("C11") == NOT_SEPARABLE
    assert study(CLEAR | {control: 0.05}).verdict("C11") == NOT_REPRODUCED


@pytest.mark.parametrize(
    ("frozen", "tuned", "scratch", "verdict"),
    [
        (0.3, 0.1, 0.3, NOT_REPRODUCED),  # clearly worse than training F on
        (0.2, 0.1, 0.4, NOT_REPRODUCED),  # better than scratch thanks to encoder and decoder alone
        (0.3, 0.3, 0.3, NOT_SEPARABLE),  # F need not change, but nothing is gained either
        (0.4, 0.4, 0.3, NOT_REPRODUCED),
        (0.12, 0.1, 0.4, NOT_SEPARABLE),  # the margin lies within the interval
    ],
)
def test_both_sides_of_the_transfer_count(frozen: float, tuned: float, scratch: float, verdict: str) -> None:
    made = study(frozen=frozen, tuned=tuned, scratch=scratch)
    assert made.verdict("C11") == verdict


def test_the_control_target_and_other_arms_do_not_count() -> None:
    made = study()
    moved(made, "pendulum--mass-2", "frozen-dynamics", 0.08, 9.0)
    moved(made, "pendulum--mass-2", "fine-tuned", 0.08, 0.1)
    moved(made, "pendulum--mass-2", "scratch", 0.08, 0.1)
    for seed in range(3):  # fewer steps, and another variant: runs of the same experiment about something else
        made.runs("pendulum", "ladid", 0.1, (seed,), experiment="probe", changes="growth=False, steps=600")
        made.runs("pendulum", "ladid", 0.1, (seed,), experiment="probe", variant="mlp")
    assert made.verdict("C11") == REPRODUCED


def test_a_constant_that_is_the_same_in_all_of_the_source_is_told_and_does_not_count() -> None:
    """F may well have learnt it, as nothing else has to be read from the context."""
    made = study()
    moved(made, "pendulum--length-1.5", "frozen-dynamics", 0.08, 9.0)
    moved(made, "pendulum--length-1.5", "fine-tuned", 0.08, 0.1)
    moved(made, "pendulum--length-1.5", "scratch", 0.08, 0.1)
    found = made.judged("C11")
    assert found.verdict == REPRODUCED
    told = {part.name: part.judgement[0] for part in found.parts if not part.counted}
    assert told["with F frozen, against scratch, constant in the source"] == NOT_REPRODUCED
    assert told["with F frozen, against fine-tuning all of it, constant in the source"] == NOT_REPRODUCED
    assert all(len(part.sets) == 2 for part in found.parts if part.counted and "frozen" in part.name)


def test_what_is_read_from_the_code_of_a_rival_is_told_beside_it() -> None:
    made = study()
    for seed in range(3):
        made.runs("pendulum", "latent-ode", 0.1, (seed,), experiment="comparison,probe")
        made.probes[made.rows[-1]["key"]] = made_up.probe(made.rows[-1]["key"], CLEAR | {"psi": 0.05})
    found = made.judged("C11")
    assert found.verdict == REPRODUCED
    (part,) = (one for one in found.parts if "latent-ode" in one.name)
    ((pair, one),) = part.contrasts.items()
    assert not part.counted and pair == ("pendulum", "ladid", "latent-ode") and one.ratio
    assert math.exp(one.ratio.estimate) == pytest.approx(2.0, rel=0.01)


def test_what_was_true_before_the_first_frame_alone_is_not_asked_of_psi() -> None:
    made = study()
    for probe in made.probes.values():
        past = probe.readings[0].model_copy(update={"name": "phase"})
        errors = {"psi": 9.0, "pca": 0.1, "untrained": 0.1, "shuffled": 0.1}
        lists = {
            one: {kind: [share] * len(probe.group) for kind in ("linear", "kernel")} for one, share in errors.items()
        }
        probe.readings.append(past.model_copy(update={"errors": lists}))
    assert made.verdict("C11") == REPRODUCED


def test_what_is_read_of_measured_data_does_not_count() -> None:
    """Nothing about a crop of a radar picture is a constant of the weather."""
    made = study()
    probed(made, "radar-rain", {"psi": 1.0, "pca": 0.4, "untrained": 0.4, "shuffled": 1.05})
    assert made.verdict("C11") == REPRODUCED


def test_without_probes_there_is_no_verdict_and_the_reason_says_so() -> None:
    made = study()
    lost = [row["key"] for row in made.rows if row["dataset"] == "cylinder-flow"]
    made.probes.pop(lost[0])
    found = made.judged("C11")
    assert found.verdict == NOT_RUN
    assert f"{found.parts[0].name}: cylinder-flow: 1 of 3 " in found.reason
    made.probes.clear()
    assert "pendulum: 3 of 3 " in made.judged("C11").reason
    assert Made().verdict("C11") == NOT_RUN


def test_a_majority_of_data_sets_and_three_seeds() -> None:
    made = Made()
    for name, readings in zip(SETS, (CLEAR, CLEAR, CLEAR | {"pca": 0.1}), strict=True):
        probed(made, name, readings)
    assert made.judged("C11").parts[0].judgement[0] == REPRODUCED
    few = Made()
    probed(few, "pendulum", CLEAR, seeds=2)
    assert few.judged("C11").parts[0].judgement == (NOT_RUN, f"pendulum: {NEEDS_SEEDS}: psi has 2")


def test_a_data_set_of_which_nothing_is_known_does_not_count() -> None:
    made = study()
    for seed in range(3):
        made.runs("air-temperature", "ladid", 0.1, (seed,), experiment="probe")
        key = made.rows[-1]["key"]
        made.probes[key] = made_up.probe(key, CLEAR, readings=[], reason="nothing is known")
    assert [one.name for one in made.judged("C11").parts[0].sets] == list(SETS)


def test_a_lost_run_cannot_be_read() -> None:
    made = Made()
    probed(made, "pendulum", CLEAR)
    made.rows[-1] |= {"status": "diverged"}
    found = made.judged("C11")
    assert found.parts[0].judgement[0] == NOT_SEPARABLE
    assert all(word in " ".join(found.lost) for word in ("psi", "seed 2", "diverged", "pendulum"))
