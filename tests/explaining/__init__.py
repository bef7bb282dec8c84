"""Pages that show what commands say, on the made-up company of the demo."""
