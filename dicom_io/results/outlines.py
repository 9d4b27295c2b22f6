"""DICOM GSPS: outlines of the lesions on the PET's own slices, for viewers without SEG."""

from collections.abc import Iterator

import highdicom
import numpy as np
from highdicom import pr
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from scipy import ndimage

from config.finding import Finding
from config.result_kind import ResultKind
from dicom_io.header_values import text
from dicom_io.identity import PRODUCT, tracking_identifier
from dicom_io.reading.volume import SourceImage
from dicom_io.results.colours import cielab, lesion_colour
from dicom_io.results.contours import contours
from dicom_io.results.presentation_window import set_window
from dicom_io.results.references import image_references
from dicom_io.results.result import ResultContext, complete, construction, stand_in

_PIXEL = pr.AnnotationUnitsValues.PIXEL
_POLYLINE = pr.GraphicTypeValues.POLYLINE
_FUNCTIONAL_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_GREY = 0x6000  # seen on white and on black
_TEXT_DISTANCE = 2.0
_TEXT_HEIGHT_MM = 12.0


def encode_outlines(context: ResultContext) -> Dataset | None:
    """The lesions outlined along their voxels on every slice, or None if there are none.

    A Grayscale Softcopy Presentation State (PS3.3 A.33.1) on the whole PET series, dark on white, with one graphic
    layer for each lesion in its colour, and its number and name on the slice of SUVmax.
    """
    lesions = context.analysis.lesions
    if not lesions:
        return None
    state = pr.GrayscaleSoftcopyPresentationState(
        **construction(context, ResultKind.OUTLINES, "AI lesion outlines"),
        referenced_images=[_image(context.pet.headers[0])],
        content_label="LESIONS",
        content_description=f"Outlines of lesions {context.provenance.label}".strip()[:64],
        content_creator_name=f"{PRODUCT}^",
        graphic_layers=[_layer(finding) for finding in lesions],
        presentation_lut_transformation=highdicom.PresentationLUTTransformation(
            presentation_lut_shape=highdicom.PresentationLUTShapeValues.INVERSE
        ),
    )
    # The others here, since the constructor looks at each for milliseconds.
    state.ReferencedSeriesSequence[0].ReferencedImageSequence = image_references(_whole_images(context))
    boxes = ndimage.find_objects(context.analysis.labels)
    state.GraphicAnnotationSequence = [
        annotation for finding in lesions for annotation in _annotations(context, finding, boxes[finding.number - 1])
    ]
    set_window(state, context)
    _set_pixel_spacing(state, context)
    complete(state, context)
    state.PresentationCreationDate, state.PresentationCreationTime = state.ContentDate, state.ContentTime
    del state.ContentDate, state.ContentTime  # not of this IOD
    state.Laterality = None
    return state


def _image(header: Dataset) -> Dataset:
    """A stand-in that says nothing of the window, in which highdicom would look for one for all frames."""
    image = stand_in(header)
    image.SamplesPerPixel = 1
    for keyword in _FUNCTIONAL_GROUPS:
        if keyword in image:
            delattr(image, keyword)
            setattr(image, keyword, [Dataset()])
    return image


def _whole_images(context: ResultContext) -> Iterator[SourceImage]:
    for header in context.pet.headers:
        yield SourceImage(text(header, "SOPClassUID"), text(header, "SOPInstanceUID"), None)


def _layer_name(finding: Finding) -> str:
    return f"LESION {finding.number}"


def _layer(finding: Finding) -> pr.GraphicLayer:
    layer = pr.GraphicLayer(
        layer_name=_layer_name(finding),
        order=finding.number,
        description=finding.location.location.name[:64],
        display_color=cielab(lesion_colour(finding.number)),
    )
    layer.GraphicLayerRecommendedDisplayGrayscaleValue = _GREY
    return layer


def _annotations(context: ResultContext, finding: Finding, box: tuple[slice, ...]) -> Iterator[Dataset]:
    """Items of Graphic Annotation Sequence (0070,0001): a lesion slice by slice, on that of SUVmax with its name."""
    tracking = {"tracking_id": tracking_identifier(finding), "tracking_uid": context.tracking_uid(finding)}
    planes, corner = context.analysis.labels[box] == finding.number, np.array([box[2].start, box[1].start])
    for index, plane in enumerate(planes, start=box[0].start):
        lines = [line + corner for line in contours(plane)]
        if not lines:
            continue
        annotation = Dataset()
        annotation.ReferencedImageSequence = image_references([context.pet.sources[index]])
        annotation.GraphicLayer = _layer_name(finding)
        annotation.GraphicObjectSequence = [pr.GraphicObject(_POLYLINE, line, _PIXEL, **tracking) for line in lines]
        if index == finding.measurements.suv_max_index[0]:
            annotation.TextObjectSequence = [_name(context, finding, np.vstack(lines), tracking)]
        yield annotation


def _name(
    context: ResultContext, finding: Finding, outline: NDArray[np.float64], tracking: dict[str, str]
) -> pr.TextObject:
    """Number and name beside a lesion, on the side where there is more room."""
    _, rows, columns = context.suv.shape
    (left, top), (right, bottom) = outline.min(axis=0), outline.max(axis=0)
    middle, height = (top + bottom) / 2.0, _TEXT_HEIGHT_MM / float(context.suv.spacing_mm[1])
    upper = float(np.clip(middle - height / 2.0, 0.0, max(rows - height, 0.0)))
    at_right = columns - right >= left
    edge = right if at_right else left
    text_left = min(right + _TEXT_DISTANCE, columns - 1.0) if at_right else 0.0
    text_right = columns if at_right else max(left - _TEXT_DISTANCE, 1.0)
    justification = pr.TextJustificationValues.LEFT if at_right else pr.TextJustificationValues.RIGHT
    return pr.TextObject(
        f"{finding.number} {finding.location.location.name}",
        _PIXEL,
        bounding_box=(float(text_left), upper, float(text_right), min(upper + height, float(rows))),
        anchor_point=(float(edge), float(middle)),
        text_justification=justification,
        **tracking,
    )


def _set_pixel_spacing(state: Dataset, context: ResultContext) -> None:
    """The size of pixels (PS3.3 C.10.4) instead of the square ones that highdicom takes for granted."""
    area = state.DisplayedAreaSelectionSequence[0]
    del area.PresentationPixelAspectRatio
    area.PresentationPixelSpacing = [float(f"{spacing:.6g}") for spacing in context.suv.spacing_mm[1:]]
