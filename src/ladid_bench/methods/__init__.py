"""The contract that LaDID and every baseline obey, and what the neural ones share."""
