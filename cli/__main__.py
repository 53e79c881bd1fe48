"""`python -m cli`: the `holdfast` command, wherever the environment's script is not."""

from cli.main import main

main(prog_name="holdfast")
