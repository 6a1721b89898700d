"""Files that leave the explorer: pure functions to bytes."""
