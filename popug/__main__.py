"""`python -m popug` is the `popug` command."""

from popug.cli import main

main(prog_name="popug")
