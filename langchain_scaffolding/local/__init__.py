"""Real models on this machine: weights out of registry packages, and an engine that runs them on the CPU."""
