"""Profiles: which kinds of result objects a destination wants, and what it gets instead of one that it refuses."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from config.result_kind import ResultKind


class Profile(StrEnum):
    """What a destination, and the viewers behind it, are made for.

    ``GENERAL``: SEG and one SR. ``SLICER``: measurements and regions in two SRs, as 3D Slicer takes them. ``TEXT``: a
    PACS that shows no more than text. ``ENCAPSULATED_PDF``: for those that want paper.
    """

    GENERAL = "general"
    SLICER = "slicer"
    TEXT = "text"
    ENCAPSULATED_PDF = "encapsulated-pdf"


_REPORTS: Mapping[Profile, tuple[ResultKind, ...]] = {
    Profile.GENERAL: (ResultKind.SEGMENTATION, ResultKind.REPORT),
    Profile.SLICER: (ResultKind.SEGMENTATION, ResultKind.MEASUREMENTS, ResultKind.REGIONS),
    Profile.TEXT: (ResultKind.ENHANCED_TEXT,),
    Profile.ENCAPSULATED_PDF: (ResultKind.DOCUMENT,),
}
_PICTURES = (ResultKind.PICTURE, ResultKind.KEY_IMAGES, ResultKind.KEY_OBJECTS)
_TEXTS = (ResultKind.ENHANCED_TEXT, ResultKind.BASIC_TEXT, ResultKind.DOCUMENT)

SUBSTITUTES: Mapping[ResultKind, tuple[ResultKind, ...]] = {
    ResultKind.SEGMENTATION: (ResultKind.OUTLINES, ResultKind.KEY_IMAGES, ResultKind.PICTURE),
    ResultKind.ORGAN_MAP: (ResultKind.ORGAN_MASKS,),
    ResultKind.REPORT: _TEXTS,
    ResultKind.MEASUREMENTS: _TEXTS,
    ResultKind.REGIONS: _TEXTS,
    ResultKind.ENHANCED_TEXT: (ResultKind.BASIC_TEXT, ResultKind.DOCUMENT),
    ResultKind.BASIC_TEXT: (ResultKind.DOCUMENT,),
    ResultKind.DOCUMENT: (ResultKind.ENHANCED_TEXT, ResultKind.BASIC_TEXT),
    ResultKind.OUTLINES: (ResultKind.KEY_IMAGES, ResultKind.PICTURE),
}
"""What a destination gets instead of a kind whose SOP Class it refuses, best first."""

DISPENSABLE = frozenset({ResultKind.ORGAN_MAP, ResultKind.ORGAN_MASKS, ResultKind.KEY_OBJECTS})
"""Kinds that are left out, and not missed, where a destination takes neither them nor a substitute."""


def kinds_of(profile: Profile, *, outlines: bool = False, organ_map: bool = False) -> tuple[ResultKind, ...]:
    """The kinds that a profile asks for, in the order of ``ResultKind``.

    ``outlines`` adds the presentation state of the PET, ``organ_map`` the label map of organs.
    """
    wanted = {*_REPORTS[profile], *_PICTURES}
    if outlines:
        wanted.add(ResultKind.OUTLINES)
    if organ_map:
        wanted.add(ResultKind.ORGAN_MAP)
    return _in_order(wanted)


def refusal_kind(profile: Profile) -> ResultKind:
    """The kind in which a profile is told that a study could not be analysed."""
    return next((kind for kind in _REPORTS[profile] if kind in _TEXTS), ResultKind.REPORT)


def with_substitutes(kinds: Iterable[ResultKind]) -> tuple[ResultKind, ...]:
    """The kinds and everything that may be sent instead of one of them, in the order of ``ResultKind``."""
    wanted = frozenset(kinds)
    return _in_order(wanted.union(*(SUBSTITUTES.get(kind, ()) for kind in wanted)))


def _in_order(kinds: Iterable[ResultKind]) -> tuple[ResultKind, ...]:
    wanted = frozenset(kinds)
    return tuple(kind for kind in ResultKind if kind in wanted)
