"""The rules of the claims: which runs each compares, fixed here whatever the runs say.

Every rule takes the evidence, at one budget, and gives the parts of its claim.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ladid_bench.analysis.changes import parse_changes
from ladid_bench.analysis.evidence import LADID, Evidence, Side, Unread, around, off_grid
from ladid_bench.analysis.paired import Contrast, contrast
from ladid_bench.analysis.verdicts import Part, decide, reported
from ladid_bench.probing.probes import CONTROLS, KERNEL, LINEAR, PSI

ARMS = ("", "xmix", "film", "paper")  # variants of LaDID; the primary arm is the first on its card, and alone decides
PAPER = ("ode-rnn", "ode2vae", "ndp", "msvi")  # the paper's own rivals
ODE = ("ladid-ode", "latent-ode", *PAPER)
NEURAL = (*ODE, "gru")  # every set needs them all
SIMPLE = ("analog", "ridge", "dmd", "persistence", "mean")
DYNAMICS = (  # what is compared, LaDID's variant, the variant of LaDID with an ODE; "" for the first on the card
    ("with LaDID's settings", "", "ladid-settings"),
    ("with ladid-ode's settings", "ladid-ode-settings", ""),
)
FEW, THIRD = 0.08, 0.32  # of the target's training trajectories
CONTROL = "pendulum--mass-2"  # its frames are those of the pendulum: no new intervention
MEASURED = ("radar-rain", "air-temperature", "shoulder-imu")
SIMULATED = ("pendulum", "double-pendulum", "wave", "reaction-diffusion", "navier-stokes", "cylinder-flow")
# sources whose realizations differ in the constant that their target changes; where it is the same in all of them, the
# constant belongs to F and not to psi, so that a frozen F must fail
VARYING = ("pendulum--lengths-mixed", "reaction-diffusion", "cylinder-flow")
NEARLY, AT_ANY_TIME, TENTH = 1.25, 1.05, 0.1  # limits of the ratio of errors
EVERY_OTHER = "every other method"  # part of C5 that docs/generate.py counts
# rivals on irregular times before the pendulum was compared; neural-flow and ssm, ahead there, were added after that
# and before any run on irregular times
PLANNED_FIRST = ("latent-ode", "ode-rnn", "gru")
ON_IRREGULAR_TIMES = {  # parts of C6: limit, and whether it is counted
    "against the regular grid": (NEARLY, True),
    "against rivals": (1.0, True),
    "against the rivals that were planned first": (1.0, False),
    "asked on the regular grid": (NEARLY, False),
    "every rival against the regular grid": (NEARLY, False),
}

TERMS_AND_MODULES = {  # variants of LaDID without one of them
    "divergence of psi": "no-kl",
    "smoothness": "no-smoothness",
    "weights by time in attention": "attention-dp",
    "weights by content in attention": "attention-t",
    "noise in psi": "deterministic-psi",
}
STATE = {"pendulum": 2, "pendulum--lengths-mixed": 3, "double-pendulum": 4, "double-pendulum--masses-mixed": 5}
SIZES = (("psi", "psi", True), ("the latent state", "latent", False))  # in words, setting, whether it is counted
CONTEXTS = (  # full context, one that cannot determine state and constants, the shortest that can
    ("pendulum", "pendulum-context-1", "pendulum-context-2"),
    ("pendulum--lengths-mixed", "lengths-mixed-context-2", "lengths-mixed-context-5"),
)

Rivals = Callable[[Evidence, str, Sequence[str]], list[str]]  # on one of several data sets


def papers_rivals(evidence: Evidence, name: str, sets: Sequence[str]) -> list[str]:
    """List the paper's rivals, whatever the study has."""
    return list(PAPER)


def every_neural_rival(evidence: Evidence, name: str, sets: Sequence[str]) -> list[str]:
    """List the neural methods that a comparison needs, and all others that it has on every one of its data sets.

    A method that was too costly for some of them would make the others harder to win.
    """
    present = [_present(evidence, one, "neural") for one in sets]
    everywhere = [one for one in _present(evidence, name, "neural") if all(one in those for those in present)]
    return list(dict.fromkeys((*NEURAL, *everywhere)))


