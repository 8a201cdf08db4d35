"""python -m stavis.cli does what the command stavis does."""

from stavis.cli import main

main()
