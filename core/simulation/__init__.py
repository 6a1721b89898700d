"""The other road to truth: simulators, exact solutions, data sources and descriptors. Never imports invariances."""
