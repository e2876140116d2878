"""What a study asks for: its data sets, its runs, which of them are selected, and what they need."""
