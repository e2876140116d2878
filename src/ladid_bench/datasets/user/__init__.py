"""A user's own files made into a data set of the suite."""
