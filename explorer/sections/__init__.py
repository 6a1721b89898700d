"""The blocks below a panel, one per file."""