def every_closed_form(evidence: Evidence, name: str, sets: Sequence[str]) -> list[str]:
    """List the methods fitted in closed form that a comparison needs, and all others that this one has."""
    fitted = [one for kind in ("simple", "reference") for one in _present(evidence, name, kind)]
    return list(dict.fromkeys((*SIMPLE, *fitted)))


def lower_than(evidence: Evidence, sets: Sequence[str], rivals: Rivals, limit: float = 1.0) -> list[Part]:
    """Compare every arm of LaDID with ``rivals`` on each of ``sets``."""
    found = _planned(evidence, sets)
    made = []
    for arm in _arms(evidence):
        compared = {
            name: _against(evidence, name, arm, rivals(evidence, name, found))
            for name in found
            if _has(evidence, arm, name)
        }
        made.append(decide(_arm_name(arm), compared, limit, arm == "", len(sets), arm))
    return made


def on_measured_data(evidence: Evidence) -> list[Part]:
    """Compare on measured data: with neural methods, with simple methods, and after transfer."""
    rivals = {"C1a": papers_rivals, "C1b": every_neural_rival, "C12": every_closed_form}
    parts = [
        replace(part, name=f"{claim} on measured data")
        for claim, those in rivals.items()
        for part in lower_than(evidence, MEASURED, those)
        if part.counted
    ]
    longest = evidence.at(max(evidence.budgets, default=0))  # most measured sets end at a budget below that of transfer
    tuned = fine_tuning_beats_scratch(longest, measured=True)
    return [*parts, *(replace(part, name=f"C3 on measured data, {part.name}") for part in tuned)]


def fine_tuning_beats_scratch(evidence: Evidence, measured: bool = False) -> list[Part]:
    """Compare fine-tuning on 8 % of each target with training from scratch on the same trajectories."""
    pairs = {
        target: (_moved(LADID, target, "fine-tuned", FEW, source), [_moved(LADID, target, "scratch", FEW)])
        for target, source in _targets(evidence, measured)
    }
    return _transferred(evidence, pairs)


def third_as_good_as_all(evidence: Evidence) -> list[Part]:
    """Compare fine-tuning on 32 % of a target with training from scratch on all of it."""
    pairs = {
        target: (_moved(LADID, target, "fine-tuned", THIRD, source), [_moved(LADID, target, "scratch", 1.0)])
        for target, source in _targets(evidence)
    }
    return _transferred(evidence, pairs, NEARLY)


def beats_fine_tuned_baselines(evidence: Evidence) -> list[Part]:
    """Compare LaDID fine-tuned on 8 % of a target with every other neural method fine-tuned on the same ones."""
    pairs = {}
    for target, source in _targets(evidence):
        how = _moved(None, target, "fine-tuned", FEW, source)
        present = [name for name in _methods(evidence.rows_of(**how, kind="neural")) if name != LADID]
        methods = dict.fromkeys((*("ladid-ode", "latent-ode"), *present))
        rivals = [_moved(name, target, "fine-tuned", FEW, source) for name in methods]
        pairs[target] = (_moved(LADID, target, "fine-tuned", FEW, source), rivals)
    return _transferred(evidence, pairs)


def off_grid_as_good(evidence: Evidence) -> list[Part]:
    """Compare times halfway between frames with the frames around them, for the same model and trajectory.

    Only a simulation says what lies between its frames. All other methods are told beside it, for where even the mean
    of the training data passes, to pass says little.
    """
    made = []
    for arm in _arms(evidence):
        compared = {}
        for name in (one for one in _planned(evidence, SIMULATED) if _has(evidence, arm, one)):
            rows = _compared(evidence, LADID, name, arm).rows
            off, on = Side(f"{_arm_name(arm)} between frames", rows), Side(f"{_arm_name(arm)} on frames", rows)
            compared[name] = [contrast(evidence, off, on, (off_grid, around))]
        made.append(decide(_arm_name(arm), compared, AT_ANY_TIME, arm == "", arm=arm))
    others = {name: list(_off_grid_of_others(evidence, name)) for name in _planned(evidence, SIMULATED)}
    return [*made, *reported(EVERY_OTHER, others, AT_ANY_TIME)]


