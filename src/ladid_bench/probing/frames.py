"""The inside of a trained LaDID as tidy tables: attention, the latent path, and what lies between the frames."""

import numpy as np
import pandas as pd

from ladid_bench.probing.inside import EXAMPLE, PARTS, Inside, detours

SHOWN_COMPONENTS = 3
OTHERS = 8  # trajectories beside the example
CLOSE_UP = 4  # steps between frames that the close-up shows


def attention_frame(inside: Inside, layer: int) -> pd.DataFrame:
    """Tabulate a layer's weights, their mean over test trajectories and those of the example, a row a pair of rows."""
    weights = inside.attention[layer]
    shown = {"mean": weights.mean(axis=0), f"trajectory {EXAMPLE}": weights[EXAMPLE]}
    places = np.arange(1, weights.shape[-1] + 1)
    frames = {
        name: pd.DataFrame(one, places, places).melt(ignore_index=False, var_name="seen") for name, one in shown.items()
    }
    return pd.concat(frames, names=["weights", "row"]).reset_index()


def path_frame(inside: Inside) -> pd.DataFrame:
    """Tabulate the leading components of the latent path of the example over time."""
    return _over_time(inside.fine_times[EXAMPLE], inside.components.of(inside.states[EXAMPLE]))


def close_up_frame(inside: Inside) -> pd.DataFrame:
    """Tabulate the components over a few steps in the middle, of the path and of the smooth curve through frames."""
    steps = inside.times.shape[1] - 1
    start = max(0, (steps - CLOSE_UP) // 2) * PARTS
    window = slice(start, start + min(steps, CLOSE_UP) * PARTS + 1)
    times = inside.fine_times[EXAMPLE, window]
    own, smooth = (
        _over_time(times, inside.components.of(states[EXAMPLE, window]))
        for states in (inside.states, inside.smooth_states)
    )
    return pd.concat([own, smooth.assign(name="smooth " + smooth["name"])])


def _over_time(times: np.ndarray, scores: np.ndarray) -> pd.DataFrame:
    """Scores ``(fine, component)`` of the first components."""
    return pd.concat(
        pd.DataFrame({"name": f"component {place}", "time": times, "score": score})
        for place, score in enumerate(scores.T[:SHOWN_COMPONENTS], 1)
    )


def plane_frame(inside: Inside) -> pd.DataFrame:
    """Tabulate the paths of the example and of some other trajectories in the plane of the first two components."""
    shown = dict.fromkeys([EXAMPLE, *range(min(OTHERS, len(inside.states)))])
    paths = {trajectory: inside.components.of(inside.states[trajectory])[:, :2] for trajectory in shown}
    return pd.concat(
        pd.DataFrame({"name": f"trajectory {place}", "component_1": path[:, 0], "component_2": path[:, 1]})
        for place, path in paths.items()
    )


def length_frame(inside: Inside) -> pd.DataFrame:
    """Tabulate the length of the path over that of the straight line between frames, of F and of the smooth curve."""
    middle = np.median((inside.times[:, 1:] + inside.times[:, :-1]) / 2, axis=0)
    lengths = {"F": detours(inside.states), "smooth curve": detours(inside.smooth_states)}
    return pd.concat(
        pd.DataFrame({"name": name, "time": middle, "relative_length": one}) for name, one in lengths.items()
    )
