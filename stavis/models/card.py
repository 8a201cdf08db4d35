"""The model card: what a network puts out, what it was trained and measured on, what it is for and what it is not for."""

import yaml

from stavis.bootstrap import phrase
from stavis.errors import StavisError
from stavis.models.hub import PREFIX
from stavis.printable import percent

_EXTRAPOLATION = "what it predicts for real ones is an extrapolation."
SYNTHETIC_ONLY = f"This network was trained on synthetic faces only: {_EXTRAPOLATION}"
"""What a page about a network of flat synthetic faces says before anything else."""

TRACKED = ", tracked"
"""What the name of a set ends with whose crops are aligned by the tracked face, as in a video of anyone's own, instead of by the truth."""

COUNTED = ("recordings", "frames", "frames without a face", "frames bridged")
"""What is counted of a set that was read through the tracker."""

TRUTH_CCC = "ccc of the same recordings, aligned by truth"
"""What stands beside the metrics of a set that was read through the tracker."""

FOUND_CCC = "ccc of frames with a face"
"""The CCC of a set that was read through the tracker without the frames in which it found no face."""

SCORES = ("ccc", "cc", "rmse")
"""The metrics that the hub's header of a card lists."""

_RENDERED = {
    "flat": "synthetic faces",
    "heads": "rendered 3D heads; no real face",
    "both": "rendered 3D heads and flat synthetic faces; no real face",
}
"""What was seen, by who rendered the last training data."""

LIMITS = """## Intended use

Research on video networks, on their attention and on methods that explain them.

- Valence here is a rating of an expression, not a feeling: nothing is known of what a person feels.
- Inferring emotions of people at work or in education is prohibited in the European Union since February 2025.
- Metrics hold for the data named above. On other faces, light, cameras and cultures they have to be measured again.
"""


def only_synthetic(info: dict) -> bool:
    """Whether the network of these config.json values, and the one it began with, have never seen a real face."""
    return bool(info.get("data", {}).get("synthetic")) and (info.get("start") or {}).get("only_drawn", True)


def seen_renderer(info: dict) -> str:
    """Who rendered what a network of these config.json values was trained on last ("flat", "heads", "both"), where no face of it was
    real; '' where one may have been."""
    if not only_synthetic(info):
        return ""
    renderer = info["data"].get("spec", {}).get("renderer", "flat")
    return renderer if renderer in _RENDERED else "flat"


def seen_text(info: dict) -> str:
    """What a network of these config.json values has seen, where no face of it was real; '' where one may have been."""
    return _RENDERED.get(seen_renderer(info), "")


def caution_text(info: dict) -> str:
    """What a page about a network of these config.json values says before anything else: what it has seen, and what was found on real
    faces where that was measured; '' where it may have seen real ones."""
    kind = seen_renderer(info)
    if not kind:
        return ""
    heads = {"heads": "rendered 3D heads", "both": "rendered 3D heads and flat synthetic faces"}
    seen = f"This network was trained on {heads[kind]}, and on no real face: {_EXTRAPOLATION}" if kind in heads else SYNTHETIC_ONLY
    real = info.get("real_faces")
    if not real:
        return seen
    low, high, least, most = (f"{value:.2f}".replace("-", "\N{MINUS SIGN}") for value in (*real["smile_r"], *real["neutral"]))
    return (
        f"{seen} On {real['clips']} clips of {real['people']} real people its valence follows the tracker's smile at r = {low} to {high}, "
        f"and is {least} to {most} where the face is neutral."
    )


def model_card(name: str, info: dict, *, command: str = "", remarks: str = "") -> str:
    """The text (Markdown) of a checkpoint's README.md, made from its config.json values."""
    parts = [f"# {name}", f"System `{info.get('system', 'sta')}` of stavis (Lee, Kim, Kim and Sohn, ICASSP 2018)."]
    if only_synthetic(info):
        parts.append(f"**This network has only ever seen {seen_text(info)}.** What it says of real ones is an extrapolation.")
    parts.append(_outputs(info))
    parts.append(_training(info, command))
    if info.get("figures"):
        parts.append(_metrics(info["figures"], info.get("evaluated_on") or {}, (info.get("measured_on") or {}).get("regions", "")))
    if remarks:
        parts.append(remarks)
    parts.append(LIMITS)
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def remarks_of(card: str) -> str:
    """The remarks in a card that `model_card` made: what stands between the metrics and the limits; '' where there are none."""
    before = card.partition(LIMITS.splitlines()[0])[0]
    metrics = before.partition("\n## Metrics\n")[2] or before
    start = metrics.find("\n## ")
    return metrics[start:].strip() if start >= 0 and metrics is not before else ""


def hub_card(card: str, info: dict, licence: str | None = None) -> str:
    """A checkpoint's card as the Hugging Face Hub wants it: a YAML header (licence, tags, metrics) before its text.

    A header that is there is replaced; its licence is kept where none is given. Networks that have only seen synthetic faces may go
    under stavis' own licence.

    Raises StavisError where no licence is known.
    """
    before, text = _header(card)
    licence = licence or before.get("license") or ("mit" if only_synthetic(info) else None)
    if not licence:
        raise StavisError(
            "the licence of this network is not known, for its data were not synthetic: give license=, such as 'cc-by-nc-4.0'."
        )
    outputs = [one["name"] for one in info.get("dimensions", [])]
    system = str(info.get("system", "sta"))
    header = {"license": licence, "library_name": "stavis", "tags": ["stavis", "video", "attention", "facial-expression", system, *outputs]}
    begun = str((info.get("start") or {}).get("name", ""))
    if begun.startswith(PREFIX):
        header["base_model"] = begun[len(PREFIX) :].partition("@")[0]
    if results := [_result(name, values, info) for name, values in (info.get("figures") or {}).items()]:
        title = next((line[2:] for line in text.splitlines() if line.startswith("# ")), system)
        header["model-index"] = [{"name": title, "results": results}]
    return f"---\n{yaml.safe_dump(header, sort_keys=False, allow_unicode=True, width=120)}---\n\n{text.lstrip()}"


