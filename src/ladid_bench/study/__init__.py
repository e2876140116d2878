"""What a study is made of: its data sets, its runs, which of them are selected, and what they need."""
