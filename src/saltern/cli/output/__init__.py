"""How replies look on a terminal and in a pipe."""
