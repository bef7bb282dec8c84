"""Benchmarks: what the product costs as ratios to the bare work, taken in one run."""
