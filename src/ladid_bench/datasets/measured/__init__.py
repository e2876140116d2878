"""Measured data sets: one module each, registered here by name."""

from ladid_bench.datasets.measured.air_temperature import AirTemperature
from ladid_bench.datasets.measured.base import MeasuredSource
from ladid_bench.datasets.measured.radar_rain import RadarRain
from ladid_bench.datasets.measured.shoulder_imu import ShoulderImu

MEASURED: dict[str, type[MeasuredSource]] = {source.name: source for source in (AirTemperature, RadarRain, ShoulderImu)}
