"""What ``ladid-bench new-baseline`` writes; the templates beside this file run as they are."""
