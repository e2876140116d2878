"""Configurations, cards of methods, and whatever else is YAML."""

import os
from collections.abc import Callable
from pathlib import Path

import yaml
from checkouts import STUDY

from hostile.case import Case, mark_of, written
from ladid_bench.core.configuration import load_study
from ladid_bench.core.paths import chosen_scale
from ladid_bench.datasets.user.source import load_import
from ladid_bench.methods.listing import list_method
from ladid_bench.methods.registry import method_folders
from ladid_bench.study.plan import _card_of, plan_runs

REAL = Path(__file__).parents[2]
LAUGHS = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)
MERGED = "m0: &m0 {a: 1}\n" + "".join(f"m{n}: &m{n}\n  <<: [{','.join([f'*m{n - 1}'] * 10)}]\n" for n in range(1, 12))


def plan(root: object) -> None:
    """What every command begins with."""
    assert isinstance(root, Path)
    _card_of.cache_clear()
    study = load_study("tiny", root)
    plan_runs(study, root)


def study(**changes: object) -> str:
    return yaml.safe_dump(STUDY | changes)


def comparing(*methods: object, **words: object) -> str:
    return study(experiments={"comparison": {"datasets": ["pendulum"], "methods": list(methods), **words}})


def pendulum(**changes: object) -> str:
    return study(datasets={"pendulum": changes})


ENDLESS = pendulum(trajectories={"train": 10**8})


