"""Measured data sets: one module each, registered here by name."""

from ladid_bench.datasets.measured.air_temperature import AirTemperature
from ladid_bench.datasets.measured.radar_rain import RadarRain
from ladid_bench.datasets.measured.shoulder_imu import ShoulderImu
from ladid_bench.datasets.source import DataSource

MEASURED: dict[str, type[DataSource]] = {source.name: source for source in (AirTemperature, RadarRain, ShoulderImu)}
