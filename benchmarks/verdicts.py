"""How often the verdict is right on networks whose answers are known by construction, by the number of clips it is judged on.

Thresholds were set on TUNING_SEEDS; the rates that count are those of HIDDEN_SEEDS. Every answer is written to OUT.
"""

import json
import time
from pathlib import Path

from stavis.trust.grammar import RULES
from stavis.trust.rates import HIDDEN_SEEDS, TUNING_SEEDS, grammar_answers, rates

CLIPS = (5, 8, 12)
OUT = Path("reports/out/verdicts.json")


def main() -> None:
    """Judge every rule of the grammar on both parts of the seeds and print the rates and the wrong answers."""
    found = {}
    for part, seeds in (("hidden seeds", HIDDEN_SEEDS), ("seeds the thresholds were set on", TUNING_SEEDS)):
        started = time.process_time()
        table = grammar_answers(seeds, CLIPS, RULES)
        print(f"\n{part}: {len(RULES)} networks × {len(seeds)} seeds, {time.process_time() - started:.0f} s")
        print(rates(table).round(3).to_string(index=False))
        wrong = table[(table.expected != "") & ~table.right.astype(bool)]
        print(wrong[["rule", "seed", "clips", "question", "expected", "answer", "effect", "low", "high", "threshold"]].round(3).to_string())
        found[part] = {"seeds": list(seeds), "rates": rates(table).to_dict("records"), "answers": table.to_dict("records")}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(found, indent=1, default=str), encoding="utf-8")
    print(f"\nevery answer: {OUT}")


if __name__ == "__main__":
    main()
