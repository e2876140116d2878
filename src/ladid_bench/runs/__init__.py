"""One run: trained, supervised, scored and recorded; and the search for a method's settings."""
