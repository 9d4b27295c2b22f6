"""The pelvis by sex: the organs that the anatomy lacks, and who has which."""

from dataclasses import dataclass
from enum import StrEnum

from training.cohort.anatomy import Mask
from training.cohort.body import SIDES, Point
from training.cohort.reference import Reference


class Build(StrEnum):
    """Bodies that differ in their organs."""

    FEMALE = "female"
    MALE = "male"
    PROSTATECTOMY = "male after prostatectomy"

    @property
    def sex(self) -> str:
        """As in the vocabulary, M or F."""
        return "F" if self is Build.FEMALE else "M"


@dataclass(frozen=True, eq=False)
class Pelvis:
    """Masks by organ; those that a body does not have are missing."""

    build: Build
    organs: dict[str, Mask]

    def __getitem__(self, name: str) -> Mask:
        return self.organs[name]


def make_pelvis(reference: Reference, build: Build) -> Pelvis:
    """Rectum, anal canal and urethra of everyone, and the organs of one sex."""
    body, marks = reference.body, reference.marks
    rectal = reference.colon & body.filled(body.structure("Sigmoid colon"), votes=1)
    rectum_z = body.bounds(body.structure("Sacrum"))[0][2] + 38.0
    floor_z = marks.pubis_z - 8.0
    organs = {
        "upper rectum": rectal & body.between(marks.pubis_z + 30.0, rectum_z),
        "lower rectum": rectal & body.between(floor_z, marks.pubis_z + 30.0),
        "anal canal": (rectal & (body.z < floor_z)) | body.structure("external_anal_sphincter"),
    }
    anus = body.centre(organs["anal canal"])
    organs["anal canal"] |= body.ellipsoid(anus, (13.0, 13.0, 17.0)) & reference.lean
    if build is Build.FEMALE:
        organs |= _female(reference)
    else:
        organs |= _male(reference, build)
    return Pelvis(build, organs)


def _male(reference: Reference, build: Build) -> dict[str, Mask]:
    body = reference.body
    organs = {
        "urethra": body.near(body.structure("Urethra"), 3.0),
        "penis and scrotum": body.structure("Corpus cavernosum of penis", "Corpus spongiosum of penis", "Glans penis"),
    }
    for side, suffix, _ in SIDES:
        organs[f"{side} testis"] = body.structure("Testis" + suffix, "Epididymis" + suffix)
    gland = body.structure("Prostate")
    if build is Build.PROSTATECTOMY:
        x, y, z = body.centre(gland)
        return organs | {
            "prostatectomy bed": body.ellipsoid((x, y - 2.0, z + 5.0), (17.0, 14.0, 11.0)) & ~reference.bone
        }
    organs["prostate"] = body.near(gland, 3.0) & ~reference.bone & ~reference.bladder
    for side, suffix, _ in SIDES:
        organs[f"{side} seminal vesicle"] = body.near(body.structure("Seminal gland" + suffix), 3.0)
    return organs


def _female(reference: Reference) -> dict[str, Mask]:
    """Uterus over the bladder, ovaries beside it, vagina in front of the anorectum."""
    body, marks = reference.body, reference.marks
    _, (_, bladder_back, bladder_top) = body.bounds(reference.bladder)
    allowed = ~reference.bone & ~reference.vessel & reference.lean
    neck: Point = (0.0, bladder_back - 4.0, bladder_top - 8.0)
    corpus = body.tube([neck, (0.0, bladder_back - 26.0, bladder_top + 30.0)], [15.0, 25.0])
    cervix = body.tube([(0.0, bladder_back + 2.0, bladder_top - 28.0), neck], [15.0, 17.0])
    vagina = body.tube([(0.0, 16.0, marks.pubis_z - 26.0), (0.0, bladder_back - 4.0, bladder_top - 32.0)], [10.0, 12.0])
    organs = {
        "uterine corpus": corpus & allowed,
        "cervix": cervix & allowed & ~corpus,
        "vagina": vagina & allowed & ~corpus & ~cervix,
        "vulva": body.ellipsoid((0.0, 0.0, marks.pubis_z - 38.0), (17.0, 30.0, 15.0)) & allowed,
        "urethra": body.tube([(0.0, -8.0, marks.pubis_z - 24.0), (0.0, 0.0, marks.pubis_z + 2.0)], 5.0) & allowed,
    }
    for side, _, sign in SIDES:
        ovary = body.ellipsoid((sign * 38.0, bladder_back - 16.0, bladder_top + 14.0), (13.0, 11.0, 16.0))
        organs[f"{side} ovary"] = ovary & allowed & ~corpus
    return organs
