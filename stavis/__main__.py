"""python -m stavis does what the command stavis does, also where no PATH leads to it."""

from stavis.cli import main

main()
