"""Our own conformance check, which every result object passes before it is sent."""

from dicom_io.check.conformance import check, check_all
from dicom_io.check.fault import Fault, Rule, Severity

__all__ = ["Fault", "Rule", "Severity", "check", "check_all"]
