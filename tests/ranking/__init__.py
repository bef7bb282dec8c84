"""How well scores that were fitted to nothing rank those who left, on public data."""
