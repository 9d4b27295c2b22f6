"""Encoding: the result objects of one analysis, of the kinds that somebody wants."""

from collections.abc import Callable, Collection, Iterable, Mapping

from pydicom.dataset import Dataset

from config.result_kind import ResultKind
from config.segmentation_grid import SegmentationGrid
from dicom_io.results.document import encode_document
from dicom_io.results.key_images import encode_key_images
from dicom_io.results.key_objects import encode_key_objects
from dicom_io.results.organ_map import encode_organ_map, encode_organ_masks
from dicom_io.results.outlines import encode_outlines
from dicom_io.results.picture import encode_picture
from dicom_io.results.report import encode_measurements, encode_regions, encode_report
from dicom_io.results.result import Result, ResultContext
from dicom_io.results.segmentation import MOST_FRAMES, encode_segmentations
from dicom_io.results.text_report import encode_basic_text, encode_enhanced_text

_ON_SEGMENTS = frozenset({ResultKind.SEGMENTATION, ResultKind.REPORT, ResultKind.MEASUREMENTS})
_PICTURES = frozenset({ResultKind.PICTURE, ResultKind.KEY_IMAGES})


def encode(
    context: ResultContext,
    kinds: Collection[ResultKind],
    *,
    grid: SegmentationGrid = SegmentationGrid.PET,
    most_frames: int = MOST_FRAMES,
) -> tuple[Result, ...]:
    """The objects of the kinds wanted, in the order of ``ResultKind``; a kind that has nothing to say gives none.

    An object's bytes do not depend on what else is wanted: reports refer to the segmentation, and key objects to the
    pictures, as those are or would be. ``grid`` and ``most_frames`` are of the segmentations.
    """
    segmentations = encode_segmentations(context, grid=grid, most_frames=most_frames) if _ON_SEGMENTS & {*kinds} else ()
    encoders: Mapping[ResultKind, Callable[[], Iterable[Dataset | None]]] = {
        ResultKind.SEGMENTATION: lambda: segmentations,
        ResultKind.ORGAN_MAP: lambda: [encode_organ_map(context)],
        ResultKind.ORGAN_MASKS: lambda: encode_organ_masks(context, most_frames=most_frames),
        ResultKind.REPORT: lambda: [encode_report(context, segmentations)],
        ResultKind.MEASUREMENTS: lambda: [encode_measurements(context, segmentations)],
        ResultKind.REGIONS: lambda: [encode_regions(context)],
        ResultKind.ENHANCED_TEXT: lambda: [encode_enhanced_text(context)],
        ResultKind.BASIC_TEXT: lambda: [encode_basic_text(context)],
        ResultKind.DOCUMENT: lambda: [encode_document(context)],
        ResultKind.PICTURE: lambda: [encode_picture(context)],
        ResultKind.KEY_IMAGES: lambda: encode_key_images(context),
        ResultKind.OUTLINES: lambda: [encode_outlines(context)],
    }
    needed = _PICTURES.union(kinds) if ResultKind.KEY_OBJECTS in kinds else frozenset(kinds)
    made = [
        Result(kind, part, dataset)
        for kind, encoder in encoders.items()
        if kind in needed
        for part, dataset in enumerate(encoder(), start=1)
        if dataset is not None
    ]
    if ResultKind.KEY_OBJECTS in kinds:
        pictures = [result for result in made if result.kind in _PICTURES]
        made.append(Result(ResultKind.KEY_OBJECTS, 1, encode_key_objects(context, pictures)))
    return tuple(result for result in made if result.kind in kinds)
