"""autoPET's layout: SUV, CT and a binary mask for each examination, and a table of reports for all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from config.finding import LabelMap
from config.volume import Volume
from training.data.folders import (
    Examinations,
    case_names,
    check_overlap,
    find_examinations,
    fingerprint,
    image_in,
    read_ct,
    read_labels,
    read_suv,
)
from training.data.problem import UnusablePatient
from training.data.reports import ReportedLesion, Reports, read_reports, shorten
from training.sample import LesionTruth, Sample

_NEAR_MM = 10.0


@dataclass(frozen=True)
class AutopetPatients:
    """``SUV``, ``CTres`` or ``CT``, and ``SEG``; without ``reports`` no lesion has a leaf."""

    examinations: Examinations
    reports: Reports

    @classmethod
    def below(cls, folder: Path, table: Path | None) -> "AutopetPatients":
        """``UnusableData`` if there is no patient, or if the table can't be used."""
        return cls(find_examinations(folder), read_reports(table) if table else Reports({}, ()))

    def __len__(self) -> int:
        return len(self.examinations.folders)

    def identifier(self, number: int) -> str:
        return self.examinations.identifier(number)

    def fingerprint(self, number: int) -> str:
        return fingerprint(self.examinations.folders[number], *map(repr, self._rows[0].get(number, ())))

    @property
    def remarks(self) -> tuple[str, ...]:
        """What of the table is of no use, for people."""
        unknown = self._rows[1]
        return (
            *self.reports.remarks,
            *([f"cases of the table without a folder: {shorten(unknown)}"] if unknown else []),
        )

    def __getitem__(self, number: int) -> Sample:
        """``UnusablePatient``, ``UnreadableNifti``: what is wrong with the patient's files."""
        folder = self.examinations.folders[number]
        suv = read_suv(image_in(folder, "SUV"))
        ct, valid = read_ct(image_in(folder, "CTres", "CT"))
        check_overlap(suv, ct)
        labels = number_lesions(read_labels(image_in(folder, "SEG"), suv), suv)
        lesions, remarks = _lesions(labels, suv, self._rows[0].get(number, ()))
        return Sample(self.identifier(number), suv, ct, valid, labels, lesions, remarks)

    @cached_property
    def _rows(self) -> tuple[Mapping[int, tuple[ReportedLesion, ...]], tuple[str, ...]]:
        """Rows by number of the examination, and the cases that no folder is called."""
        names = case_names([self.examinations.case(number) for number in range(len(self))])
        found: dict[int, tuple[ReportedLesion, ...]] = {}
        for case, rows in self.reports.by_case.items():
            if case in names:
                found[names[case]] = (*found.get(names[case], ()), *rows)
        return found, tuple(case for case in self.reports.by_case if case not in names)


def number_lesions(mask: LabelMap, suv: Volume) -> LabelMap:
    """A binary mask's connected components (26 neighbours), the hottest first; other masks are as they are."""
    if len(np.unique(mask)) > 2:
        return mask
    pieces = cc3d.connected_components(mask > 0, connectivity=26, out_dtype=np.uint32)
    order = _hottest_first(pieces, suv)
    if len(order) >= 2**16:
        raise UnusablePatient(f"the mask has {len(order)} components: lesions are expected, not noise")
    numbers = np.zeros(len(order) + 1, dtype=np.uint16)
    numbers[order] = np.arange(1, len(order) + 1)
    labels: LabelMap = numbers[pieces]
    return labels


def _hottest_first(pieces: NDArray[np.uint32], suv: Volume) -> NDArray[np.intp]:
    """Numbers of the pieces by falling SUVmax; equal ones by where they lie."""
    count = int(pieces.max(initial=0))
    voxels = np.argwhere(pieces)
    peak = np.full(count + 1, -np.inf)
    first = np.full((count + 1, 3), np.inf)
    of = pieces[tuple(voxels.T)]
    np.maximum.at(peak, of, suv.values[tuple(voxels.T)])
    np.minimum.at(first, of, suv.points_mm(voxels))
    return np.lexsort((*first[1:].T, -peak[1:])) + 1


def _lesions(
    labels: LabelMap, suv: Volume, rows: Sequence[ReportedLesion]
) -> tuple[tuple[LesionTruth, ...], tuple[str, ...]]:
    voxels = np.argwhere(labels)
    of = labels[tuple(voxels.T)]
    truths = {int(label): LesionTruth(int(label), None) for label in np.unique(of)}
    tree = cKDTree(suv.points_mm(voxels)) if len(voxels) else None
    named: dict[int, list[ReportedLesion]] = {}
    lost = []
    for row in rows:
        label = row.component
        if row.point_mm is not None and label is None:
            distance, nearest = tree.query(row.point_mm) if tree is not None else (np.inf, 0)
            label = int(of[nearest]) if distance <= _NEAR_MM else None
        if label is None or label not in truths:
            lost.append(row.row)
        else:
            named.setdefault(label, []).append(row)
    disagreeing = [label for label, said in named.items() if len({(r.leaf, r.ct_finding) for r in said}) > 1]
    for label, said in named.items():
        leaves, findings = {row.leaf for row in said}, {row.ct_finding for row in said}
        truths[label] = replace(
            truths[label],
            leaf=leaves.pop() if len(leaves) == 1 else None,
            ct_finding=findings.pop() if len(findings) == 1 else None,
        )
    remarks = []
    if lost:
        remarks.append(f"rows of the table that name no lesion of the mask: {shorten(map(str, lost))}")
    if disagreeing:
        remarks.append(f"lesions of which rows say different things: {shorten(map(str, sorted(disagreeing)))}")
    return tuple(truths.values()), tuple(remarks)
