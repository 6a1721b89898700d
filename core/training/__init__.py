"""The trainer: players and their gradients, schemes that turn gradients into a step, and the loop that yields
Progress."""
