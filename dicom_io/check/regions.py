"""Coordinates of regions: as many as their graphic type has, closed where they enclose (PS3.3 C.18.6, C.18.9)."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from dicom_io.check.content import Item
from dicom_io.check.fault import Fault, Rule
from dicom_io.check.templates import REGION


class Graphic(NamedTuple):
    """How many points a graphic type has: at least, at most (None: any number), and whether the last is the first."""

    least: int
    most: int | None
    closed: bool = False


IN_IMAGE: Mapping[str, Graphic] = {
    "POINT": Graphic(1, 1),
    "MULTIPOINT": Graphic(1, None),
    "POLYLINE": Graphic(2, None),
    "CIRCLE": Graphic(2, 2),
    "ELLIPSE": Graphic(4, 4),
}
IN_SPACE: Mapping[str, Graphic] = {
    "POINT": Graphic(1, 1),
    "MULTIPOINT": Graphic(1, None),
    "POLYLINE": Graphic(2, None),
    "POLYGON": Graphic(4, None, closed=True),
    "ELLIPSE": Graphic(4, 4),
    "ELLIPSOID": Graphic(6, 6),
}
_KINDS = {"SCOORD": (2, IN_IMAGE), "SCOORD3D": (3, IN_SPACE)}


def faults(root: Item) -> Iterator[Fault]:
    """Faults of every SCOORD and SCOORD3D."""
    for item in root.all:
        if item.value_type not in _KINDS:
            continue
        dimensions, graphics = _KINDS[item.value_type]
        name = item.node.text("GraphicType")
        if name in graphics:
            yield from _points(item, graphics[name], dimensions)
        elif name:
            what = f"{name!r} is none of {', '.join(sorted(graphics))}."
            yield item.node.fault("GraphicType", what, Rule.REGION)
        if item.value_type == "SCOORD" and not any(child.relationship == "SELECTED FROM" for child in item.children):
            yield item.node.fault("ContentSequence", "Coordinates selected from no image.", Rule.REGION)


def _points(item: Item, graphic: Graphic, dimensions: int) -> Iterator[Fault]:
    values, name = item.node.numbers("GraphicData"), item.node.text("GraphicType")
    count, rest = divmod(len(values), dimensions)
    if rest or count < graphic.least or (graphic.most is not None and count > graphic.most):
        more = " or more" if graphic.most is None else ""
        what = f"{len(values)} numbers; {name} has {graphic.least}{more} points of {dimensions}."
        yield item.node.fault("GraphicData", what, Rule.REGION)
        return
    is_open = values[:dimensions] != values[-dimensions:]
    if is_open and graphic.closed:
        yield item.node.fault("GraphicData", "Not closed: the last point is not the first.", Rule.REGION)
    elif is_open and name == "POLYLINE" and item.name == REGION:
        yield item.node.fault("GraphicData", "Not closed: the last point is not the first.", Rule.REGION_CLOSED)
