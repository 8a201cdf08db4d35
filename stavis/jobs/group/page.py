"""The page about a group: mean maps by condition, their differences, curves around events, who went in, and what is not known."""

from typing import TYPE_CHECKING

import numpy as np

from stavis.bootstrap import LEVEL
from stavis.groups.canonical import canonical_face
from stavis.groups.events import EventAverages
from stavis.groups.face_maps import CENTRE
from stavis.groups.maps import ALPHA, MapDifference, MeanMap
from stavis.show.figures.around_events import around_figure
from stavis.show.figures.face_maps import SIDES, describe, face_map_svg, scale_of, scale_svg
from stavis.show.reports.report import HtmlReport
from stavis.show.tables import with_intervals

if TYPE_CHECKING:
    from stavis.jobs.group.group import Group

_STYLE = (
    "<style>.face-maps{display:flex;flex-wrap:wrap;gap:20px;align-items:flex-start}.face-maps figure{margin:0;flex:0 1 250px}"
    ".face-maps figcaption{font-size:14px;margin-top:6px;overflow-wrap:anywhere}.face-map{display:block;width:100%;height:auto}"
    ".face-scale{display:block;width:250px;height:50px;margin-top:12px}</style>"
)
_CONTROL = "middle of the crop (control)"
_HOW = (
    "Each map is put onto one average face by the landmarks of every frame, and averaged over frames, then recordings, then people: each "
    "person counts the same. Density is share over area: an even map has 1 everywhere. {sides}. Point at a region for its mean."
)
_NOT_KNOWN = (
    "A part of the face counts in the frames in which it is turned to the camera and inside the crop. What hair, a hand or the nose covers "
    "is not known, so what lies before the face counts as the face there.",
    "A mean map shows where attention lies, not that it explains the prediction: stavis verdict asks for that. The control shows what the "
    "middle of the crop alone would give.",
)


def group_page(group: "Group", kind: str, averages: EventAverages | None = None) -> HtmlReport:
    """The page about a group; kind: which map; averages: around events, where there are any."""
    report = HtmlReport(_title(group), subtitle=_subtitle(group), provenance=group.provenance)
    differences = group.differences(kind)
    maps = {name: group.map(kind, name) for name in group.conditions} if kind in group.kinds else {}
    report.add_text("", _answer(maps, differences))
    notes = (*group.notes, *(averages.notes if averages is not None else ()))
    report.add_notes(notes)
    _add_maps(report, group, kind, maps)
    for one in differences:
        _add_difference(report, one)
    if averages is not None:
        counts = "; ".join(
            f"{row.condition}: {row.events} events in {row.recordings} recordings of {row.people} people"
            for row in averages.counts.itertuples()
        )
        text = (
            f"{counts}. {averages.rate:.3g} steps/s. Bands: {100 * LEVEL:g} % jackknife t intervals over people, one moment at a time (not "
            "for the whole course); none below 5 people."
        )
        report.add_figure(f"Around {averages.name}", around_figure(averages), text)
    density = "Mean over people of share over area; 1 = an even spread. In brackets 95 % intervals over people."
    report.add_table("Density by region", with_intervals(group.table("regions"), {"density": 1.0}), density)
    found = group.table("differences")
    if len(found):
        caption = (
            "Of densities, in brackets 95 % intervals over people. p: exchangeable conditions in each person where paired; Holm's "
            "correction over all rows."
        )
        report.add_table("Differences by region", with_intervals(found, {"difference": 0.0}), caption, limits={"p_holm": ALPHA})
    caption = "The weight is that in the mean of the condition: people count the same, and so do the recordings of one person."
    report.add_table("Recordings", group.table("recordings"), caption)
    return report.add_text("What is not known", list(_NOT_KNOWN))


def _title(group: "Group") -> str:
    if len(group.conditions) == 1:
        return f"Where the network looks: {len(group.members)} recordings"
    return (
        f"Where the network looks: {' and '.join(group.conditions) if len(group.conditions) < 4 else f'{len(group.conditions)} conditions'}"
    )


def _subtitle(group: "Group") -> str:
    frames, seen = (sum(getattr(one, name) for one in group.members) for name in ("frames", "frames_with_face"))
    people = f"{len(group.people)} {'person' if len(group.people) == 1 else 'people'}"
    return f"{len(group.members)} recordings of {people}; {frames} frames, {frames - seen} of them without a face"


def _answer(maps: dict[str, MeanMap], differences: list[MapDifference]) -> list[str]:
    """What was found, before anything else."""
    if not maps:
        return ["No mean map: not every recording has this map on the face."]
    where = "; ".join(f"{name}: {describe(one.image)}" for name, one in maps.items())
    return [f"Highest mean density by region. {where}.", *(_sentence(one) for one in differences)]


def _sentence(found: MapDifference) -> str:
    """What a difference came to, and in which regions it is largest."""
    sentence = found.sentence[0].upper() + found.sentence[1:]
    return sentence if not found.significant.any() else f"{sentence} Largest by region: {describe(found.image, signed=True)}."


def _add_maps(report: HtmlReport, group: "Group", kind: str, maps: dict[str, MeanMap]) -> None:
    if not maps:
        return
    shown = {name: one.image for name, one in maps.items()}
    if CENTRE in group.kinds and kind != CENTRE:
        shown[_CONTROL] = group.map(CENTRE).image
    scale = scale_of(shown)
    captions = {name: f"{name}: {len(one.names)} people, {one.recordings} recordings, {one.frames} frames" for name, one in maps.items()}
    drawn = {name: face_map_svg(image, scale, name=f"{kind}, {name}") for name, image in shown.items()}
    drawings = "".join(_figure(drawn[name], captions.get(name, name)) for name in drawn)
    report.add_html(f"Mean {kind} by condition", f'{_STYLE}<div class="face-maps">{drawings}</div>{scale_svg(scale)}')
    report.add_text("", _HOW.format(sides=SIDES[0].upper() + SIDES[1:]))


def _add_difference(report: HtmlReport, found: MapDifference) -> None:
    name = f"{found.first} minus {found.second}"
    scale = scale_of({name: found.image}, signed=True)
    outline = canonical_face().image(found.significant) == 1
    caption = f"{name}; {found.design}" + (", outlined: significant cells" if found.significant.any() else ", no significant cell")
    drawn = _figure(face_map_svg(found.image, scale, name=name, signed=True, contour=outline), caption)
    report.add_html(f"Difference: {name}", f'<div class="face-maps">{drawn}</div>{scale_svg(scale, signed=True)}')
    test = (
        f"Permutation test over people, corrected for the whole map by its largest statistic: the chance of any outlined cell without a "
        f"difference is {100 * ALPHA:g} %."
    )
    left = f" Left out, in one condition only: {', '.join(found.left_out)}." if found.left_out else ""
    untested = int((np.isnan(found.p) & np.isfinite(found.difference)).sum())
    partly = (
        f" {100 * untested / len(found.p):.0f} % of the face was visible in too few people to test."
        if untested and not found.reason
        else ""
    )
    report.add_text("", _sentence(found) + ("" if found.reason else f" {test}") + partly + left)


def _figure(drawing: str, caption: str) -> str:
    text = caption.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<figure>{drawing}<figcaption>{text}</figcaption></figure>"
