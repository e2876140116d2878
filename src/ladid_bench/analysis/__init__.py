"""From records to statements: the results table, statistics over it, and the verdicts on the claims."""