def _off_grid_of_others(evidence: Evidence, name: str) -> Iterator[Contrast]:
    for method in (one for kind in ("neural", "simple", "reference") for one in _present(evidence, name, kind)):
        runs = _compared(evidence, method, name)
        yield replace(contrast(evidence, runs, runs, (off_grid, around)), first="between frames")


def irregular_as_good(evidence: Evidence) -> list[Part]:
    """Compare LaDID on an irregular grid with itself on the regular grid of the same trajectories, and with rivals.

    The two grids ask for frames at other lead times, so that the first of these compares questions as well as models;
    told beside it are the models of both grids asked on the regular one, and what every rival loses.
    """
    made: dict[str, dict[str, list[Contrast]]] = {part: {} for part in ON_IRREGULAR_TIMES}
    for name in dataset_names(evidence.rows_of("irregular", method=LADID, arm="scratch")):
        regular = name.removesuffix("--irregular")
        if regular != name:
            for part, found in zip(made, _on_irregular_times(evidence, name, regular), strict=True):
                made[part][name] = found
    parts = []
    for part, (limit, counted) in ON_IRREGULAR_TIMES.items():
        parts += [decide(part, made[part], limit)] if counted else reported(part, made[part], limit)
    return parts


def _on_irregular_times(evidence: Evidence, irregular: str, regular: str) -> tuple[list[Contrast], ...]:
    """The comparisons of each part of ``ON_IRREGULAR_TIMES``, in their order, on one pair of data sets."""

    def trained(method: str, on: str, name: str = "") -> Side:
        how = {"dataset": on, "method": method, "arm": "scratch", "changes": ""}
        return evidence.side(name or method, "irregular", **how)

    mine, same = trained(LADID, irregular, "LaDID, irregular"), trained(LADID, regular, "LaDID, regular")
    how = {"dataset": regular, "method": LADID, "arm": "zero-shot", "init_from": irregular}
    moved = evidence.side("LaDID, irregular, asked on the regular grid", "irregular", **how)
    present = _methods(evidence.rows_of("irregular", kind="neural", dataset=irregular, arm="scratch", changes=""))
    rivals = [one for one in dict.fromkeys(("latent-ode", *present)) if one != LADID]
    against = {one: contrast(evidence, mine, trained(one, irregular)) for one in rivals}
    return (
        [contrast(evidence, mine, same)],
        list(against.values()),
        [made for one, made in against.items() if one in PLANNED_FIRST],
        [contrast(evidence, moved, same)] if moved.rows else [],
        [
            replace(contrast(evidence, trained(one, irregular), trained(one, regular)), first="on irregular times")
            for one in rivals
        ],
    )


def terms_and_modules(evidence: Evidence) -> list[Part]:
    """Compare LaDID with LaDID without each part, wherever the ablation has both; the others are told, not counted."""
    rows = evidence.rows_of("ablation", method=LADID, variant=None)
    known = {_primary(evidence), "paper", *TERMS_AND_MODULES.values()}
    others = dict.fromkeys(str(row["variant"]) for row in rows if row["variant"] not in known)
    parts = [decide(name, _ablated(evidence, rows, without)) for name, without in TERMS_AND_MODULES.items()]
    told = [decide(f"against {name}", _ablated(evidence, rows, name), counted=False) for name in others]
    return [*parts, *told] if rows else []


def direct_map_beats_ode(evidence: Evidence) -> list[Part]:
    """Compare LaDID with LaDID with a neural ODE in place of F: with the settings of the one, and of the other."""
    made = []
    for name, mine, other in DYNAMICS:
        compared = {}
        for dataset in _planned(evidence, SIMULATED):
            pair = (_compared(evidence, LADID, dataset, mine), _compared(evidence, "ladid-ode", dataset, other))
            compared[dataset] = [contrast(evidence, *pair)]
        made.append(decide(name, compared))
    return made


