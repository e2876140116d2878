"""The rules of the claims: which runs each compares, fixed here whatever the runs say.

Every rule takes the evidence and gives the parts of its claim, or the reason why nothing can be said.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ladid_bench.analysis.paired import Contrast, Evidence, Group, Unread, around, changed_to, contrast, off_grid
from ladid_bench.analysis.verdicts import LACKING, MET, OPEN, Part, SetResult, no_worse, superior
from ladid_bench.probing.probes import CONTROLS, PSI
from ladid_bench.probing.readout import KERNEL, LINEAR

LADID, PRESET = "ladid", "default"  # the primary arm; other methods stand with the first variant on their card
ODE = ("ladid-ode", "latent-ode", "ode-rnn", "ode2vae", "ndp", "msvi")
NEURAL = (*ODE, "gru")  # every set needs them all
SIMPLE = ("analog", "ridge", "dmd", "persistence", "mean")
FEW, THIRD = 0.08, 0.32  # of the target's training trajectories
CONTROL = "pendulum--mass-2"  # its frames are those of the pendulum: no new intervention
MEASURED = ("radar-rain", "air-temperature", "shoulder-imu")
SIMULATED = ("pendulum", "double-pendulum", "wave", "reaction-diffusion", "navier-stokes", "cylinder-flow")
NEARLY, AT_ANY_TIME = 0.25, 0.05  # margins

TERMS_AND_MODULES = (  # name, variant with it, variant without it
    ("divergence of psi", PRESET, "no-kl"),
    ("smoothness", PRESET, "no-smoothness"),
    ("temporal attention", PRESET, "attention-dp"),
    ("dot-product attention", PRESET, "attention-t"),
)
NO_PART = ("paper", PRESET, *(without for _, _, without in TERMS_AND_MODULES))

STATE = {"pendulum": 2, "pendulum--lengths-mixed": 3, "double-pendulum": 4, "double-pendulum--masses-mixed": 5}
CONTEXTS = (  # full context, one that cannot determine state and constants, the shortest that can
    ("pendulum", "pendulum-context-1", "pendulum-context-2"),
    ("pendulum--lengths-mixed", "lengths-mixed-context-2", "lengths-mixed-context-5"),
)


def lowest_of_neural(evidence: Evidence, sets: tuple[str, ...]) -> list[Part]:
    """Compare LaDID with every other neural method of the comparison, on each of ``sets``."""
    found = _planned(evidence, sets)
    return [Part("lowest error", tuple(_against_neural(evidence, name) for name in found), expected=len(sets))]


def beats_simple(evidence: Evidence, sets: tuple[str, ...]) -> list[Part]:
    """Compare LaDID with every strong simple method, on each of ``sets``."""
    found = _planned(evidence, sets)
    return [Part("simple methods", tuple(_against_simple(evidence, name) for name in found), expected=len(sets))]


def on_measured_data(evidence: Evidence) -> list[Part]:
    """Compare on measured data: with neural methods, with simple methods, and after transfer."""
    found = _planned(evidence, MEASURED)
    neural, simple = (tuple(rule(evidence, name) for name in found) for rule in (_against_neural, _against_simple))
    return [
        Part("C1 on measured data", neural, expected=len(MEASURED)),
        Part("C12 on measured data", simple, expected=len(MEASURED)),
        Part("C3 on measured data", _fine_tuned_against_scratch(evidence, measured=True)),
    ]


def fine_tuning_beats_scratch(evidence: Evidence) -> list[Part]:
    """Compare fine-tuning on 8 % of each target with training from scratch on the same trajectories."""
    return [Part("fine-tuned", _fine_tuned_against_scratch(evidence))]


def third_as_good_as_all(evidence: Evidence) -> list[Part]:
    """Compare fine-tuning on 32 % of a target with training from scratch on all of it, for as many steps."""
    made = []
    for target, source in _targets(evidence):
        third = _moved(evidence, LADID, target, "fine-tuned", THIRD, source)
        whole = _moved(evidence, LADID, target, "scratch", 1.0)
        made.append(no_worse(target, [contrast(evidence, third, whole)], NEARLY))
    return [Part("32 % of the data", tuple(made), margin=NEARLY)]


def off_grid_as_good(evidence: Evidence) -> list[Part]:
    """Compare times halfway between frames with the frames around them, for the same model and trajectory."""
    made = []
    for name in _planned(evidence, (*SIMULATED, *MEASURED)):
        rows = evidence.rows_of("comparison", dataset=name, method=LADID)
        done = [row for row in rows if row["status"] == "ok"]
        if done and not any(_has_between(row) for row in done):
            continue  # nothing was measured between its frames
        off, on = Group("LaDID between frames", tuple(rows)), Group("LaDID on frames", tuple(rows))
        found = no_worse(name, [contrast(evidence, off, on, (off_grid, around))], AT_ANY_TIME)
        # a run that was lost is lost on and between the frames alike, and must not pass for one that is as good
        made.append(replace(found, outcome=OPEN) if off.lost and found.outcome == MET else found)
    return [Part("between frames", tuple(made), margin=AT_ANY_TIME)]


def irregular_as_good(evidence: Evidence) -> list[Part]:
    """Compare training and forecasts on an irregular grid with those on the regular grid of the same trajectories."""
    names = dataset_names(evidence.rows_of("irregular", method=LADID, arm="scratch"))
    made = []
    for name in names:
        regular = name.removesuffix("--irregular")
        if regular != name:
            how = {"method": LADID, "arm": "scratch", "changes": ""}
            first = evidence.group("LaDID, irregular", "irregular", dataset=name, **how)
            second = evidence.group("LaDID, regular", "irregular", dataset=regular, **how)
            made.append(no_worse(name, [contrast(evidence, first, second)], NEARLY))
    return [Part("irregular grid", tuple(made), margin=NEARLY)]


def terms_and_modules(evidence: Evidence) -> list[Part]:
    """Compare LaDID with LaDID without each part, wherever the ablation has both; the others are told, not counted."""
    rows = [row for row in evidence.rows if "ablation" in str(row["experiments"]).split(",") and row["method"] == LADID]
    found = [Part(name, _ablated(evidence, rows, whole, without)) for name, whole, without in TERMS_AND_MODULES]
    others = dict.fromkeys(str(row["variant"]) for row in rows if row["variant"] not in NO_PART)
    told = [Part(f"against {name}", _ablated(evidence, rows, PRESET, name), counted=False) for name in others]
    return [*found, *told] if rows else []


def direct_map_beats_ode(evidence: Evidence) -> list[Part]:
    """Compare LaDID with LaDID with a neural ODE in place of F, on every data set of the comparison."""
    made = []
    for name in _planned(evidence, (*SIMULATED, *MEASURED)):
        pair = (_compared(evidence, LADID, name), _compared(evidence, "ladid-ode", name))
        made.append(superior(name, [contrast(evidence, *pair)]))
    return [Part("direct map", tuple(made))]


def beats_fine_tuned_baselines(evidence: Evidence) -> list[Part]:
    """Compare LaDID fine-tuned on 8 % of a target with every other neural method fine-tuned on the same ones."""
    made = []
    for target, source in _targets(evidence):
        how = {"dataset": target, "arm": "fine-tuned", "fraction": FEW, "init_from": source}
        present = [name for name in _methods(evidence.rows_of("transfer", **how, kind="neural")) if name != LADID]
        methods = dict.fromkeys((*("ladid-ode", "latent-ode"), *present))
        groups = [_moved(evidence, name, target, "fine-tuned", FEW, source) for name in methods]
        first = _moved(evidence, LADID, target, "fine-tuned", FEW, source)
        made.append(superior(target, [contrast(evidence, first, group) for group in groups]))
    return [Part("all fine-tuned", tuple(made))]


def psi_carries_the_realization(evidence: Evidence) -> list[Part]:
    """Compare linear readings of psi with those of every control, and transfer with F kept as it was with both others.

    Readings by the kernel probe are told and do not count: a probe that is strong enough reads off the pictures
    themselves whatever they determine, so that no representation could be ahead of them.

    Of the transfer two things have to hold, because either alone can hold without the claim. With F frozen it has to
    beat training from scratch, but encoder and decoder come from the source as well, and they alone could do that. So
    it also has to be no worse than training F on: then there was nothing in F that belonged to the source.
    """
    probed = dataset_names(evidence.rows_of("probe", method=LADID, arm="scratch", changes=""))
    names = [name for name in probed if name.partition("--")[0] not in MEASURED]  # a crop's place is no constant
    readings = [_readings(evidence, name, LINEAR) for name in names]
    told = [_readings(evidence, name, KERNEL) for name in names]
    beats, free = [], []
    for target, source in _targets(evidence):
        frozen = _moved(evidence, LADID, target, "frozen-dynamics", FEW, source)
        scratch = _moved(evidence, LADID, target, "scratch", FEW)
        whole = _moved(evidence, LADID, target, "fine-tuned", FEW, source)
        beats.append(superior(target, [contrast(evidence, frozen, scratch)]))
        free.append(no_worse(target, [contrast(evidence, frozen, whole)], NEARLY))
    return [
        Part("psi is readable", tuple(one for one in readings if one)),
        Part("with F frozen, against scratch", tuple(beats)),
        Part("with F frozen, against all trained on", tuple(free), margin=NEARLY),
        Part("psi by a kernel probe", tuple(one for one in told if one), counted=False),
    ]


def _readings(evidence: Evidence, name: str, probe: str) -> SetResult | None:
    """psi against the controls on a data set; None where nothing is known of its trajectories."""
    how = {"dataset": name, "method": LADID, "arm": "scratch", "changes": "", "fraction": 1.0}
    runs = evidence.group("psi", "probe", **how)
    found = [evidence.probe(str(row["key"])) for row in runs.rows if row["status"] == "ok"]
    if found and all(one is not None and not one.readings for one in found):
        return None
    if any(one is None or not one.readings for one in found):
        problem = f"{sum(one is None or not one.readings for one in found)} of {len(found)} models have not been probed"
        made = [Contrast("psi", control, problem=problem) for control in CONTROLS]
        return SetResult(name, LACKING, tuple(made), problem)
    controls = {control: replace(runs, name=control) for control in CONTROLS}
    made = [
        contrast(evidence, runs, group, (Unread(PSI, probe), Unread(control, probe)))
        for control, group in controls.items()
    ]
    result = superior(name, made)
    # a run that was lost is lost to psi and to the controls alike, and must not pass for one that can be read
    return replace(result, outcome=OPEN) if runs.lost and result.outcome == MET else result


def saturates(evidence: Evidence) -> list[Part]:
    """Look for a plateau from the first size that has room on, and none before; likewise for the context's length."""
    enough, small = [], []
    for name, needed in STATE.items():
        rows = evidence.rows_of("sufficiency", dataset=name, method=LADID)
        found = (changed_to(str(row["changes"]), "latent") for row in rows)
        sizes = sorted({size for size in found if size is not None})
        full = _sized(evidence, name, None)
        roomy = [contrast(evidence, _sized(evidence, name, size), full) for size in sizes if size >= needed]
        enough += [no_worse(name, roomy, NEARLY)] if roomy else []
        tight = [size for size in sizes if size < needed][-1:]
        small += [superior(name, [contrast(evidence, full, _sized(evidence, name, size))]) for size in tight]
    return [
        Part("enough room", tuple(enough), margin=NEARLY),
        Part("too little room", tuple(small)),
        *_saturates_with_context(evidence),
    ]


