"""The model card: what a network puts out, what it was trained and measured on, what it is for and what it is not for."""

from stavis.bootstrap import phrase

LIMITS = """## Intended use

Research on video networks, on their attention and on methods that explain them.

- Valence here is a rating of an expression, not a feeling: nothing is known of what a person feels.
- Inferring emotions of people at work or in education is prohibited in the European Union since February 2025.
- Metrics hold for the data named above. On other faces, light, cameras and cultures they have to be measured again.
"""


def only_synthetic(info: dict) -> bool:
    """Whether the network of these config.json values, and the one it began with, have never seen a real face."""
    return bool(info.get("data", {}).get("synthetic")) and (info.get("start") or {}).get("only_drawn", True)


def model_card(name: str, info: dict, *, command: str = "", remarks: str = "") -> str:
    """The text (Markdown) of a checkpoint's README.md, made from its config.json values."""
    parts = [f"# {name}", f"System `{info.get('system', 'sta')}` of stavis (Lee, Kim, Kim and Sohn, ICASSP 2018)."]
    if only_synthetic(info):
        parts.append("**This network has only ever seen synthetic faces.** What it says of real ones is an extrapolation.")
    parts.append(_outputs(info))
    parts.append(_training(info, command))
    if info.get("figures"):
        parts.append(_metrics(info["figures"], info.get("evaluated_on") or {}))
    if remarks:
        parts.append(remarks)
    parts.append(LIMITS)
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


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


def _metrics(figures: dict[str, dict[str, float]], evaluated_on: dict[str, dict]) -> str:
    """One table per data set; 'low' and 'high' are the ends of the interval over the recordings of its test split."""
    tables = []
    for name, values in figures.items():
        rows = []
        for key, value in values.items():
            if key.endswith((" low", " high")):
                continue
            ends = [values.get(f"{key} {end}") for end in ("low", "high")]
            interval = f"[{ends[0]:.3f}, {ends[1]:.3f}]" if None not in ends else ""
            rows.append(f"| {key} | {value:.3f} | {interval} |")
        config = evaluated_on.get(name, {})
        tested = round(config["recordings"] * config["shares"][-1]) if config else 0
        head = phrase(tested) if tested else "interval"
        tables.append(f"### {name}\n\n| metric | value | {head} |\n|---|---|---|\n" + "\n".join(rows))
    return "## Metrics\n\nOn people who are in no training recording.\n\n" + "\n\n".join(tables)
