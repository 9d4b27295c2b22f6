"""What a report leaves for the next examination of its patient, and the tracking UIDs that this one takes over."""

import uuid
from pathlib import Path

import numpy as np
from scipy import ndimage

from config.finding import LabelMap
from config.vocabulary import Laterality
from config.volume import Volume
from dicom_io.results.result import ResultContext
from inference.body_map import BodyMap
from inference.follow_up import Examination, LesionPlace, same_lesions

FILE = "follow-up.npz"


def keep_for_follow_up(context: ResultContext, folder: Path) -> Path | None:
    """Write beside a report's results where body and lesions lie; None without an organ map, or without a lesion.

    The file has the name only when it is whole. The same analysis gives the same bytes.
    """
    examination = _examination(context)
    if examination is None or not examination.lesions:
        return None
    places = list(examination.lesions.values())
    path = folder / FILE
    part = path.with_name(f"{FILE}.{uuid.uuid4().hex}.part")
    with part.open("wb") as file:
        np.savez_compressed(
            file,
            organs=examination.body.organs,
            origin_mm=np.asarray(examination.body.origin_mm),
            points_mm=np.concatenate([place.points_mm for place in places]).astype(np.float32),
            counts=np.array([len(place.points_mm) for place in places]),
            sides=np.array([place.side.value for place in places]),
            tracking_uids=np.array([context.tracking_uid(finding) for finding in context.analysis.lesions]),
        )
    return part.replace(path)


def tracking_from_prior(context: ResultContext, folder: Path) -> dict[int, str]:
    """By finding number, the tracking UIDs of lesions that a prior report of the patient has, too.

    ``folder`` is where that report's results lie. Without what ``keep_for_follow_up`` left there, or where the bodies
    can't be aligned, there are none: a lesion that is not known for certain is a new one.
    """
    current = _examination(context)
    path = folder / FILE
    if current is None or not path.exists():
        return {}
    return same_lesions(_read(path), current)


def _examination(context: ResultContext) -> Examination[int] | None:
    analysis = context.analysis
    if analysis.organs is None:
        return None
    places = _places(analysis.labels, context.suv)
    lesions = {
        finding.number: LesionPlace(places[finding.number], finding.location.location.laterality)
        for finding in analysis.lesions
    }
    return Examination(BodyMap.of(analysis.organs, context.suv.affine), lesions)


def _read(path: Path) -> Examination[str]:
    with np.load(path) as kept:
        x, y, z = kept["origin_mm"].tolist()
        places = np.split(kept["points_mm"].astype(np.float64), np.cumsum(kept["counts"])[:-1])
        return Examination(
            BodyMap(kept["organs"], (x, y, z)),
            {
                uid: LesionPlace(points, Laterality(side))
                for uid, points, side in zip(
                    kept["tracking_uids"].tolist(), places, kept["sides"].tolist(), strict=True
                )
            },
        )


def _places(labels: LabelMap, suv: Volume) -> dict[int, np.ndarray]:
    """LPS points (N, 3) of the voxels of every label."""
    return {
        number: suv.points_mm(np.argwhere(labels[box] == number) + [side.start for side in box])
        for number, box in enumerate(ndimage.find_objects(labels), start=1)
        if box is not None
    }
