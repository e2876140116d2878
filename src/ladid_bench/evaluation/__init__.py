"""Running, scoring and recording; statistics over the records."""