def psi_carries_the_realization(evidence: Evidence) -> list[Part]:
    """Compare linear readings of psi with those of every control, and transfer with F kept as it was with both others.

    Readings by the kernel probe are told and do not count: a probe that is strong enough reads off the pictures
    themselves whatever they determine, so that no representation could be ahead of them.

    Of the transfer two things have to hold, because either alone can hold without the claim. With F frozen it has to
    beat training from scratch, but encoder and decoder come from the source as well, and they alone could do that. So
    it also has to be no worse than training F on: then there was nothing in F that belonged to the source. A source in
    which the constant never varied is told and does not count.
    """
    probed = dataset_names(evidence.rows_of("probe", method=LADID, arm="scratch", changes=""))
    names = [name for name in probed if name.partition("--")[0] not in MEASURED]  # a crop's place is no constant
    return [
        decide("psi is readable", _readings(evidence, names, LINEAR)),
        *_with_frozen_dynamics(evidence),
        decide("psi by a kernel probe", _readings(evidence, names, KERNEL), counted=False),
        *reported("against the code of latent-ode", _against_latents(evidence, names)),
    ]


def _against_latents(evidence: Evidence, names: Iterable[str]) -> dict[str, list[Contrast]]:
    """What is left unread in psi, over what is in the representation of a rival that infers one too."""
    made = {}
    for name in names:
        how = {"dataset": name, "arm": "scratch", "changes": "", "fraction": 1.0}
        ladid, rival = (evidence.side(one, "probe", method=one, **how) for one in (LADID, "latent-ode"))
        probes = [evidence.probe(str(row["key"])) for row in (*ladid.rows, *rival.rows) if row["status"] == "ok"]
        if rival.rows and all(one and one.readings for one in probes):
            made[name] = [contrast(evidence, ladid, rival, (Unread(PSI, LINEAR), Unread(PSI, LINEAR)))]
    return made


def _with_frozen_dynamics(evidence: Evidence) -> list[Part]:
    """Compare transfer with F kept as it was with both others; what counts is before what is told."""
    moves = [
        (experiment, *pair)
        for experiment in ("transfer", "frozen")
        for pair in _targets(evidence, experiment=experiment)
    ]
    parts = []
    for words, arm, limit in (("against scratch", "scratch", 1.0), ("against all trained on", "fine-tuned", NEARLY)):
        counted, told = (
            {
                target: _frozen_and(arm, where, target, source)
                for where, target, source in moves
                if (source in VARYING) == varies
            }
            for varies in (True, False)
        )
        name = f"with F frozen, {words}"
        parts += _named(name, _transferred(evidence, counted, limit))
        if told:
            at_cap = _transferred(evidence, told, limit)[0]
            parts.append(replace(at_cap, name=f"{name}, constant in the source", counted=False))
    return parts


def _frozen_and(arm: str, experiment: str, target: str, source: str) -> "Moves":
    """LaDID with F frozen, and in another arm, on the same few trajectories of a target."""
    other = _moved(LADID, target, arm, FEW, "" if arm == "scratch" else source, experiment)
    return _moved(LADID, target, "frozen-dynamics", FEW, source, experiment), [other]


def saturates(evidence: Evidence) -> list[Part]:
    """Look for a plateau from the first size that has room on, and none before; likewise for the context's length."""
    parts = []
    for words, setting, counted in SIZES:
        enough, small = dict[str, list[Contrast]](), dict[str, list[Contrast]]()
        for name, needed in STATE.items():
            sizes = _sizes(evidence, name, setting)
            full = _sized(evidence, name)
            roomy = [
                contrast(evidence, _sized(evidence, name, setting, size), full) for size in sizes if size >= needed
            ]
            tight = [size for size in sizes if size < needed][-1:]
            enough |= {name: roomy} if roomy else {}
            if tight:
                small[name] = [contrast(evidence, full, _sized(evidence, name, setting, *tight))]
        parts.append(decide(f"enough room in {words}", enough, NEARLY, counted))
        parts.append(decide(f"too little room in {words}", small, counted=counted))
    return [*parts, *_saturates_with_context(evidence)]


def dataset_names(rows: list[dict[str, Any]]) -> list[str]:
    """List the data sets of rows of the run table, in their order."""
    return list(dict.fromkeys(str(row["dataset"]) for row in rows))


