"""Whether what is said of other objects is true of them, as far as they are known (PS3.3 10.3)."""

from collections.abc import Iterator

import numpy as np

from dicom_io.check.among import PATIENT_AND_STUDY, Among, Relative
from dicom_io.check.content import Item
from dicom_io.check.evidence import CURRENT, OTHER
from dicom_io.check.fault import Fault, Rule
from dicom_io.check.frames import Frame, frames
from dicom_io.check.opened import Node, nodes
from dicom_io.check.templates import SEGMENT, SOURCE_SERIES, TRACKING_UID, groups

_UID = "ReferencedSOPInstanceUID"
_INSTANCES = ("ReferencedInstanceSequence", "ReferencedSOPSequence", "ReferencedImageSequence")
_BY_SERIES = "ReferencedSeriesSequence"
_BY_STUDY = (CURRENT, OTHER, "StudiesContainingOtherReferencedInstancesSequence")


def faults(root: Node, tree: Item | None, among: Among) -> Iterator[Fault]:
    """Faults of every reference to one of the others; ``tree`` is the content of a report."""
    if not among.relatives:
        return
    yield from _identity(root, among)
    yield from _listed(root, among)
    for keyword, node in nodes(root):
        relative = among.by_instance.get(node.text(_UID))
        if relative is not None and keyword != "ReferencedStudySequence":
            yield from _reference(node, relative)
    if tree is not None:
        yield from _content(tree, among)
    if root.items("SegmentSequence"):
        yield from _geometry(root, among)


def _identity(root: Node, among: Among) -> Iterator[Fault]:
    for relative in among.relatives:
        same_instance = relative.sop_instance_uid == root.text("SOPInstanceUID")
        if same_instance and relative.sop_class_uid != root.text("SOPClassUID"):
            yield root.fault("SOPInstanceUID", "That of an object of another SOP Class.", Rule.IDENTITY, "PS3.5 9")
        same_series = relative.series_uid == root.text("SeriesInstanceUID")
        if same_series and relative.study_uid != root.text("StudyInstanceUID"):
            yield root.fault("SeriesInstanceUID", "That of a series of another study.", Rule.IDENTITY, "PS3.3 A.1.2")
    study = [one.patient_and_study for one in among.relatives if one.study_uid == root.text("StudyInstanceUID")]
    for keyword in PATIENT_AND_STUDY if study else ():
        if root.text(keyword).strip() not in {one[keyword] for one in study}:
            yield root.fault(keyword, "Not that of any other object of the study.", Rule.SAME_PATIENT)


def _listed(root: Node, among: Among) -> Iterator[Fault]:
    """Instances listed by series and study: there, and in that series and study."""
    own_study = root.text("StudyInstanceUID")
    for series in root.items(_BY_SERIES):
        yield from _series(series, own_study, among)
    for keyword in _BY_STUDY:
        for study in root.items(keyword):
            for series in study.items(_BY_SERIES):
                yield from _series(series, study.text("StudyInstanceUID"), among)


def _series(series: Node, study_uid: str, among: Among) -> Iterator[Fault]:
    for keyword in _INSTANCES:
        for instance in series.items(keyword):
            relative = among.by_instance.get(instance.text(_UID))
            if relative is None:
                if among.complete:
                    yield instance.fault(_UID, "There is no such object.", Rule.REFERENCE)
                continue
            if relative.series_uid != series.text("SeriesInstanceUID"):
                yield series.fault("SeriesInstanceUID", "Not the series of the instance.", Rule.REFERENCE)
            if relative.study_uid != study_uid:
                yield series.fault("SeriesInstanceUID", "Not of the study of the instance.", Rule.REFERENCE)


def _reference(node: Node, relative: Relative) -> Iterator[Fault]:
    if node.text("ReferencedSOPClassUID") != relative.sop_class_uid:
        yield node.fault("ReferencedSOPClassUID", "Not the SOP Class of the instance.", Rule.REFERENCE)
    for number in node.numbers("ReferencedFrameNumber"):
        if not 1 <= number <= relative.frames:
            what = f"{number:g} of {relative.frames} frames."
            yield node.fault("ReferencedFrameNumber", what, Rule.REFERENCE)
    for number in node.numbers("ReferencedSegmentNumber") if relative.is_segmentation else ():
        if number not in relative.tracking:
            what = f"There is no segment {number:g}."
            yield node.fault("ReferencedSegmentNumber", what, Rule.REFERENCE)


