"""From the files people write to the states a run takes, in order: pure, and without a controller."""