def _header(card: str) -> tuple[dict, str]:
    """The values of a card's YAML header, and the text behind it; ({}, card) where it has none."""
    if not card.startswith("---\n") or "\n---\n" not in card[3:]:
        return {}, card
    header, _, text = card[4:].partition("\n---\n")
    try:
        values = yaml.safe_load(header)
    except yaml.YAMLError:
        values = None
    return (values if isinstance(values, dict) else {}), text


def _result(name: str, values: dict[str, float], info: dict) -> dict:
    """The metrics of one set as an entry of the hub's model-index."""
    metrics = [
        {"type": key.split()[0], "name": key, "value": round(float(value), 4)}
        for key, value in values.items()
        if key.split()[0] in SCORES and not key.endswith((" low", " high")) and key != TRUTH_CCC
    ]
    task = {"type": "video-regression", "name": f"{', '.join(one['name'] for one in info.get('dimensions', []))} for each frame"}
    kind = "synthetic faces of stavis" if info.get("evaluated_on") else "recordings"
    return {"task": task, "dataset": {"type": kind, "name": name}, "metrics": metrics}


def _outputs(info: dict) -> str:
    rows = [f"| {d['name']} | {d['range'][0]} to {d['range'][1]} | {d['unit']} |" for d in info.get("dimensions", [])]
    return (
        "## Output\n\nOne value for every frame and dimension, in this order.\n\n| dimension | range | unit |\n|---|---|---|\n"
        + "\n".join(rows)
    )


def _training(info: dict, command: str) -> str:
    data, plan, config = info.get("data", {}), info.get("training", {}), info.get("config", {})
    facts = {
        "data": data.get("name"),
        "data hash": data.get("hash"),
        "split": data.get("split"),
        "recordings": data.get("recordings"),
        "begun with": f"the weights of {_named(info['start'])}" if info.get("start") else None,
        "weights": ", ".join(f"{each['part']:g} of {_named(each)}" for each in info.get("averaged", [])) or None,
        "steps": plan.get("step"),
        "windows a step": plan.get("batch"),
        "loss": plan.get("loss"),
        "seed": plan.get("seed"),
        "crop": f"{config.get('crop_size')} px" if config.get("crop_size") else None,
        "frame rate": f"{config.get('rate')} frames/s" if config.get("rate") else None,
    }
    rows = [f"- {name}: {value}" for name, value in facts.items() if value is not None]
    made = f"\n\nMade with:\n\n    {command}" if command else ""
    return "## Training\n\n" + "\n".join(rows) + made


def _named(network: dict) -> str:
    """Another network, by name and hash."""
    return f"{network['name']} (sha256 {network['weights_sha256'][:16]})"


def _metrics(figures: dict[str, dict[str, float]], evaluated_on: dict[str, dict], regions: str = "") -> str:
    """One table per data set; 'low' and 'high' are the ends of the interval over the recordings of its test split; regions: which
    version of the regions of a face the cue's metrics go by."""
    tables = []
    for name, values in figures.items():
        rows = []
        for key, value in values.items():
            if key.endswith((" low", " high")) or key in (*COUNTED, TRUTH_CCC):
                continue
            ends = [values.get(f"{key} {end}") for end in ("low", "high")]
            interval = f"[{ends[0]:.3f}, {ends[1]:.3f}]" if None not in ends else ""
            rows.append(f"| {key} | {value:.3f} | {interval} |")
        config = evaluated_on.get(name.removesuffix(TRACKED), {})
        tested = round(config["recordings"] * config["shares"][-1]) if config else 0
        head = phrase(int(values.get(COUNTED[0], tested))) if tested else "interval"
        text = _tracked(values, tested) if name.endswith(TRACKED) else _BY_TRUTH if config else ""
        table = f"| metric | value | {head} |\n|---|---|---|\n" + "\n".join(rows)
        tables.append("\n\n".join(part for part in (f"### {name}", text, table) if part))
    missing = "" if any(name.endswith(TRACKED) for name in figures) or not evaluated_on else _NOT_TRACKED
    cue = any("cue" in key for values in figures.values() for key in values)
    by = f" Cue correlation and density go by {regions} of the regions of a face." if regions and cue else ""
    return f"## Metrics\n\nOn people who are in no training recording.{missing}{by}\n\n" + "\n\n".join(tables)


_BY_TRUTH = "Crops aligned by the known landmarks of the synthetic faces, which no other video has."
_NOT_TRACKED = " What they are in a video without known landmarks, where the tracked face aligns the crops, was not measured."


def _tracked(values: dict[str, float], tested: int) -> str:
    """How a set was read through the tracker: recordings, frames without a face, and the CCC that the known landmarks give."""
    recordings, frames, lost, read = (int(values.get(name, 0)) for name in COUNTED)
    which = f"The first {recordings} of the {tested} recordings" if recordings < tested else f"All {recordings} recordings"
    text = f"Crops aligned by the tracked face, as in a video of your own. {which}; {lost} of {frames} frames without a face"
    text += f" ({percent(lost / max(frames, 1), 1)}): {read} beside sightings at one place are read, the others interpolated."
    return text + (
        f" Aligned by the known landmarks, the CCC of the same recordings is {values[TRUTH_CCC]:.3f}." if TRUTH_CCC in values else ""
    )
