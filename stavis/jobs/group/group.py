"""A group of explained recordings: where the network looks on average, in which condition, and when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from stavis.bootstrap import FEWEST, too_few
from stavis.errors import StavisError
from stavis.groups.canonical import VERSION, canonical_face
from stavis.groups.events import EventAverages, Events, around
from stavis.groups.face_maps import ATTENTION
from stavis.groups.maps import MapDifference, MeanMap, map_difference, mean_map, people_of
from stavis.groups.members import Member
from stavis.groups.table import Results, Table, read_members
from stavis.groups.tables import conditions_of, difference_table, recording_table, region_table
from stavis.jobs.group.page import group_page
from stavis.notes import show
from stavis.provenance import provenance
from stavis.show.figures.around_events import around_figure
from stavis.show.figures.face_maps import face_map_figure
from stavis.show.reports.report import HtmlReport
from stavis.storage.files import atomic_contents, atomic_file, write_json

PAGE = "report.html"
FIGURES = ("maps", "difference", "around")
TABLES = ("recordings", "regions", "differences")


@dataclass(frozen=True, repr=False)
class Group:
    """Explained recordings of several people, made by `stavis.jobs.group`.

    members: the recordings; notes: what a reader must know; seed: of the permutations.
    """

    members: tuple[Member, ...]
    notes: tuple[str, ...] = ()
    seed: int = 0

    def __repr__(self) -> str:
        return f"Group({len(self.members)} recordings of {len(self.people)} people, {', '.join(self.conditions)})"

    @property
    def people(self) -> tuple[str, ...]:
        """The people shown."""
        return people_of(self.members)

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions, in the order of the table."""
        return conditions_of(self.members)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The maps that every recording has on the canonical face, the attention first."""
        known = [one.maps.names if one.maps is not None else () for one in self.members]
        return tuple(name for name in known[0] if all(name in names for names in known))

    def _of(self, condition: str | None) -> list[Member]:
        chosen = [one for one in self.members if condition is None or one.condition == condition]
        if not chosen:
            raise StavisError(f"the group has no condition {condition!r}: choose one of {', '.join(self.conditions)}.")
        return chosen

    def _check_kind(self, kind: str) -> None:
        """Raises StavisError for a map that no recording has, unless none has any: then the page says so."""
        known = {name for one in self.members if one.maps is not None for name in one.maps.names}
        if known and kind not in known:
            raise StavisError(f"no recording has a map {kind!r}: choose one of {', '.join(sorted(known))}.")

    def map(self, kind: str = ATTENTION, condition: str | None = None) -> MeanMap:
        """The mean map of a condition (or of all recordings) on the canonical face: frames, then recordings, then people, each person
        counting the same. `.image` (64,64) is the density: 1 is what an even map has.

        kind: "attention", an attribution, "control: middle of the crop" or "control: edges of the image". Raises StavisError where a
        recording has no such map.
        """
        return mean_map(self._of(condition), kind, condition or "all conditions")

    def difference(self, first: str | None = None, second: str | None = None, kind: str = ATTENTION) -> MapDifference:
        """The first condition less the second (by default the first two), paired where people are in both; `.p` is corrected for the map.

        Raises StavisError where there are no two conditions, or a recording has no such map.
        """
        if first is None and second is None and len(self.conditions) >= 2:
            first, second = self.conditions[:2]
        if first is None or second is None or first == second:
            known = ", ".join(self.conditions)
            raise StavisError(f"a difference needs two conditions, and the table names {known}: name two in its column condition.")
        return map_difference(self._of(first), self._of(second), kind, seed=self.seed)

    def around(
        self, events: Events, *, before: float = 2.0, after: float = 4.0, label: str | None = None, relative: bool = False
    ) -> EventAverages:
        """The mean course of shares, predicted values and signals around events, by condition, with intervals over people.

        events: a CSV of recording, time (s; or start, of spans) and, by choice, label; {recording: times, Annotations or their file}; or
        "peaks:smile", the peaks of a curve. before, after: s; label: only events of this label; relative: less the mean before the event.

        Raises StavisError where no recording has such an event.
        """
        return around(self.members, events, before=before, after=after, label=label, relative=relative)

    def figure(self, kind: str = "maps", *, of: str = ATTENTION, events: Events | None = None, **options) -> go.Figure:
        """A plotly figure: "maps" (the mean map of each condition), "difference" (of two, options first and second, its significant cells
        outlined), "around" (curves around events; options as for `around`, and `curves`, which of them).

        of: which map. Raises StavisError where there is no such figure.
        """
        if kind not in FIGURES:
            raise StavisError(f"a group has no figure {kind!r}: choose one of {', '.join(FIGURES)}.")
        if kind == "maps":
            return face_map_figure({name: self.map(of, name).image for name in self.conditions})
        if kind == "difference":
            found = self.difference(kind=of, **options)
            name = f"{found.first} less {found.second}"
            outline = canonical_face().image(found.significant) == 1
            return face_map_figure({name: found.image}, signed=True, contours={name: outline})
        curves = options.pop("curves", None)
        if events is None:
            raise StavisError('a figure around events needs events: give events="peaks:smile", a CSV, or times by recording.')
        return around_figure(self.around(events, **options), curves)

    def table(self, kind: str = "recordings") -> pd.DataFrame:
        """A table: "recordings" (with the weight of each), "regions" (density by condition, with intervals over people), "differences" (of
        conditions by region, p corrected by Holm).

        Raises StavisError where there is no such table.
        """
        if kind not in TABLES:
            raise StavisError(f"a group has no table {kind!r}: choose one of {', '.join(TABLES)}.")
        return {"recordings": recording_table, "regions": region_table, "differences": difference_table}[kind](self.members)

    def report(
        self, path: str | Path | None = None, *, of: str = ATTENTION, events: Events | EventAverages | None = None, **options
    ) -> HtmlReport:
        """The page: mean maps, differences with their significant cells, curves around events, counts; written to `path` where given.

        of: which map; events and options as for `around`.
        """
        self._check_kind(of)
        _refuse_unused(events, options)
        averages = events if events is None or isinstance(events, EventAverages) else self.around(events, **options)
        page = group_page(self, of, averages)
        if path is not None:
            page.save(path)
        return page

    @property
    def provenance(self) -> dict[str, str]:
        """What is needed to make this again."""
        networks = sorted({one.network for one in self.members if one.network})
        return provenance(
            weights_sha256=", ".join(networks) or None,
            recordings=len(self.members),
            people=len(self.people),
            conditions=", ".join(self.conditions),
            canonical_face=f"version {VERSION}",
            seed=self.seed,
        )

    def save(self, out: str | Path, *, of: str = ATTENTION, events: Events | None = None, **options) -> Path:
        """Write report.html, group.json, recordings.csv, regions.csv, differences.csv, group_maps.npz and (with events) around.csv.

        Arguments as for `report`. Returns the page's path. Raises StavisError where `out` cannot be written.
        """
        self._check_kind(of)
        _refuse_unused(events, options)
        averages = None if events is None else self.around(events, **options)
        show(() if averages is None else averages.notes)
        page = self.report(of=of, events=averages)
        with atomic_contents(out) as folder:
            for kind in TABLES:
                self._write(folder, kind, self.table(kind))
            if averages is not None:
                self._write(folder, "around", averages.table)
            if self.kinds:
                maps = np.stack([np.stack([self.map(kind, name).image for kind in self.kinds]) for name in self.conditions])
                with atomic_file(folder / "group_maps.npz") as temporary:
                    names: dict[str, Any] = {"conditions": np.array(self.conditions), "maps": np.array(self.kinds)}
                    np.savez_compressed(temporary, density=maps.astype(np.float32), **names, version=np.array(VERSION))
            write_json(folder / "group.json", self._summary(of, averages))
            page.save(folder / PAGE)
        return Path(out) / PAGE

    @staticmethod
    def _write(folder: Path, name: str, table: pd.DataFrame) -> None:
        with atomic_file(folder / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False, float_format="%.6g")

    def _summary(self, of: str, averages: EventAverages | None) -> dict:
        found = self.differences(of)
        return {
            "recordings": len(self.members),
            "people": len(self.people),
            "conditions": {name: {"recordings": len(self._of(name)), "people": len(people_of(self._of(name)))} for name in self.conditions},
            "frames": sum(one.frames for one in self.members),
            "frames_with_face": sum(one.frames_with_face for one in self.members),
            "differences": [{"first": one.first, "second": one.second, "paired": one.paired, "sentence": one.sentence} for one in found],
            "events": None
            if averages is None
            else {"name": averages.name, "rate": averages.rate, "counts": averages.counts.to_dict("records")},
            "notes": [*self.notes, *(() if averages is None else averages.notes)],
            "provenance": self.provenance,
        }

    def differences(self, kind: str = ATTENTION) -> list[MapDifference]:
        """The difference of every two conditions; none where a recording lacks the map."""
        if kind not in self.kinds:
            return []
        names = self.conditions
        return [self.difference(first, second, kind) for k, first in enumerate(names) for second in names[k + 1 :]]


def _refuse_unused(events: object, options: dict) -> None:
    if events is None and options:
        raise StavisError(f"{', '.join(options)} say how curves around events are averaged, and no events are given: give events=.")


def group(table: Table, results: Results | None = None, *, seed: int = 0) -> Group:
    """A group of explained recordings: mean maps on the canonical face, differences of conditions, averages around events.

    Parameters
    ----------
    table : path, DataFrame, list or dict
        A CSV with the columns recording, person and, by choice, condition and mirrored (yes or no); such rows; or {recording: person} or
        {recording: (person, condition)}. A recording is a folder that `stavis explain` wrote (relative to the CSV), or a name in `results`.
    results : dict or list, optional
        Explanations and readings by name, or a list of those, named by their videos.
    seed : int
        Of the permutations, where there are too many to try all.

    Returns
    -------
    Group
        With `.map()`, `.difference()`, `.around(events)`, `.figure(...)`, `.table(...)`, `.report(file)`, `.save(folder)`.

    Raises
    ------
    StavisError
        Where a row names no person, a folder is missing, or a recording stands in two rows.
    """
    members = read_members(table, results)
    found = _notes(members)
    show(found)
    return Group(members, found, seed)


def _notes(members: Sequence[Member]) -> tuple[str, ...]:
    """What a reader must know of a group."""
    notes = [note for note in members[0].notes if len(members) > 1 and all(note in one.notes for one in members)]
    if len(members) == 1:
        notes.append("The group is one recording: it has a mean map, no interval and no test.")
    counts: Mapping[str, int] = {name: len({m.person for m in members if m.condition == name}) for name in conditions_of(members)}
    few = [f"{name}: {too_few(count, 'people')}" for name, count in counts.items() if count < FEWEST]
    if few and len(members) > 1:
        notes.append(f"Conditions without intervals and tests: {'; '.join(few)}.")
    sparse = [one for one in members if 2 * one.frames_with_face <= one.frames]
    if sparse:
        first = f"{sparse[0].name}: a face in {sparse[0].frames_with_face} of {sparse[0].frames} frames"
        notes.append(f"In {len(sparse)} of {len(members)} recordings half of the frames or more show no face, and do not count ({first}).")
    rates = [one.rate for one in members if np.isfinite(one.rate)]
    if rates and max(rates) > 1.05 * min(rates):
        notes.append(f"Recordings have {min(rates):.3g} to {max(rates):.3g} frames/s; in the mean maps each recording counts the same.")
    networks = {one.network for one in members if one.network}
    if len(networks) > 1:
        notes.append(f"The recordings were read by {len(networks)} networks whose weights differ: the means mix them.")
    if mirrored := sum(one.mirrored for one in members):
        notes.append(
            f"{mirrored} of {len(members)} recordings are mirrored: left and right were exchanged, so that each person's own sides agree."
        )
    lacking = [one for one in members if one.maps is None]
    if lacking:
        why = "whole frames were read" if lacking[0].subject != "face" else "no face was tracked, or an earlier version explained it"
        notes.append(f"{len(lacking)} of {len(members)} recordings have no maps on the face ({lacking[0].name}: {why}).")
    return tuple(notes)
