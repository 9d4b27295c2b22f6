"""The window of a presentation state: from 0 g/ml to the end of the scale, in what the images store."""

from collections import defaultdict

from highdicom.pr import SoftcopyVOILUTTransformation
from pydicom.dataset import Dataset
from pydicom.valuerep import format_number_as_ds

from dicom_io.reading.frames import frames_of
from dicom_io.reading.volume import SourceImage
from dicom_io.results.references import image_references
from dicom_io.results.result import ResultContext
from dicom_io.results.windows import highest_suv


def set_window(state: Dataset, context: ResultContext) -> None:
    """Sets the Modality LUT (PS3.3 C.11.1) and the Softcopy VOI LUT (C.11.8) of a presentation state on the PET.

    A presentation state has one Modality LUT for all images, and windows stored values as they are if it has none
    (PS3.4 N.2.1). So the slope is there if all slices share it; if not, each slice has a window of its own.
    """
    rescales = {
        (str(frame.header.SOPInstanceUID), frame.number): frame.rescale or (1.0, 0.0)
        for frame in frames_of(context.pet.headers)
    }
    shared = len(set(rescales.values())) == 1
    if shared:
        slope, intercept = next(iter(rescales.values()))
        state.RescaleIntercept, state.RescaleSlope = format_number_as_ds(intercept), format_number_as_ds(slope)
        state.RescaleType = "US"
    highest = highest_suv(context.analysis.tracer)
    sources: dict[tuple[float, float], list[SourceImage]] = defaultdict(list)
    for source, factor in zip(context.pet.sources, context.quantification.factors.tolist(), strict=True):
        slope, intercept = (1.0, 0.0) if shared else rescales[source.sop_instance_uid, source.frame]
        sources[-intercept / slope, (highest / factor - intercept) / slope].append(source)
    windows = {ends: _window(*ends, f"SUVbw 0-{highest:g} g/ml") for ends in sources}
    if len(windows) > 1:
        for ends, window in windows.items():
            window.ReferencedImageSequence = image_references(sources[ends])
    state.SoftcopyVOILUTSequence = list(windows.values())


def _window(lowest: float, highest: float, explanation: str) -> SoftcopyVOILUTTransformation:
    """From one end to the other of the scale by the function LINEAR (PS3.3 C.11.2.1.2.1)."""
    width = highest - lowest + 1.0
    return SoftcopyVOILUTTransformation([lowest + width / 2.0], [width], [explanation])
