"""A year of the demo's company on both CRMs, one sync a day, with people who work in them."""