def _saturates_with_context(evidence: Evidence) -> list[Part]:
    names = dataset_names(evidence.rows_of("sufficiency", method=LADID))
    enough, small = [], []
    for whole, short, sufficient in CONTEXTS:
        if short in names and sufficient in names:
            full = _sized(evidence, whole, None)
            enough.append(no_worse(sufficient, [contrast(evidence, _sized(evidence, sufficient, None), full)], NEARLY))
            small.append(superior(short, [contrast(evidence, full, _sized(evidence, short, None))]))
    return [Part("enough context", tuple(enough), margin=NEARLY), Part("too little context", tuple(small))]


def _against_neural(evidence: Evidence, name: str) -> SetResult:
    present = _methods(evidence.rows_of("comparison", dataset=name, kind="neural"))
    return _against(evidence, name, [one for one in dict.fromkeys((*NEURAL, *present)) if one != LADID])


def _against_simple(evidence: Evidence, name: str) -> SetResult:
    return _against(evidence, name, SIMPLE)


def _against(evidence: Evidence, name: str, rivals: Iterable[str]) -> SetResult:
    ladid = _compared(evidence, LADID, name)
    return superior(name, [contrast(evidence, ladid, _compared(evidence, one, name)) for one in rivals])


def _compared(evidence: Evidence, method: str, dataset: str) -> Group:
    return evidence.group(method, "comparison", dataset=dataset, method=method)


