"""Trajectory files, the task they pose, and the windows cut from them."""
