"""Presentation states: graphics on layers, layers and images that are there (PS3.3 C.10.4, C.10.5, C.11.11)."""

from collections.abc import Iterator

from dicom_io.check.fault import Fault, Rule
from dicom_io.check.opened import Node
from dicom_io.check.regions import Graphic
from dicom_io.check.sources import listed_series

_GRAPHICS = {
    "POINT": Graphic(1, 1),
    "POLYLINE": Graphic(2, None),
    "INTERPOLATED": Graphic(2, None),
    "CIRCLE": Graphic(2, 2),
    "ELLIPSE": Graphic(4, 4),
}


def faults(root: Node) -> Iterator[Fault]:
    """Faults of graphic annotations, layers and displayed areas."""
    images = _images(root)
    if not images:
        yield root.fault("ReferencedSeriesSequence", "No image to present.", Rule.ANNOTATION, "PS3.3 C.11.11")
    layers = [layer.text("GraphicLayer") for layer in root.items("GraphicLayerSequence")]
    for layer in root.items("GraphicLayerSequence"):
        if layers.count(layer.text("GraphicLayer")) > 1:
            yield layer.fault("GraphicLayer", "Two layers of this name.", Rule.ANNOTATION, "PS3.3 C.10.7")
    for annotation in root.items("GraphicAnnotationSequence"):
        if annotation.text("GraphicLayer") not in layers:
            what = f"{annotation.text('GraphicLayer')!r} is no layer of Graphic Layer Sequence."
            yield annotation.fault("GraphicLayer", what, Rule.ANNOTATION)
        yield from _strangers(annotation, images, Rule.ANNOTATION)
        if not annotation.items("GraphicObjectSequence") and not annotation.items("TextObjectSequence"):
            yield annotation.fault("GraphicObjectSequence", "Neither graphic nor text.", Rule.ANNOTATION)
        for graphic in annotation.items("GraphicObjectSequence"):
            yield from _graphic(graphic)
    yield from _areas(root, images)


def _images(root: Node) -> set[str]:
    return {
        image.text("ReferencedSOPInstanceUID")
        for series in listed_series(root)
        for image in series.items("ReferencedImageSequence")
    }


def _strangers(node: Node, images: set[str], rule: Rule) -> Iterator[Fault]:
    for image in node.items("ReferencedImageSequence"):
        if image.text("ReferencedSOPInstanceUID") not in images:
            what = "Not one of the images of Referenced Series Sequence."
            yield image.fault("ReferencedSOPInstanceUID", what, rule)


def _graphic(graphic: Node) -> Iterator[Fault]:
    name, values = graphic.text("GraphicType"), graphic.numbers("GraphicData")
    kind = _GRAPHICS.get(name)
    points = graphic.integer("NumberOfGraphicPoints")
    if kind is None:
        if name:
            what = f"{name!r} is none of {', '.join(_GRAPHICS)}."
            yield graphic.fault("GraphicType", what, Rule.ANNOTATION)
        return
    if points is None or len(values) != 2 * points:
        what = f"{len(values)} numbers for {graphic.text('NumberOfGraphicPoints') or 'no'} points of 2."
        yield graphic.fault("GraphicData", what, Rule.ANNOTATION)
    elif points < kind.least or (kind.most is not None and points > kind.most):
        what = f"{points} points; {name} has {kind.least}{'' if kind.most else ' or more'}."
        yield graphic.fault("NumberOfGraphicPoints", what, Rule.ANNOTATION)


def _areas(root: Node, images: set[str]) -> Iterator[Fault]:
    areas = root.items("DisplayedAreaSelectionSequence")
    shown: set[str] = set()
    for area in areas:
        yield from _strangers(area, images, Rule.DISPLAYED_AREA)
        shown |= {image.text("ReferencedSOPInstanceUID") for image in area.items("ReferencedImageSequence")}
        if "ReferencedImageSequence" not in area:
            shown |= images
    if areas and not images <= shown:
        what = f"{len(images - shown)} of {len(images)} images have none."
        yield root.fault("DisplayedAreaSelectionSequence", what, Rule.DISPLAYED_AREA)
