"""The database's history, one file a step. `holdfast migrate` applies what is missing."""
