"""Measured data sets: one module each, registered here by name."""

from ladid_bench.data.source import DataSource
from ladid_bench.real.air_temperature import AirTemperature
from ladid_bench.real.radar_rain import RadarRain
from ladid_bench.real.shoulder_imu import ShoulderImu

MEASURED: dict[str, type[DataSource]] = {source.name: source for source in (AirTemperature, RadarRain, ShoulderImu)}
