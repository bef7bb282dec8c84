"""Text to checked, frozen values: every problem at once, as file:line:column."""
