"""The atlas says of every leaf of the vocabulary where it lies."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from config.vocabulary import Laterality, vocabulary
from training.cohort.atlas import LEAVES, Atlas
from training.cohort.organs import NUMBERS
from training.cohort.pelvis import Build

pytestmark = [pytest.mark.anatomy, pytest.mark.timeout(900)]

ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth",
    "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth",
)  # fmt: skip
SPINE = [f"C{n} vertebra" for n in range(1, 8)] + [f"T{n} vertebra" for n in range(1, 13)]
SPINE += [f"L{n} vertebra" for n in range(1, 6)] + [f"S{n} segment of sacrum" for n in range(1, 6)] + ["coccyx"]
WITHOUT_PROSTATE = {"transition zone of prostate", "right seminal vesicle", "left seminal vesicle"}
WITHOUT_PROSTATE |= {f"{side} peripheral zone of prostate" for side in ("right", "left")}

OF_ONE_SIDE = 0.95
"""Share of a region that lies on its side of the middle, in the least."""
REACHES_ACROSS = {
    # the IASLC map parts these at the left border of the trachea
    "upper paratracheal node (station 2R)": 0.8,
    "lower paratracheal node (station 4R)": 0.8,
    # organs that lie on one side for the most part
    "duodenum": 0.6,
    "jejunum": 0.6,
    "ileum": 0.6,
    "sigmoid colon": 0.6,
    "perigastric node": 0.6,
}
NAMED_BY_THE_SIDE_OF_THE_ORGAN = {"right ventricle", "liver segment IV"}

FROM_ABOVE = [
    SPINE,
    *[[f"{side} {ordinal} rib" for ordinal in ORDINALS] for side in ("right", "left")],
    *[
        [f"{side} cervical level {level} node" for level in levels]
        for side in ("right", "left")
        for levels in (("IIA", "III", "IV"), ("IIB", "VA", "VB"))
    ],
    [
        "low cervical and sternal notch node (station 1R)",
        "upper paratracheal node (station 2R)",
        "lower paratracheal node (station 4R)",
        "subcarinal node (station 7)",
        "paraesophageal node (station 8)",
    ],
    [
        "low cervical and sternal notch node (station 1L)",
        "upper paratracheal node (station 2L)",
        "lower paratracheal node (station 4L)",
        "left hilar node (station 10L)",
        "pulmonary ligament node (station 9L)",
    ],
    [
        "cervical esophagus",
        "upper thoracic esophagus",
        "middle thoracic esophagus",
        "lower thoracic esophagus and gastroesophageal junction",
    ],
    ["supraglottic larynx", "glottis", "subglottic larynx", "trachea"],
    ["retrocrural node", "celiac node", "superior mesenteric node", "inferior mesenteric node"],
    ["left para-aortic node, suprarenal", "left para-aortic node, infrarenal", "left common iliac node"],
    *[
        [f"{side} {station} node" for station in ("common iliac", "external iliac", "deep inguinal", "popliteal")]
        for side in ("right", "left")
    ],
    ["upper rectum", "lower rectum", "anal canal"],
    ["descending colon", "sigmoid colon", "upper rectum"],
    ["hepatic flexure of colon", "ascending colon", "cecum"],
    ["liver segment VIII", "liver segment V"],
    ["liver segment VII", "liver segment VI"],
    ["liver segment II", "liver segment III"],
    ["gastric cardia and fundus", "gastric body", "gastric antrum and pylorus"],
    *[
        [f"{side} proximal femur", f"{side} femoral shaft", f"{side} distal femur", f"{side} proximal tibia and fibula"]
        for side in ("right", "left")
    ],
    ["right breast upper outer quadrant", "right breast lower outer quadrant"],
]

FROM_THE_FRONT = [
    ["right frontal lobe", "right parietal lobe", "right occipital lobe"],
    ["prevascular node (station 3A)", "trachea", "retrotracheal node (station 3P)"],
    ["anterior mediastinum and thymus", "posterior mediastinum"],
    ["oral tongue", "base of tongue"],
    ["urinary bladder wall", "lower rectum"],
    ["right cervical level IIA node", "right cervical level IIB node"],
    ["right upper lobe anterior segment (S3)", "right upper lobe posterior segment (S2)"],
    ["right pubic bone", "right ischium"],
]

FROM_THE_MIDDLE = [
    ["left axillary level III node", "left axillary level II node", "left axillary level I node"],
    ["left breast upper inner quadrant", "left breast upper outer quadrant"],
    ["pancreatic body", "pancreatic tail"],
    ["left main bronchus", "left hilar node (station 10L)", "left segmental node (station 13L)"],
]


@dataclass(frozen=True, eq=False)
class Places:
    """Of each leaf, in the vocabulary's order: voxels, share of them at the patient's left, and centroid (LPS mm)."""

    voxels: NDArray[np.int64]
    left: NDArray[np.float64]
    centroids: NDArray[np.float64]

    def centroid(self, name: str) -> NDArray[np.float64]:
        return np.asarray(self.centroids[LEAVES.index(name)])


@pytest.fixture(scope="session")
def places(atlases: dict[Build, Atlas]) -> dict[Build, Places]:
    return {build: places_of(atlas) for build, atlas in atlases.items()}


def places_of(atlas: Atlas) -> Places:
    indices = np.nonzero(atlas.leaves)
    numbers = atlas.leaves[indices]
    points = atlas.affine[:3, :3] @ np.stack(indices) + atlas.affine[:3, 3:]

    def total(weights: NDArray[np.generic]) -> NDArray[np.float64]:
        return np.bincount(numbers, weights, len(LEAVES) + 1)[1:].astype(np.float64)

    voxels = total(np.ones(len(numbers)))
    share = 1.0 / np.maximum(voxels, 1.0)
    centroids = np.stack([total(axis) * share for axis in points], axis=1)
    return Places(voxels.astype(np.int64), total(points[0] > 0.0) * share, centroids)


@pytest.mark.parametrize("build", list(Build))
def test_every_leaf_of_a_build_has_a_region_large_enough_for_a_lesion(
    places: dict[Build, Places], build: Build
) -> None:
    missing = {leaf.name for leaf, size in zip(vocabulary(), places[build].voxels, strict=True) if size < 20}
    absent = {leaf.name for leaf in vocabulary() if leaf.sex not in ("", build.sex)}
    absent |= {Build.FEMALE: set(), Build.MALE: {"prostatectomy bed"}, Build.PROSTATECTOMY: WITHOUT_PROSTATE}[build]
    assert missing == absent


@pytest.mark.parametrize("build", list(Build))
def test_regions_lie_in_the_body_or_in_the_skin_over_it(atlases: dict[Build, Atlas], build: Build) -> None:
    atlas = atlases[build]
    outside = (atlas.leaves > 0) & (atlas.organs == NUMBERS["air"])
    outside &= (atlas.depth_mm > 10) & (atlas.arm_depth_mm > 10)
    assert {LEAVES[number - 1] for number in np.unique(atlas.leaves[outside])} == set()


@pytest.mark.parametrize("build", list(Build))
def test_what_has_a_side_lies_on_it(places: dict[Build, Places], build: Build) -> None:
    wrong = {}
    for leaf, size, left in zip(vocabulary(), places[build].voxels, places[build].left, strict=True):
        share = {Laterality.LEFT: left, Laterality.RIGHT: 1.0 - left}.get(leaf.laterality, 1.0)
        if size and share < REACHES_ACROSS.get(leaf.name, OF_ONE_SIDE):
            wrong[leaf.name] = round(float(share), 3)
    assert set(wrong) == NAMED_BY_THE_SIDE_OF_THE_ORGAN, wrong


@pytest.mark.parametrize(
    ("axis", "direction", "names"),
    [
        *[(2, -1.0, names) for names in FROM_ABOVE],
        *[(1, 1.0, names) for names in FROM_THE_FRONT],
        *[(0, 1.0, names) for names in FROM_THE_MIDDLE],
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_neighbours_follow_one_another(
    places: dict[Build, Places], axis: int, direction: float, names: list[str]
) -> None:
    along = [direction * float(places[Build.MALE].centroid(name)[axis]) for name in names]
    assert all(first < second for first, second in pairwise(along)), dict(zip(names, along, strict=True))


@pytest.mark.parametrize("build", list(Build))
def test_both_sides_are_of_like_size_and_height(places: dict[Build, Places], build: Build) -> None:
    # viscera that come in pairs without being mirror images
    unlike: tuple[str, ...] = (
        "paracolic",
        "subphrenic",
        "cardiophrenic",
        "lobar node",
        "main bronchus",
        "hil",
        "interlobar",
        "gment",
    )
    unlike += ("pleura", "ureter", "ovary", "parotid", "brachio", "lobe")
    pairs = [
        (number, LEAVES.index("left" + name[5:]))
        for number, name in enumerate(LEAVES)
        if name.startswith("right ") and "left" + name[5:] in LEAVES and not any(part in name for part in unlike)
    ]
    assert len(pairs) > 80
    of, odd = places[build], {}
    for right, left in pairs:
        if not of.voxels[right] and not of.voxels[left]:
            continue
        ratio = of.voxels[right] / max(of.voxels[left], 1)
        rise = of.centroids[right][2] - of.centroids[left][2]
        if not 0.4 < ratio < 2.5 or abs(rise) > 30.0:
            odd[LEAVES[right]] = (round(float(ratio), 2), round(float(rise), 1))
    assert odd == {}


def test_leaves_of_one_coarse_location_lie_together(atlases: dict[Build, Atlas]) -> None:
    atlas = atlases[Build.MALE]
    indices = np.argwhere(atlas.leaves)
    numbers = atlas.leaves[tuple(indices.T)]
    points = (indices * np.linalg.norm(atlas.affine[:3, :3], axis=0))[np.argsort(numbers, kind="stable")]
    ends = np.cumsum(np.bincount(numbers, minlength=len(LEAVES) + 1))
    clouds = {name: points[ends[number - 1] : ends[number]] for number, name in enumerate(LEAVES, start=1)}
    apart = {}
    for coarse in vocabulary().coarse_names:
        for side in Laterality:
            names = [leaf.name for leaf in vocabulary().below(coarse, side) if len(clouds[leaf.name])]
            for name in names if len(names) > 1 else []:
                # every seventh voxel: gaps come out a little too wide, never too narrow
                others = cKDTree(np.concatenate([clouds[other][::7] for other in names if other != name]))
                gap = float(np.min(others.query(clouds[name][::7])[0]))
                if gap > 60.0:
                    apart[name] = round(gap, 1)
    assert apart == {}


def test_lesion_sites_of_bone_are_bone(atlases: dict[Build, Atlas]) -> None:
    atlas = atlases[Build.MALE]
    bone = np.isin(
        atlas.organs, [NUMBERS[name] for name in ("cortical bone", "marrow", "yellow marrow", "cartilage", "tooth")]
    )
    joints = ("joint", "cartilage", "maxilla")
    soft = {
        leaf.name: round(float(bone[atlas.region(leaf.name)].mean()), 2)
        for leaf in vocabulary()
        if leaf.tissue == "bone" and not any(part in leaf.name for part in joints)
    }
    assert {name: share for name, share in soft.items() if share < 0.75} == {}
