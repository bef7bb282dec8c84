"""The packaged defaults of what an admin edits. Data only; `README.md` is the grammar."""
