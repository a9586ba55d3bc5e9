"""Many runs of one configuration: sweeps, and what they say together."""