def changed_to(changes: str, setting: str) -> int | None:
    """Find the value that a run's changes give ``setting``, if they change that and nothing else."""
    found = parse_changes(changes)
    value = found.get(setting, "") if len(found) == 1 else ""
    return int(value) if value.isdigit() else None


def _present(evidence: Evidence, name: str, kind: str) -> list[str]:
    """Methods of a kind that the comparison has on a data set, but for LaDID."""
    return [one for one in _methods(evidence.rows_of("comparison", dataset=name, kind=kind)) if one != LADID]


def _against(evidence: Evidence, name: str, arm: str, rivals: Iterable[str]) -> list[Contrast]:
    ladid = _compared(evidence, LADID, name, arm)
    return [contrast(evidence, ladid, _compared(evidence, one, name)) for one in rivals]


def _compared(evidence: Evidence, method: str, dataset: str, variant: str = "") -> Side:
    """The runs of a method in the comparison, in the first variant on its card unless another is named."""
    how = {"variant": variant} if variant else {}
    name = f"{method}:{variant}" if variant else method
    return evidence.side(name, "comparison", dataset=dataset, method=method, **how)


def _arms(evidence: Evidence) -> list[str]:
    """The arms of LaDID in the comparison; the primary one whether it is there or not."""
    present = {row["variant"] for row in evidence.rows_of("comparison", method=LADID, variant=None)}
    return [arm for arm in ARMS if arm == "" or (arm in present and arm != _primary(evidence))]


def _has(evidence: Evidence, arm: str, dataset: str) -> bool:
    """Whether an arm was asked for on a data set; the primary one is missed where it was not."""
    return arm == "" or bool(_compared(evidence, LADID, dataset, arm).rows)


def _primary(evidence: Evidence) -> str:
    return evidence.preferred.get(LADID, "")


def _arm_name(arm: str) -> str:
    return f"{LADID}:{arm}" if arm else LADID


def _planned(evidence: Evidence, sets: Iterable[str]) -> list[str]:
    """Those of ``sets`` that the comparison of this study has."""
    names = dataset_names(evidence.rows_of("comparison"))
    return [name for name in sets if name in names]


def _methods(rows: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(str(row["method"]) for row in rows))


def _targets(evidence: Evidence, measured: bool = False, experiment: str = "transfer") -> list[tuple[str, str]]:
    """Simulated, or measured, targets on which LaDID was fine-tuned, with their sources; the control is none."""
    rows = evidence.rows_of(experiment, method=LADID, arm="fine-tuned")
    found = dict.fromkeys((str(row["dataset"]), str(row["init_from"])) for row in rows)
    return [pair for pair in found if pair[0] != CONTROL and (pair[0].partition("--")[0] in MEASURED) == measured]


def _moved(
    method: str | None, target: str, arm: str, fraction: float, source: str = "", experiment: str = "transfer"
) -> dict[str, Any]:
    how = {"experiment": experiment, "dataset": target, "method": method, "arm": arm}
    return {**how, "fraction": fraction, "init_from": source}


Moves = tuple[dict[str, Any], list[dict[str, Any]]]  # one side, and those it is compared with
Moved = Mapping[str, Moves]  # by target


def _transferred(evidence: Evidence, pairs: Moved, limit: float = 1.0) -> list[Part]:
    """Compare at the cap of each side, which decides; and at equal steps on the target, and at equal totals."""
    parts = {"each at its cap": _at_cap, "at equal steps on the target": _at_equal_steps}
    parts |= {"at equal steps in all": _at_equal_totals}
    made = []
    for name, budgets in parts.items():
        compared = dict[str, list[Contrast]]()
        for target, (first, others) in pairs.items():
            found = [contrast(evidence, *sides) for other in others if (sides := budgets(evidence, first, other))]
            compared |= {target: found} if found else {}
        made.append(decide(name, compared, limit, counted=budgets is _at_cap))
    return [made[0], *(part for part in made[1:] if part.sets and _keys(part) != _keys(made[0]))]


def _keys(part: Part) -> set[tuple[str, ...]]:
    return {one.keys for one in part.contrasts.values()}


Sides = tuple[Side, Side]


def _at_cap(evidence: Evidence, first: dict[str, Any], other: dict[str, Any]) -> Sides:
    return _side(evidence, first), _side(evidence, other)


