"""Do kept results come out again: reruns in a place of their own, compared value by value."""