CONFIGURATIONS: dict[str, str | bytes] = {
    "nothing": "",
    "only a remark": "# nothing\n",
    "a list": "[1, 2]",
    "a number": "7",
    "a text": "tiny",
    "no YAML": "a: [",
    "a tab": "a:\n\t- b",
    "two documents": "a: 1\n---\nb: 2\n",
    "bytes": bytes(range(256)),
    "UTF-16": study().encode("utf-16"),
    "a null byte": study() + "\0",
    "a Python call": "!!python/object/apply:os.system ['touch MARK']",
    "a Python call by new": "scale: !!python/object/new:os.system ['touch MARK']",
    "a Python name": "scale: !!python/name:os.system",
    "a module": "scale: !!python/module:antigravity",
    "an unknown tag": "scale: !whatever tiny",
    "a billion values behind aliases": LAUGHS + study(method_settings={"ladid": {"latent": "X"}}).replace("X", "*a9"),
    "a billion values behind merges": MERGED + study(),
    "a list that holds itself": "scale: &a [*a]",
    "a mapping that holds itself": "&a\nscale: *a",
    "ten thousand brackets": "[" * 10_000,
    "a hundred levels": "".join(f"{' ' * n}a:\n" for n in range(100)) + " " * 100 + "1",
    "a megabyte": "#" * 2**20,
    "a number of 5,000 digits": "scale: " + "9" * 5000,
    "a date that is none": "scale: 2020-13-45",
    "a date": study(scale="X").replace("X", "2020-01-01"),
    "binary": "scale: !!binary aGVsbG8=",
    "a set": "scale: !!set {a, b}",
    "keys that are numbers": "1: 2",
    "keys that are lists": "? [1, 2]\n: 3",
    "keys that are nothing": "~: 2",
    "an unknown key": study(stepps=1),
    "another scale": study(scale="other"),
    "a scale that is a path": study(scale="../../etc/passwd"),
    "a scale that is a number": study(scale=7),
    "no experiments": study(experiments={}),
    "no data sets": study(datasets={}),
    "an unknown kind of experiment": study(experiments={"ablations": {"kind": "ablations", "methods": ["ladid"]}}),
    "an experiment of no blocks": study(experiments={"ablation": []}),
    "an experiment that is a number": study(experiments={"ablation": 3}),
    "a block that is a text": study(experiments={"ablation": ["ladid"]}),
    "an arm that is none": study(experiments={"transfer": {"arms": ["warm"]}}),
    "an arm without a source": study(experiments={"transfer": {"methods": ["ladid"], "arms": ["zero-shot"]}}),
    "a source that is no data set": study(experiments={"transfer": {"init_from": "../x", "arms": ["zero-shot"]}}),
    "no training data": study(experiments={"transfer": {"fractions": [0]}}),
    "more than all training data": study(experiments={"transfer": {"fractions": [1.5]}}),
    "changes that are a text": study(experiments={"ablation": {"methods": ["ladid"], "changes": ["latent"]}}),
    "changes of no setting": study(experiments={"ablation": {"methods": ["ladid"], "changes": [{"latnt": 1}]}}),
    "changes to a list": study(experiments={"ablation": {"methods": ["ladid"], "changes": [{"latent": [1]}]}}),
    "a budget of no steps": study(experiments={"ablation": {"methods": ["ladid"], "budget": {"steps": 0}}}),
    "a data set named as a path": study(datasets={"../../x": {"source": "pendulum"}}),
    "a data set of a source that is none": study(datasets={"mine": {"source": "pendulums"}}),
    "steps below nothing": study(budget={"steps": -1}),
    "steps without end": study(budget={"steps": 10**30}),
    "steps of 4,000 digits": study(budget={"steps": 0}).replace("steps: 0", "steps: 1" + "0" * 4000),
    "steps that are a list": study(budget={"steps": [1]}),
    "half a step": study(budget={"steps": 0.5}),
    "steps that are not a number": study(budget={"steps": float("nan")}),
    "a rate beyond one": study(budget={"decay_fraction": 2}),
    "a clip of infinity": study(budget={"gradient_clip": float("inf")}),
    "an image of no size": study(image_size=0),
    "an image of odd size": study(image_size=33),
    "an image beyond all bounds": study(image_size=16 * 10**12),
    "an unknown data set": study(datasets={"../../etc": {}}),
    "an unknown regime": study(datasets={"pendulum--upside-down": {}}),
    "trajectories without end": pendulum(trajectories={"train": 10**18}),
    "no trajectories": pendulum(trajectories={"train": 0}),
    "frames below nothing": pendulum(context_frames=-3),
    "a seed below nothing": pendulum(seed=-1),
    "a seed beyond all generators": pendulum(seed=2**64),
    "a setting that does not exist": pendulum(settings={"lenght": 1.0}),
    "a setting that is not a number": pendulum(settings={"length": float("nan")}),
    "a setting of infinity": pendulum(settings={"gravity": float("inf")}),
    "a setting of another type": pendulum(settings={"length": "long"}),
    "a setting that is a list": pendulum(settings={"length": [1.0]}),
    "a method that is a path": comparing("../../../tmp/evil"),
    "a method that does not exist": comparing("no-such-method"),
    "a method that is no text": comparing(7),
    "a method of an unknown variant": comparing("ladid:../x"),
    "a data set that is not listed": study(experiments={"comparison": {"datasets": ["wave"], "methods": ["mean"]}}),
    "a seed of an experiment below nothing": comparing("ladid", seeds=[-1]),
    "a million seeds": comparing("ladid", seeds=[0]).replace("- 0\n", "- 0\n" * 100_000),
    "no seeds": comparing("ladid", seeds=[]),
    "pairs of three": study(experiments={"comparison": {"pairs": [["pendulum", "mean", "x"]]}}),
    "settings of an unknown method": study(method_settings={"no-such": {}}),
    "a method's setting of another type": study(method_settings={"ladid": {"latent": "wide"}}) + "",
    "settings that are no mapping": study(method_settings={"ladid": [1]}),
    "an unknown device": study(execution={"device": "tpu"}),
    "threads without end": study(execution={"threads": 10**9}),
    "no time": study(execution={"time_limit_minutes": 0}),
    "all time": study(execution={"time_limit_minutes": float("inf")}),
    "retries below nothing": study(execution={"retries": -1}),
}
CONFIGURATIONS["a method's setting of another type"] = yaml.safe_dump(
    yaml.safe_load(comparing("ladid")) | {"method_settings": {"ladid": {"latent": "wide"}}}
)

CARD = {"title": "strange", "kind": "simple", "summary": "-", "citation": {"text": "-"}, "version": 1}
CARDS: dict[str, str | bytes] = {
    "nothing": "",
    "no YAML": "{",
    "bytes": b"\xff\xfe\x00",
    "a Python call": "!!python/object/apply:os.system ['touch MARK']",
    "a billion values": LAUGHS + yaml.safe_dump(CARD) + "settings: {a: *a9}",
    "ten thousand brackets": "settings: " + "[" * 10_000,
    "a list": "[title]",
    "no title": yaml.safe_dump({key: value for key, value in CARD.items() if key != "title"}),
    "an unknown key": yaml.safe_dump(CARD | {"run": "import os"}),
    "an unknown kind": yaml.safe_dump(CARD | {"kind": "evil"}),
    "a version that is no number": yaml.safe_dump(CARD | {"version": "new"}),
    "version 0": yaml.safe_dump(CARD | {"version": 0}),
    "no variants": yaml.safe_dump(CARD | {"variants": {}}),
    "a variant of unknown settings": yaml.safe_dump(CARD | {"variants": {"a": {"x": 1}}}),
    "a setting that is not a number": yaml.safe_dump(CARD | {"settings": {"x": float("nan")}}),
    "a setting that is a date": yaml.safe_dump(CARD) + "settings: {x: 2020-01-01}",
    "trained without a rate": yaml.safe_dump(CARD | {"kind": "neural"}),
    "an estimate below nothing": yaml.safe_dump(CARD | {"estimate": {"seconds": -1}}),
    "a requirement that is no text": yaml.safe_dump(CARD | {"requires": [{"os": "system"}]}),
    "a title that is a list": yaml.safe_dump(CARD | {"title": ["a"]}),
}
CODE = "import os, pathlib\npathlib.Path(r'MARK').touch()\nos.system('true')\n"  # planning must never import it

