"""The verdict on networks whose right answers are known: is it right?"""

from itertools import count

import pandas as pd

from stavis.errors import StavisError
from stavis.progress import bar
from stavis.synthetic.heads.stage import require_heads
from stavis.trust.known.canvas import canvas_of
from stavis.trust.known.five import EXPECTED
from stavis.trust.known.five import known_answers as five_answers
from stavis.trust.known.rates import HIDDEN_SEEDS, SAMPLE, by_network, grammar_answers
from stavis.trust.known.tokens import RULES as TOKEN_RULES
from stavis.trust.known.tokens import token_answers


def known_answers(seeds: int = 3, *, renderer: str | None = None, quiet: bool = False) -> pd.DataFrame:
    """The verdict on networks whose answers are known by construction: the five, some with token attention, a sample of the grammar.

    Parameters
    ----------
    seeds : int
        How many seeds of each of the five networks and of those with token attention are judged (from 0); default 3. The sample is
        judged at one seed on which no threshold was set.
    renderer : {"flat", "heads"}, optional
        Whose faces the clips show: crops of 112 px of flat faces or of 3D heads (`stavis fetch-models --heads` gets their model); default
        tiny grey ones of 32 px, on which the thresholds were set.
    quiet : bool
        No progress bar; default False.

    Returns
    -------
    DataFrame
        One row per network and seed: its `set` (five, tokens or grammar), what came out, what is expected of each answer, and whether
        all of it is `right`.

    Raises
    ------
    StavisError
        Where there is no such renderer, or the head model is not available.

    Examples
    --------
    >>> known_answers(0).empty
    True
    """
    if seeds < 0:
        raise StavisError(f"seeds is {seeds}: give how many are judged, from 0 on.")
    if not seeds:
        return pd.DataFrame()
    faces = canvas_of(renderer or "").renderer
    if faces == "heads":
        require_heads()
    each = tuple(range(seeds))
    total = seeds * (len(EXPECTED) + len(TOKEN_RULES)) + len(SAMPLE)
    with bar("judging networks whose answers are known", quiet) as progress:
        done = count(1)

        def judged() -> None:
            if progress is not None:
                progress(next(done), total)

        five = pd.DataFrame(five_answers(each, renderer=faces, judged=judged)).assign(set="five")
        tokens = pd.DataFrame(token_answers(each, renderer=faces, judged=judged)).assign(set="tokens")
        grammar = pd.DataFrame(by_network(grammar_answers(HIDDEN_SEEDS[:1], renderer=faces, judged=judged))).assign(set="grammar")
    table = pd.concat([five, tokens, grammar], ignore_index=True)
    return table[["set", *table.columns.drop("set")]]
