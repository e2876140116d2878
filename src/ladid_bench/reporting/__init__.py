"""From the run table to what is read: tables, figures, animations and one self-contained page."""