def _planned(evidence: Evidence, sets: Iterable[str]) -> list[str]:
    """Those of ``sets`` that the comparison of this study has."""
    names = dataset_names(evidence.rows_of("comparison"))
    return [name for name in sets if name in names]


def dataset_names(rows: list[dict[str, Any]]) -> list[str]:
    """List the data sets of rows of the run table, in their order."""
    return list(dict.fromkeys(str(row["dataset"]) for row in rows))


def _methods(rows: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(str(row["method"]) for row in rows))


def _has_between(row: dict[str, Any]) -> bool:
    value = row.get("midpoints_nmse_mean")
    return value is not None and value == value  # NaN where the data set has no times between frames


def _targets(evidence: Evidence, measured: bool = False) -> list[tuple[str, str]]:
    """Simulated, or measured, targets on which LaDID was fine-tuned, with their sources; the control is none."""
    rows = evidence.rows_of("transfer", method=LADID, arm="fine-tuned")
    found = dict.fromkeys((str(row["dataset"]), str(row["init_from"])) for row in rows)
    return [pair for pair in found if pair[0] != CONTROL and (pair[0].partition("--")[0] in MEASURED) == measured]


def _moved(evidence: Evidence, method: str, target: str, arm: str, fraction: float, source: str = "") -> Group:
    how = {"dataset": target, "method": method, "arm": arm, "fraction": fraction, "init_from": source}
    return evidence.group(f"{method}, {arm}, {fraction:.0%}", "transfer", **how)


