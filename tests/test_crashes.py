"""Killed at any moment and started again: the same results, nothing half written, nothing trained twice."""

from pathlib import Path

import pytest
from archives import archive_or_skip
from crash_sites import SIGNS, Site
from crashes import SEED, Moment, checkpoint_step, endure, strike, tally, watch
from undisturbed import torn

from ladid_bench.datasets.measured.shoulder_imu import FILE


@pytest.mark.slow
def test_killed_while_simulating_then_while_saving_then_while_rendering(tmp_path: Path) -> None:
    quiet, site = Site(tmp_path / "quiet"), Site(tmp_path / "killed")
    taken = watch(quiet.start())
    assert "simulation" in strike(site.start(), Moment("simulation", 0.0), taken)
    assert torn(site) == []
    site.unlock()
    assert "checkpoint" in strike(site.start(), Moment("checkpoint", 0.0, occurrence=3), taken)
    assert torn(site) == []
    step = checkpoint_step(site)
    site.unlock()
    outcome = endure(site, Moment("report", 0.0), taken, quiet)
    assert outcome.trouble == []
    assert step
    assert f"resumed at step {step}/" in site.log


@pytest.mark.slow
def test_killed_at_twenty_random_moments(tmp_path: Path) -> None:
    archive_or_skip(FILE.archive)
    outcomes = tally(20, SEED, tmp_path)
    assert [outcome.line() for outcome in outcomes if outcome.trouble] == []
    assert {outcome.moment.phase for outcome in outcomes} == set(SIGNS)
    assert len(outcomes) == 20
