"""Statistics of arrays: what structures, grains, shapes and windows are judged by. Never imports invariances."""
