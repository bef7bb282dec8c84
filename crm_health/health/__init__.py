"""Health as pure functions on frames: no clock, no I/O, no logging; `as_of` is an argument."""
