"""Files of users: arrays, label maps, curves and crystal maps, read with limits and checked before they are decoded."""
