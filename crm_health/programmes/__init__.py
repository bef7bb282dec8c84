"""What follows from a score: memory, episodes, tasks and escalations. Pure functions."""