def _content(tree: Item, among: Among) -> Iterator[Fault]:
    for item in tree.all:
        if item.value_type == "SCOORD":
            yield from _in_image(item, among)
    for group in groups(tree):
        yield from _group(group, among)


def _in_image(region: Item, among: Among) -> Iterator[Fault]:
    for image in region.children:
        for node in image.node.items("ReferencedSOPSequence"):
            relative = among.by_instance.get(node.text(_UID))
            if relative is None or relative.size is None:
                continue
            points = np.reshape(region.node.numbers("GraphicData")[: _even(region)], (-1, 2))
            if region.node.text("PixelOriginInterpretation") != "VOLUME" and np.any(points > relative.size):
                columns, rows = relative.size
                what = f"Beyond the image of {columns:g} columns and {rows:g} rows."
                yield region.node.fault("GraphicData", what, Rule.REGION)
            if relative.frames > 1 and "ReferencedFrameNumber" not in node:
                yield node.fault("ReferencedFrameNumber", "Missing: on which frame?", Rule.REFERENCE)


def _even(region: Item) -> int:
    return len(region.node.numbers("GraphicData")) // 2 * 2


def _group(group: Item, among: Among) -> Iterator[Fault]:
    """A group and the segment that it measures: the same tracking identity and source series."""
    tracking = [item.node.text("UID") for item in group.named(TRACKING_UID)]
    for item in group.named(SEGMENT):
        for node in item.node.items("ReferencedSOPSequence"):
            relative = among.by_instance.get(node.text(_UID))
            if relative is None:
                continue
            tracked = relative.tracking.get(node.integer("ReferencedSegmentNumber") or 0, "")
            if tracked and tracking and tracking[0] != tracked:
                what = f"A segment of another Tracking UID, {tracked}."
                yield node.fault("ReferencedSegmentNumber", what, Rule.REFERENCE)
            for series in group.named(SOURCE_SERIES):
                if relative.source_series and series.node.text("UID") not in relative.source_series:
                    yield series.node.fault("UID", "Not a series that the segmentation names.", Rule.REFERENCE)


def _geometry(root: Node, among: Among) -> Iterator[Fault]:
    """The images that a frame is derived from share its frame of reference, and lie where it lies."""
    judged: set[str] = set()
    for frame in frames(root):
        for derivation in frame.own.items("DerivationImageSequence"):
            for source in derivation.items("SourceImageSequence"):
                relative = among.by_instance.get(source.text(_UID))
                if relative is None:
                    continue
                if relative.frame_of_reference_uid not in ("", root.text("FrameOfReferenceUID"), *judged):
                    judged.add(relative.frame_of_reference_uid)
                    what = "Not that of the images the frames are derived from."
                    yield root.fault("FrameOfReferenceUID", what, Rule.REFERENCE)
                yield from _apart(frame, source, relative)


def _apart(frame: Frame, source: Node, relative: Relative) -> Iterator[Fault]:
    position = frame.group("PlanePositionSequence").numbers("ImagePositionPatient")
    orientation = frame.group("PlaneOrientationSequence").numbers("ImageOrientationPatient")
    preserved = source.text("SpatialLocationsPreserved") == "YES"
    if not (preserved and len(position) == 3 and len(orientation) == 6 and relative.position):
        return
    normal = np.cross(orientation[:3], orientation[3:])
    distance = abs(float(np.dot(np.subtract(position, relative.position), normal)))
    thickness = frame.group("PixelMeasuresSequence").number("SliceThickness") or 0.0
    if distance > 0.55 * max(thickness, relative.thickness, 1e-3):
        what = f"An image {distance:.4g} mm away from the frame."
        yield source.fault(_UID, what, Rule.REFERENCE)
