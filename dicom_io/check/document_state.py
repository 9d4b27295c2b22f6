"""Whether a report is complete, verified, preliminary: flags that do not contradict one another (PS3.3 C.17.2)."""

from collections.abc import Iterator

from dicom_io.check.fault import Fault, Rule
from dicom_io.check.opened import Node

_OBSERVERS = "VerifyingObserverSequence"


def faults(root: Node) -> Iterator[Fault]:
    """Contradictions between Completion, Verification and Preliminary Flag and the verifying observers."""
    verified = root.text("VerificationFlag") == "VERIFIED"
    if root.items(_OBSERVERS) and not verified:
        yield root.fault(_OBSERVERS, "Somebody verified the report, but it is UNVERIFIED.", Rule.DOCUMENT_STATE)
    for observer in root.items(_OBSERVERS):
        if verified and not observer.text("VerificationDateTime"):
            yield observer.fault("VerificationDateTime", "Verified at no time.", Rule.DOCUMENT_STATE)
    if root.text("CompletionFlag") == "PARTIAL":
        for keyword, finished in (("VerificationFlag", "VERIFIED"), ("PreliminaryFlag", "FINAL")):
            if root.text(keyword) == finished:
                yield root.fault(keyword, f"{finished}, but the report is PARTIAL.", Rule.DOCUMENT_FINISHED)
