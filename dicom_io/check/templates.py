"""The templates of the reports that are written here, as tables of rows (PS3.16 Annex A).

A row says of the children of one name how often, of what value type and how related they occur. Templates are
extensible: children of other names pass.
"""

from collections.abc import Iterator
from typing import NamedTuple

from pydicom.sr.codedict import codes
from pydicom.uid import SurfaceSegmentationStorage

from dicom_io.check.content import Item, Name, code_of
from dicom_io.check.fault import Fault, Rule
from dicom_io.sop_classes import SEGMENTATION


class Row(NamedTuple):
    """Children of a name: so related, of these value types, at least and at most so many (None: any number)."""

    name: Name
    relationship: str
    value_types: tuple[str, ...]
    least: int = 0
    most: int | None = 1


class Template(NamedTuple):
    """Rows that hold each by itself, and sets of names of which one at least must be there."""

    section: str
    rows: tuple[Row, ...]
    one_of: tuple[tuple[Name, ...], ...] = ()


def _dcm(keyword: str) -> Name:
    code = getattr(codes.DCM, keyword)
    return code.value, code.scheme_designator


def _sct(keyword: str) -> Name:
    code = getattr(codes.SCT, keyword)
    return code.value, code.scheme_designator


MEASUREMENTS, DERIVED = _dcm("ImagingMeasurements"), _dcm("DerivedImagingMeasurements")
QUALITATIVE: Name = ("C0034375", "UMLS")
GROUP = _dcm("MeasurementGroup")
TRACKING_UID = _dcm("TrackingUniqueIdentifier")
SEGMENT, SEGMENTATION_FRAME = _dcm("ReferencedSegment"), _dcm("ReferencedSegmentationFrame")
SURFACE, REGION, REGION_IN_SPACE = _dcm("VolumeSurface"), _dcm("ImageRegion"), _dcm("RegionInSpace")
SOURCE_SERIES, SOURCE_IMAGE = _dcm("SourceSeriesForSegmentation"), _dcm("SourceImageForSegmentation")
OBSERVER_TYPE, DEVICE_UID, PERSON_NAME = _dcm("ObserverType"), _dcm("DeviceObserverUID"), _dcm("PersonObserverName")
ALGORITHM_NAME, ALGORITHM_VERSION = _dcm("AlgorithmName"), _dcm("AlgorithmVersion")
_MODIFIES, _OBSERVED, _CONTAINS = "HAS CONCEPT MOD", "HAS OBS CONTEXT", "CONTAINS"

_CONTEXT = (
    Row(_dcm("LanguageOfContentItemAndDescendants"), _MODIFIES, ("CODE",)),
    Row(OBSERVER_TYPE, _OBSERVED, ("CODE",), most=None),
    Row(DEVICE_UID, _OBSERVED, ("UIDREF",), most=None),
    Row(PERSON_NAME, _OBSERVED, ("PNAME",), most=None),
)
_ALGORITHM = (
    Row(ALGORITHM_NAME, _MODIFIES, ("TEXT",)),
    Row(ALGORITHM_VERSION, _MODIFIES, ("TEXT",)),
    Row(_dcm("AlgorithmParameters"), _MODIFIES, ("TEXT",), most=None),
)

MEASUREMENT_REPORT = Template(
    "PS3.16 TID 1500",
    (
        *_CONTEXT,
        Row(_dcm("ProcedureReported"), _MODIFIES, ("CODE",), 1, None),
        Row(_dcm("ImageLibrary"), _CONTAINS, ("CONTAINER",)),
        Row(MEASUREMENTS, _CONTAINS, ("CONTAINER",)),
        Row(DERIVED, _CONTAINS, ("CONTAINER",)),
        Row(QUALITATIVE, _CONTAINS, ("CONTAINER",)),
    ),
    one_of=((MEASUREMENTS, DERIVED, QUALITATIVE),),
)
DIAGNOSTIC_REPORT = Template("PS3.16 TID 2000", _CONTEXT)
KEY_OBJECT_SELECTION = Template(
    "PS3.16 TID 2010",
    (*_CONTEXT, Row(_dcm("KeyObjectDescription"), _CONTAINS, ("TEXT",))),
)