def _fine_tuned_against_scratch(evidence: Evidence, measured: bool = False) -> tuple[SetResult, ...]:
    made = []
    for target, source in _targets(evidence, measured):
        tuned = _moved(evidence, LADID, target, "fine-tuned", FEW, source)
        scratch = _moved(evidence, LADID, target, "scratch", FEW)
        made.append(superior(target, [contrast(evidence, tuned, scratch)]))
    return tuple(made)


def _ablated(evidence: Evidence, rows: list[dict[str, Any]], whole: str, without: str) -> tuple[SetResult, ...]:
    """LaDID as ``whole`` against ``without``, on each data set and with each set of changes that any of them has."""
    changed = whole if whole != PRESET else without  # the preset is there wherever anything is ablated
    places = dict.fromkeys((str(row["dataset"]), str(row["changes"])) for row in rows if row["variant"] == changed)
    made = []
    for dataset, changes in places:
        how = {"dataset": dataset, "changes": changes, "method": LADID}
        one, other = (evidence.group(f"ladid:{name}", "ablation", variant=name, **how) for name in (whole, without))
        made.append(superior(f"{dataset} ({changes})" if changes else dataset, [contrast(evidence, one, other)]))
    return tuple(made)


def _sized(evidence: Evidence, dataset: str, size: int | None) -> Group:
    """LaDID with a latent size of its own, or with the preset's for None."""
    name = f"latent size {size}" if size else f"LaDID on {dataset}"
    how = {"dataset": dataset, "method": LADID, "changes": f"latent={size}" if size else ""}
    return evidence.group(name, "sufficiency", **how)
