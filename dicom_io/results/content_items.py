"""Content items of structured reports (PS3.3 C.17.3), as plain data sets.

highdicom's check themselves and each other at construction, so that the report of fifty lesions takes seconds.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from dicom_io.results.references import instance_reference

LONGEST_CODE_VALUE = 16


class Relation(StrEnum):
    """Relationship Type (0040,A010) of an item to the one that holds it."""

    CONTAINS = "CONTAINS"
    CONCEPT_MODIFIER = "HAS CONCEPT MOD"
    OBSERVATION_CONTEXT = "HAS OBS CONTEXT"
    PROPERTY = "HAS PROPERTIES"
    INFERRED_FROM = "INFERRED FROM"
    SELECTED_FROM = "SELECTED FROM"


def coded(code: Code) -> Dataset:
    """A code as an item of a code sequence (PS3.3 Table 8.8-1)."""
    item = Dataset()
    if len(code.value) > LONGEST_CODE_VALUE:
        item.LongCodeValue = code.value
    else:
        item.CodeValue = code.value
    item.CodingSchemeDesignator = code.scheme_designator
    item.CodeMeaning = code.meaning
    return item


def container(
    name: Code, children: Iterable[Dataset], relation: Relation | None = Relation.CONTAINS, template: str = ""
) -> Dataset:
    """A heading over children; the root of a document has no relation. ``template`` is of PS3.16."""
    item = _item("CONTAINER", name, relation, children)
    item.ContinuityOfContent = "CONTINUOUS"
    if template:
        identified = Dataset()
        identified.MappingResource = "DCMR"
        identified.TemplateIdentifier = template
        item.ContentTemplateSequence = [identified]
    return item


def text(name: Code, value: str, relation: Relation = Relation.CONTAINS, children: Iterable[Dataset] = ()) -> Dataset:
    item = _item("TEXT", name, relation, children)
    item.TextValue = value
    return item


def code(name: Code, value: Code, relation: Relation = Relation.CONTAINS, children: Iterable[Dataset] = ()) -> Dataset:
    item = _item("CODE", name, relation, children)
    item.ConceptCodeSequence = [coded(value)]
    return item


def number(
    name: Code,
    value: float,
    unit: Code,
    relation: Relation = Relation.CONTAINS,
    children: Iterable[Dataset] = (),
) -> Dataset:
    """A whole number, or one to three decimals."""
    measured = Dataset()
    measured.MeasurementUnitsCodeSequence = [coded(unit)]
    measured.NumericValue = str(value if isinstance(value, int) else round(float(value), 3))
    item = _item("NUM", name, relation, children)
    item.MeasuredValueSequence = [measured]
    return item


def uid(name: Code, value: str, relation: Relation = Relation.CONTAINS) -> Dataset:
    item = _item("UIDREF", name, relation, ())
    item.UID = value
    return item


def image(
    name: Code | None,
    sop_class_uid: str,
    sop_instance_uid: str,
    relation: Relation = Relation.CONTAINS,
    *,
    frame: int | None = None,
    segment: int | None = None,
) -> Dataset:
    """A reference to an image, or to one of its frames or segments (PS3.3 C.18.4)."""
    referenced = instance_reference(sop_class_uid, sop_instance_uid)
    if frame is not None:
        referenced.ReferencedFrameNumber = frame
    if segment is not None:
        referenced.ReferencedSegmentNumber = segment
    item = _item("IMAGE", name, relation, ())
    item.ReferencedSOPSequence = [referenced]
    return item


def polyline(name: Code, points: Sequence[tuple[float, float]], source: Dataset) -> Dataset:
    """Points (column, row) on an image, which count from the outer corner of the first pixel (PS3.3 C.18.6)."""
    item = _item("SCOORD", name, Relation.CONTAINS, (source,))
    item.GraphicData = [float(coordinate) for point in points for coordinate in point]
    item.GraphicType = "POLYLINE"
    return item


def _item(value_type: str, name: Code | None, relation: Relation | None, children: Iterable[Dataset]) -> Dataset:
    item = Dataset()
    if relation is not None:
        item.RelationshipType = relation.value
    item.ValueType = value_type
    if name is not None:
        item.ConceptNameCodeSequence = [coded(name)]
    if content := list(children):
        item.ContentSequence = content
    return item