_GROUP_ROWS = (
    Row(_dcm("Finding"), _CONTAINS, ("CODE",)),
    Row(_sct("FindingsCategoryType"), _CONTAINS, ("CODE",)),
    Row(_sct("FindingSite"), _MODIFIES, ("CODE",), most=None),
    *_ALGORITHM,
)
_TRACKED = (
    Row(_dcm("TrackingIdentifier"), _OBSERVED, ("TEXT",), 1),
    Row(TRACKING_UID, _OBSERVED, ("UIDREF",), 1),
)
GROUP_OF_ANY_KIND = Template("PS3.16 TID 1501", (*(row._replace(least=0) for row in _TRACKED), *_GROUP_ROWS))
PLANAR_GROUP = Template(
    "PS3.16 TID 1410",
    (
        *_TRACKED,
        *_GROUP_ROWS,
        Row(REGION, _CONTAINS, ("SCOORD",)),
        Row(SEGMENTATION_FRAME, _CONTAINS, ("IMAGE",)),
        Row(REGION_IN_SPACE, _CONTAINS, ("SCOORD3D",)),
    ),
    one_of=((REGION, SEGMENTATION_FRAME, REGION_IN_SPACE),),
)
VOLUMETRIC_GROUP = Template(
    "PS3.16 TID 1411",
    (
        *_TRACKED,
        *_GROUP_ROWS,
        Row(REGION, _CONTAINS, ("SCOORD",), most=None),
        Row(SEGMENT, _CONTAINS, ("IMAGE",)),
        Row(SURFACE, _CONTAINS, ("SCOORD3D",)),
        Row(REGION_IN_SPACE, _CONTAINS, ("SCOORD3D",), most=None),
        Row(SOURCE_SERIES, _CONTAINS, ("UIDREF",)),
        Row(SOURCE_IMAGE, _CONTAINS, ("IMAGE",), most=None),
    ),
    one_of=((REGION, SEGMENT, SURFACE, REGION_IN_SPACE),),
)
MEASUREMENT = Template(
    "PS3.16 TID 300",
    (
        Row(_dcm("Derivation"), _MODIFIES, ("CODE",)),
        Row(_sct("FindingSite"), _MODIFIES, ("CODE",), most=None),
        *_ALGORITHM,
    ),
)

_BY_IDENTIFIER = {
    "1500": MEASUREMENT_REPORT,
    "2000": DIAGNOSTIC_REPORT,
    "2010": KEY_OBJECT_SELECTION,
    "1410": PLANAR_GROUP,
    "1411": VOLUMETRIC_GROUP,
    "1501": GROUP_OF_ANY_KIND,
}
_SEGMENT_SOURCES = ((SOURCE_SERIES, SOURCE_IMAGE),)
_SEGMENTATIONS = SEGMENTATION | {SurfaceSegmentationStorage}
_OBSERVER_IDENTIFIERS = ((_dcm("Device"), DEVICE_UID), (_dcm("Person"), PERSON_NAME))


def faults(root: Item) -> Iterator[Fault]:
    """Faults of the document by the template that it says it follows; none if that is not known here."""
    template = template_of(root)
    if template is None:
        return
    yield from _follows(root, template)
    yield from _observers(root, template)
    selected = any(child.node.items("ReferencedSOPSequence") for child in root.children)
    if template is KEY_OBJECT_SELECTION and not selected:
        yield root.node.fault("ContentSequence", "Nothing is selected.", Rule.TEMPLATE, template.section)
    if template is MEASUREMENT_REPORT:
        yield from _measurements(root)


def template_of(item: Item) -> Template | None:
    """The template named by Content Template Sequence (0040,A504)."""
    named = item.node.first("ContentTemplateSequence")
    return _BY_IDENTIFIER.get(named.text("TemplateIdentifier"))


def groups(root: Item) -> Iterator[Item]:
    """The measurement groups of a measurement report."""
    for container in root.named(MEASUREMENTS):
        yield from container.named(GROUP)


def group_template(group: Item) -> Template:
    """The template that a group names, or else the one that its content tells."""
    names = {child.name for child in group.children}
    if names & {SEGMENT, SURFACE}:
        told = VOLUMETRIC_GROUP
    elif names & {REGION, SEGMENTATION_FRAME, REGION_IN_SPACE}:
        told = PLANAR_GROUP
    else:
        told = GROUP_OF_ANY_KIND
    return template_of(group) or told