def _at_equal_steps(evidence: Evidence, first: dict[str, Any], other: dict[str, Any]) -> Sides | None:
    """Both sides after the most steps on the target that both have."""
    common = set(evidence.budgets_of(**first)) & set(evidence.budgets_of(**other))
    return (_side(evidence, first, max(common)), _side(evidence, other, max(common))) if common else None


def _at_equal_totals(evidence: Evidence, first: dict[str, Any], other: dict[str, Any]) -> Sides | None:
    """Both sides after the most steps, those on the source included, that both have."""
    one, two = (
        {steps + before: steps for steps, before in evidence.budgets_of(**side).items()} for side in (first, other)
    )
    common = max(set(one) & set(two), default=None)
    return None if common is None else (_side(evidence, first, one[common]), _side(evidence, other, two[common]))


def _side(evidence: Evidence, how: dict[str, Any], steps: int | None = None) -> Side:
    at: dict[str, Any] = {} if steps is None else {"steps": steps}
    return evidence.side(f"{how['method']}, {how['arm']}, {how['fraction']:.0%}", **how, **at)


def _named(name: str, parts: list[Part]) -> list[Part]:
    return [replace(part, name=name if part.counted else f"{name}, {part.name}") for part in parts]


def _readings(evidence: Evidence, names: Iterable[str], probe: str) -> dict[str, list[Contrast]]:
    """psi against the controls on each data set of which something is known."""
    made = {}
    for name in names:
        runs = evidence.side("psi", "probe", dataset=name, method=LADID, arm="scratch", changes="", fraction=1.0)
        found = [evidence.probe(str(row["key"])) for row in runs.rows if row["status"] == "ok"]
        if any(one is None or one.readings for one in found):
            made[name] = [_reading(evidence, runs, control, probe, found) for control in CONTROLS]
    return made


def _reading(evidence: Evidence, runs: Side, control: str, probe: str, found: Sequence[Any]) -> Contrast:
    missing = sum(one is None or not one.readings for one in found)
    if missing:
        return Contrast("psi", control, problem=f"{missing} of {len(found)} models have not been probed")
    return contrast(evidence, runs, replace(runs, name=control), (Unread(PSI, probe), Unread(control, probe)))


def _ablated(evidence: Evidence, rows: list[dict[str, Any]], without: str) -> dict[str, list[Contrast]]:
    """LaDID against the variant ``without``, on each data set and with each set of changes that this one has."""
    places = dict.fromkeys((str(row["dataset"]), str(row["changes"])) for row in rows if row["variant"] == without)
    made = {}
    for dataset, changes in places:
        how = {"dataset": dataset, "changes": changes, "method": LADID}
        whole = evidence.side(LADID, "ablation", **how)
        part = evidence.side(_arm_name(without), "ablation", variant=without, **how)
        made[f"{dataset} ({changes})" if changes else dataset] = [contrast(evidence, whole, part)]
    return made


def _saturates_with_context(evidence: Evidence) -> list[Part]:
    names = dataset_names(evidence.rows_of("sufficiency", method=LADID))
    enough, small = {}, {}
    for whole, short, sufficient in CONTEXTS:
        if short in names and sufficient in names:
            full = _sized(evidence, whole)
            enough[sufficient] = [contrast(evidence, _sized(evidence, sufficient), full)]
            small[short] = [contrast(evidence, full, _sized(evidence, short))]
    return [decide("enough context", enough, NEARLY), decide("too little context", small)]


def _sizes(evidence: Evidence, dataset: str, setting: str) -> list[int]:
    rows = evidence.rows_of("sufficiency", dataset=dataset, method=LADID)
    return sorted({size for row in rows if (size := changed_to(str(row["changes"]), setting)) is not None})


def _sized(evidence: Evidence, dataset: str, setting: str = "", size: int = 0) -> Side:
    """LaDID with a size of its own, or the preset's where no setting is named."""
    name = f"{setting} {size}" if setting else f"LaDID on {dataset}"
    how = {"dataset": dataset, "method": LADID, "changes": f"{setting}={size}" if setting else ""}
    return evidence.side(name, "sufficiency", **how)
