"""What every method has to pass before it is ranked; ``ladid-bench check-baseline`` and the tests run it."""