def _follows(item: Item, template: Template) -> Iterator[Fault]:
    for row in template.rows:
        found = [child for child in item.children if child.name == row.name and not child.is_reference]
        if len(found) < row.least or (row.most is not None and len(found) > row.most):
            what = f"{len(found)} × {_words(row.name)}; expected {_count(row)}."
            yield item.node.fault("ContentSequence", what, Rule.TEMPLATE, template.section)
        for child in found:
            if child.relationship != row.relationship:
                what = f"{child.relationship or 'None'} for {_words(row.name)}; expected {row.relationship}."
                yield child.node.fault("RelationshipType", what, Rule.TEMPLATE, template.section)
            if child.value_type not in row.value_types:
                what = f"{child.value_type or 'None'} for {_words(row.name)}; expected {' or '.join(row.value_types)}."
                yield child.node.fault("ValueType", what, Rule.TEMPLATE, template.section)
    yield from _one_of(item, template.one_of, template.section)


def _one_of(item: Item, alternatives: tuple[tuple[Name, ...], ...], section: str) -> Iterator[Fault]:
    names = {child.name for child in item.children}
    for alternative in alternatives:
        if not names.intersection(alternative):
            what = f"None of {', '.join(map(_words, alternative))}."
            yield item.node.fault("ContentSequence", what, Rule.TEMPLATE, section)


def _observers(root: Item, template: Template) -> Iterator[Fault]:
    types = [code_of(child.node, "ConceptCodeSequence") for child in root.named(OBSERVER_TYPE)]
    for kind, identifier in _OBSERVER_IDENTIFIERS:
        if types.count(kind) > len(list(root.named(identifier))):
            what = f"An observer of type {_words(kind)} without {_words(identifier)}."
            yield root.node.fault("ContentSequence", what, Rule.TEMPLATE, "PS3.16 TID 1002")


def _measurements(root: Item) -> Iterator[Fault]:
    for container in root.named(MEASUREMENTS):
        if not any(container.named(GROUP)):
            what = "No measurement group."
            yield container.node.fault("ContentSequence", what, Rule.TEMPLATE, "PS3.16 TID 1500")
    for container in root.named(DERIVED):
        if not any(child.value_type == "NUM" for child in container.all):
            yield container.node.fault("ContentSequence", "No number.", Rule.TEMPLATE, "PS3.16 TID 1420")
    seen: dict[tuple[str, str], str] = {}
    for group in groups(root):
        template = group_template(group)
        yield from _follows(group, template)
        yield from _segments(group, template)
        yield from _tracked_once(group, template, seen)
        yield from _algorithms(group)
    for item in root.all:
        if item.value_type == "NUM":
            yield from _follows(item, MEASUREMENT)


def _segments(group: Item, template: Template) -> Iterator[Fault]:
    """A measured segment is one of a segmentation, of which the group says on what it was drawn."""
    for item in group.named(SEGMENT):
        yield from _one_of(group, _SEGMENT_SOURCES, template.section)
        for reference in item.node.items("ReferencedSOPSequence"):
            if reference.text("ReferencedSOPClassUID") not in _SEGMENTATIONS:
                what = "A segment of what is no segmentation."
                yield reference.fault("ReferencedSOPClassUID", what, Rule.TEMPLATE, template.section)
            numbers = reference.values("ReferencedSegmentNumber")
            if len(numbers) != 1:
                what = f"{len(numbers)} segments; expected one."
                yield reference.fault("ReferencedSegmentNumber", what, Rule.TEMPLATE, template.section)


def _tracked_once(group: Item, template: Template, seen: dict[tuple[str, str], str]) -> Iterator[Fault]:
    for item in group.named(TRACKING_UID):
        uid = item.node.text("UID")
        other = seen.setdefault((template.section, uid), group.node.where)
        if uid and other != group.node.where:
            what = f"That of {other.rstrip('.')}, which is of the same kind."
            yield item.node.fault("UID", what, Rule.TRACKING)


def _algorithms(group: Item) -> Iterator[Fault]:
    """A measurement names its algorithm and the version, or its group does (TID 4019)."""
    of_group = {child.name for child in group.children}
    for child in group.children:
        names = of_group | {modifier.name for modifier in child.children}
        if child.value_type == "NUM" and not names >= {ALGORITHM_NAME, ALGORITHM_VERSION}:
            what = "Neither the measurement nor its group has algorithm name and version."
            yield child.node.fault("ContentSequence", what, Rule.MEASUREMENT_ALGORITHM)


def _count(row: Row) -> str:
    if row.most is None:
        return f"at least {row.least}"
    return str(row.most) if row.least == row.most else f"at most {row.most}"


def _words(name: Name) -> str:
    value, scheme = name
    return f"({value}, {scheme})"
