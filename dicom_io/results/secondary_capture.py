"""Secondary Capture: a drawn picture as an image that every PACS stores and every viewer shows."""

import highdicom
import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from config.result_kind import ResultKind
from dicom_io.identity import PRODUCT
from dicom_io.results.result import ResultContext, complete, construction


def secondary_capture(
    context: ResultContext,
    kind: ResultKind,
    picture: Image.Image,
    *,
    series: str,
    derivation: str,
    comments: str = "",
    part: int = 1,
) -> Dataset:
    """An RGB picture without patient identity as a Secondary Capture (PS3.3 A.8.1), run-length encoded without loss.

    ``series`` becomes the Series Description, ``derivation`` the Derivation Description, ``comments`` the Image
    Comments, ``part`` the number among the pictures of this kind.
    """
    arguments = construction(context, kind, series, part)
    capture = highdicom.sc.SCImage(
        **arguments,
        pixel_array=np.asarray(picture),
        photometric_interpretation=highdicom.PhotometricInterpretationValues.RGB,
        bits_allocated=8,
        coordinate_system=highdicom.CoordinateSystemNames.PATIENT,
        patient_orientation=("L", "F"),
        study_instance_uid=str(context.pet.headers[0].StudyInstanceUID),
        transfer_syntax_uid=RLELossless,
    )
    capture.ImageType = ["DERIVED", "SECONDARY"]
    capture.PatientOrientation = None  # several views, several orientations
    capture.Laterality = None
    capture.ConversionType = "WSD"
    capture.BurnedInAnnotation = "NO"
    capture.LossyImageCompression = "00"
    capture.DerivationDescription = derivation
    if comments:
        capture.ImageComments = comments
    capture.SecondaryCaptureDeviceManufacturer = arguments["manufacturer"]
    capture.SecondaryCaptureDeviceManufacturerModelName = PRODUCT
    capture.SecondaryCaptureDeviceSoftwareVersions = arguments["software_versions"]
    complete(capture, context)
    capture.DateOfSecondaryCapture = capture.ContentDate
    capture.TimeOfSecondaryCapture = capture.ContentTime
    return capture
