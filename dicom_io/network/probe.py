"""The probe: which result objects a peer would take, asked by association negotiation alone; nothing is stored."""

from dataclasses import dataclass

from pydicom.uid import (
    UID,
    BasicTextSRStorage,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    EnhancedSRStorage,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    KeyObjectSelectionDocumentStorage,
    RLELossless,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)
from pynetdicom import build_context
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification

from config.reasons import Reason, Refused, Remark
from config.settings import Destination
from dicom_io.network.sender import echo_status
from dicom_io.network.transport import Association, associate
from dicom_io.sop_classes import LabelMapSegmentationStorage

_UNCOMPRESSED = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
_DOCUMENT = (*_UNCOMPRESSED, DeflatedExplicitVRLittleEndian)
_LABELS = (*_DOCUMENT, RLELossless, JPEG2000Lossless, JPEGLSLossless, JPEGLosslessSV1)
_PICTURE = (*_LABELS, JPEGBaseline8Bit)

ASKED: dict[UID, tuple[UID, ...]] = {
    SegmentationStorage: _LABELS,
    LabelMapSegmentationStorage: _LABELS,
    ComprehensiveSRStorage: _DOCUMENT,
    EnhancedSRStorage: _DOCUMENT,
    BasicTextSRStorage: _DOCUMENT,
    Comprehensive3DSRStorage: _DOCUMENT,
    SecondaryCaptureImageStorage: _PICTURE,
    GrayscaleSoftcopyPresentationStateStorage: _DOCUMENT,
    KeyObjectSelectionDocumentStorage: _DOCUMENT,
    EncapsulatedPDFStorage: _DOCUMENT,
}
"""The SOP Classes that results may have, with the transfer syntaxes that are asked for."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """In which transfer syntaxes a peer takes a SOP Class, in the order asked; none if it refuses it."""

    sop_class_uid: UID
    transfer_syntax_uids: tuple[UID, ...]


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What a peer said of itself.

    ``remark`` says why there was no association. ``echo_status`` is None if C-ECHO was refused or not answered.
    ``maximum_pdu_bytes`` is 0 for no limit.
    """

    reachable: bool
    remark: Remark | None
    echo_status: int | None = None
    acceptances: tuple[Acceptance, ...] = ()
    storage_commitment: bool = False
    implementation_class_uid: str = ""
    implementation_version_name: str = ""
    maximum_pdu_bytes: int = 0


def probe(destination: Destination, calling_ae: str) -> ProbeResult:
    """Ask a destination what it would take: one association with every question, a C-ECHO, a release."""
    contexts = [build_context(Verification), build_context(StorageCommitmentPushModel)]
    contexts += [build_context(sop_class, syntax) for sop_class, syntaxes in ASKED.items() for syntax in syntaxes]
    try:
        with associate(destination, calling_ae, contexts) as association:
            return _said(association)
    except Refused as refused:
        return ProbeResult(reachable=refused.reason is not Reason.DESTINATION_UNREACHABLE, remark=refused.remark)


def _said(association: Association) -> ProbeResult:
    class_uid, version_name = association.implementation
    return ProbeResult(
        reachable=True,
        remark=None,
        echo_status=echo_status(association) if association.accepted(Verification) else None,
        acceptances=tuple(
            Acceptance(sop_class, tuple(syntax for syntax in syntaxes if syntax in association.accepted(sop_class)))
            for sop_class, syntaxes in ASKED.items()
        ),
        storage_commitment=bool(association.accepted(StorageCommitmentPushModel)),
        implementation_class_uid=class_uid,
        implementation_version_name=version_name,
        maximum_pdu_bytes=association.maximum_pdu_bytes,
    )
