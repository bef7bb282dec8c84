"""The pipeline of a run, one step a file. `run.py` reads like the picture in the docs."""
