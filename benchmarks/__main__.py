"""python -m benchmarks NAME runs one measurement and prints its table; without a name it lists them.

python -m benchmarks --json FILE [--only NAME,...] measures the targets of speed (see benchmarks.targets).
"""

import importlib
import inspect
import pkgutil
import sys

import benchmarks

NAMES = sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__) if not module.name.startswith("_"))


def main(words: list[str]) -> int:
    """Run the measurement that is named, with the options that it takes; exit code 2 where there is none of that name."""
    if words and words[0].startswith("--"):
        words = ["targets", *words]
    if not words or words[0] not in NAMES:
        print(f"python -m benchmarks NAME, where NAME is one of: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    run = importlib.import_module(f"benchmarks.{words[0]}").main
    if words[1:] and not inspect.signature(run).parameters:
        print(f"python -m benchmarks {words[0]} takes no options, not {' '.join(words[1:])}", file=sys.stderr)
        return 2
    run(*words[1:])
    return 0


sys.exit(main(sys.argv[1:]))
