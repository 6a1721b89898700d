"""Networks: periodic layers, generators, critics, and the exponential moving average."""
