"""Problems with data: what a person has to mend before, or leave out of, a run of training."""

from config.reasons import UptakeError


class UnusablePatient(UptakeError):
    """One patient that can't be learned from; the others can."""


class UnusableData(UptakeError):
    """A data set of which nothing can be used as it is."""
