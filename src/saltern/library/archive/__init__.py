"""Archives: what they hold, unpacking them where nothing else is touched, and making them."""
