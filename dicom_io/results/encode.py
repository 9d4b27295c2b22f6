"""Encoding: the result objects of one analysis, of the kinds that somebody wants."""

from collections.abc import Collection

from config.finding import ResultKind
from dicom_io.results.picture import encode_picture
from dicom_io.results.report import encode_report
from dicom_io.results.result import Result, ResultContext
from dicom_io.results.segmentation import encode_segmentations


def encode(context: ResultContext, kinds: Collection[ResultKind]) -> tuple[Result, ...]:
    """The objects of the kinds wanted, in the order of ``ResultKind``; a kind that has nothing to say gives none.

    Objects refer to one another (a report to its segmentation, …), so one that is not wanted may be made all the same.
    """
    segmentations = encode_segmentations(context)
    made = {
        ResultKind.SEGMENTATION: segmentations,
        ResultKind.REPORT: (encode_report(context, segmentations[0] if segmentations else None),),
        ResultKind.PICTURE: (encode_picture(context),),
    }
    return tuple(
        Result(kind, part, dataset)
        for kind in ResultKind
        if kind in kinds
        for part, dataset in enumerate(made.get(kind, ()), start=1)
    )
