"""Whether an attention, or an attribution, explains a prediction: measures, controls, tests, and a verdict of four answers."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "answers": ["Answer"],
        "judge": ["Verdict", "verdict"],
        "faithfulness": ["FaithfulnessCurves", "curves", "infidelity", "sensitivity"],
        "sanity": ["cascade", "flicker", "input_randomisation", "randomised"],
    },
)
