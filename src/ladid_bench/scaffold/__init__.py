"""Templates of new baselines, which run as they are, and the function that writes them."""