PARAMETERS: dict[str, str | bytes] = {
    "nothing": "",
    "no YAML": "scale: [",
    "a list": "[demo]",
    "a scale that is a list": "scale: [demo]",
    "a Python call": "scale: !!python/object/apply:os.system ['touch MARK']",
    "bytes": b"\x80\x81",
    "a scale that is a path": "scale: ../../../etc/passwd",
    "a scale with a null byte": 'scale: "a\\0b"',
    "an absolute scale": "scale: /etc/passwd",
    "a scale of a megabyte": "scale: " + "a" * 2**20,
}
SCALES = ("", "..", "../config/tiny", "/etc/passwd", "a\0b", "TINY", "tiny.yaml", "a" * 5000, "-", "tiny\n")
IMPORT_CARDS: dict[str, str | bytes] = {
    "nothing": "",
    "a Python call": "!!python/object/apply:os.system ['touch MARK']",
    "no frames": "title: a\nframes: 0",
    "a billion values": LAUGHS,
    "bytes": b"\xff\xfe",
}


def _checkout(folder: Path, params: str | bytes = "scale: tiny\n") -> Path:
    root = folder / "checkout"
    (root / "config").mkdir(parents=True)
    (root / "baselines").symlink_to(REAL / "baselines")
    written(root, "params.yaml", _marked(params, folder))
    written(root, "config/tiny.yaml", study())
    return root


def _marked(content: str | bytes, folder: Path) -> str | bytes:
    return content.replace("MARK", str(mark_of(folder))) if isinstance(content, str) else content


def _with_file(name: str, content: str | bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        root = _checkout(folder)
        written(root, name, _marked(content, folder))
        return root

    return make


def _with_card(content: str | bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        root = _checkout(folder)
        (root / "baselines").unlink()
        written(root, "baselines/strange/method.yaml", _marked(content, folder))
        written(root, "baselines/strange/method.py", CODE.replace("MARK", str(mark_of(folder))))
        written(root, "config/tiny.yaml", comparing("strange"))
        return root

    return make


def _listed(root: object) -> None:
    """Listing reads the card; what agrees with itself but not with a study is left to planning."""
    assert isinstance(root, Path)
    for name in method_folders(root):
        list_method(name, root)
    plan(root)


def _scale(root: object) -> None:
    assert isinstance(root, Path)
    load_study(chosen_scale(root), root)


def _folder_for_a_file(folder: Path) -> Path:
    root = _checkout(folder)
    (root / "config" / "tiny.yaml").unlink()
    (root / "config" / "tiny.yaml").mkdir()
    return root


def _pipe_for_a_file(folder: Path) -> Path:
    root = _checkout(folder)
    (root / "config" / "tiny.yaml").unlink()
    os.mkfifo(root / "config" / "tiny.yaml")
    return root


def cases() -> list[Case]:
    """Every case of text."""
    found = [
        Case("configuration", name, _with_file("config/tiny.yaml", text), plan) for name, text in CONFIGURATIONS.items()
    ]
    found += [
        Case("configuration", "a folder", _folder_for_a_file, plan),
        Case("configuration", "a pipe", _pipe_for_a_file, plan),
    ]
    found += [Case("method card", name, _with_card(text), _listed) for name, text in CARDS.items()]
    found += [
        Case("params.yaml", name, lambda folder, text=text: _checkout(folder, text), _scale)
        for name, text in PARAMETERS.items()
    ]
    found += [
        Case("scale", repr(name)[:40], _checkout, lambda root, name=name: load_study(name, root)) for name in SCALES
    ]
    found += [
        Case("import card", name, _with_file("imported/mine/card.yaml", text), lambda root: load_import("mine", root))
        for name, text in IMPORT_CARDS.items()
    ]
    return found
