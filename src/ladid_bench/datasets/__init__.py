"""Where trajectories come from: simulated systems, measured data, and data that a user imported."""
