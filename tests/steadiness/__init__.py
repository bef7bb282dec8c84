"""How steady bands and writes are while nothing changes but noise, through whole syncs."""
