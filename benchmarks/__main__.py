"""python -m benchmarks NAME runs one measurement and prints its table; without a name it lists them."""

import importlib
import pkgutil
import sys

import benchmarks

NAMES = sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__) if not module.name.startswith("_"))


def main(words: list[str]) -> int:
    """Run the measurement that is named; exit code 2 where there is none of that name."""
    if len(words) != 1 or words[0] not in NAMES:
        print(f"python -m benchmarks NAME, where NAME is one of: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    importlib.import_module(f"benchmarks.{words[0]}").main()
    return 0


sys.exit(main(sys.argv[1:]))
