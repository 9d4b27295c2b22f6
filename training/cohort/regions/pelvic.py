"""Pelvis and limbs: organs of either sex, nodes along the iliac and femoral vessels, muscles."""

import numpy as np

from training.cohort.anatomy import Mask
from training.cohort.body import SIDES
from training.cohort.pelvis import Build, Pelvis
from training.cohort.reference import Reference
from training.cohort.regions.region import Region, Regions


def organs(reference: Reference, pelvis: Pelvis) -> Regions:
    body = reference.body
    yield Region("upper rectum", pelvis["upper rectum"])
    yield Region("lower rectum", pelvis["lower rectum"])
    yield Region("anal canal", pelvis["anal canal"])
    if pelvis.build is Build.FEMALE:
        cervix = pelvis["cervix"]
        parametrium = body.near(cervix, 14.0) & reference.free & (abs(body.x) < 38.0)
        yield Region("uterine corpus", pelvis["uterine corpus"])
        yield Region(
            "uterine cervix and parametrium",
            cervix | (parametrium & body.between(*(body.bounds(cervix)[n][2] for n in (0, 1)))),
        )
        yield Region("urethra", pelvis["urethra"])
        yield Region("vagina and vaginal vault", pelvis["vagina"])
        yield Region("vulva", pelvis["vulva"])
        for side, _, sign in SIDES:
            ovary = pelvis[f"{side} ovary"]
            yield Region(
                f"{side} ovary and adnexa",
                ovary | (body.near(ovary, 6.0) & reference.free & body.half(sign) & ~pelvis["uterine corpus"]),
            )
    else:
        yield from _male(reference, pelvis)
    yield Region("urinary bladder wall", reference.bladder & ~body.core(reference.bladder, 3.5))


def _male(reference: Reference, pelvis: Pelvis) -> Regions:
    body = reference.body
    if pelvis.build is Build.PROSTATECTOMY:
        yield Region("prostatectomy bed", pelvis["prostatectomy bed"])
    else:
        prostate = pelvis["prostate"]
        x, y, _ = body.centre(prostate)
        transition = ((body.x - x) / 10.0) ** 2 + ((body.y - y + 5.0) / 10.0) ** 2 < 1.0
        yield Region("transition zone of prostate", prostate & transition)
        for side, _, sign in SIDES:
            yield Region(f"{side} peripheral zone of prostate", prostate & ~transition & body.half(sign))
            yield Region(f"{side} seminal vesicle", pelvis[f"{side} seminal vesicle"] & body.half(sign))
    for side, _, sign in SIDES:
        yield Region(f"{side} testis", pelvis[f"{side} testis"] & body.half(sign))
    penis = pelvis["penis and scrotum"]
    inner = body.z > reference.marks.pubis_z - 36.0
    yield Region("urethra", pelvis["urethra"] & inner)
    testes = pelvis["right testis"] | pelvis["left testis"]
    yield Region("penis and scrotum", penis | (body.near(testes, 5.0) & ~reference.muscle))


def nodes(reference: Reference, pelvis: Pelvis) -> Regions:
    body, marks, vessels = reference.body, reference.marks, reference.vessels
    fat = reference.free | body.structure(*(name for name in body.anatomy.numbers if "node" in name))
    fat &= ~np.logical_or.reduce(list(pelvis.organs.values()))
    sacrum = body.structure("Sacrum", "Coccyx")
    for side, suffix, sign in SIDES:
        half = body.half(sign)
        soft = fat & half
        obturator = body.structure("Obturator nodes" + suffix)
        fossa = body.near(obturator, 10.0) | (
            body.near(body.structure("Hip bone" + suffix), 13.0) & (sign * body.x > 34.0)
        )
        fossa &= (
            body.between(marks.pubis_z + 18.0, marks.pubis_z + 58.0)
            & (body.y > -34.0)
            & (body.y < 34.0)
            & (sign * body.x < 62.0)
        )
        beside = body.near(vessels[f"{side} common iliac vessels"], 11.0)
        yield Region(
            f"{side} common iliac node",
            beside & soft & body.between(marks.pelvic_brim_z + 6.0, marks.front["L4"][2] - 10.0),
        )
        outer = body.near(vessels[f"{side} external iliac vessels"], 9.0) & soft & (body.y < 0.0)
        yield Region(
            f"{side} external iliac node", outer & body.between(marks.pubis_z + 28.0, marks.pelvic_brim_z + 6.0)
        )
        inner = body.near(
            vessels[f"{side} internal iliac vessels"]
            | body.structure("Superior gluteal nodes" + suffix, "Inferior gluteal nodes" + suffix),
            9.0,
        )
        yield Region(
            f"{side} internal iliac node",
            inner
            & (soft | (body.structure("psoas_major", "piriformis") & half))
            & body.between(marks.pubis_z + 58.0, marks.pelvic_brim_z + 10.0)
            & (sign * body.x > 20.0)
            & (body.y > 4.0),
        )
        yield Region(f"{side} obturator node", fossa & soft)
        groin = body.near(
            body.structure(
                "Inferior superficial inguinal nodes" + suffix,
                "Superolateral superficial inguinal nodes" + suffix,
                "Superomedial superficial inguinal nodes" + suffix,
            ),
            9.0,
        )
        deep = (
            body.near(vessels[f"{side} femoral vessels"], 8.0)
            & half
            & ~reference.bone
            & ~reference.vessel
            & body.between(marks.pubis_z - 18.0, marks.pubis_z + 28.0)
        )
        deep &= (sign * body.x < abs(_vessels_x(reference, side)) + 2.0) & (body.y < -28.0) & reference.lean
        yield Region(
            f"{side} deep inguinal node", deep & (body.y > -52.0) & ~body.structure("Corpus cavernosum of penis")
        )
        shallow = (
            groin
            & half
            & (body.near(reference.lean, 9.0) & ~body.core(reference.lean, 14.0))
            & ~reference.bone
            & ~reference.vessel
        )
        yield Region(f"{side} superficial inguinal node", shallow & (body.y < -40.0))
        popliteal = body.near(
            body.structure("Superficial popliteal nodes" + suffix, "Deep popliteal nodes" + suffix), 13.0
        )
        yield Region(
            f"{side} popliteal node",
            (popliteal | body.near(vessels[f"{side} femoral vessels"], 10.0) & body.between(440.0, 500.0))
            & soft
            & (body.y > 22.0),
        )
        trochlear = body.near(body.structure("Supratrochlear nodes" + suffix), 8.0) & ~reference.bone & half
        yield Region(f"{side} epitrochlear node", trochlear & reference.lean)
    before = (
        body.near(sacrum, 12.0)
        & fat
        & (abs(body.x) < 38.0)
        & body.between(marks.pubis_z + 10.0, marks.pelvic_brim_z + 15.0)
    )
    yield Region("presacral node", before & (body.y < body.bounds(sacrum)[1][1] - 4.0) & _in_front(reference))
    around = (
        body.near(pelvis["upper rectum"] | pelvis["lower rectum"], 13.0) & fat & (abs(body.x) < 38.0) & (body.y > 16.0)
    )
    yield Region("mesorectal node", around & (body.z > marks.pubis_z))


def _vessels_x(reference: Reference, side: str) -> float:
    """x of the femoral vessels at the groin."""
    body, marks = reference.body, reference.marks
    return body.centre(
        reference.vessels[f"{side} femoral vessels"] & body.between(marks.pubis_z - 10.0, marks.pubis_z + 28.0)
    )[0]


def _in_front(reference: Reference) -> Mask:
    """In front of the sacrum's line from promontory to coccyx."""
    body = reference.body
    sacrum = body.structure("Sacrum", "Coccyx") & (abs(body.x) < 6.0)
    slices = np.flatnonzero(sacrum.any(axis=(1, 2)))
    fronts = [float(body.y[0, np.flatnonzero(sacrum[index].any(axis=1))[0], 0]) for index in slices]
    line = body.profile(*zip(body.z[slices, 0, 0].tolist(), fronts, strict=True))
    return np.asarray(body.y < line + 4.0)


def muscles(reference: Reference, pelvis: Pelvis) -> Regions:
    """Perineum, buttocks, shoulders, arms and legs."""
    body, marks = reference.body, reference.marks
    floor = body.structure("pubo_analis", "pubococcygeus", "iliococcygeus", "external_anal_sphincter")
    fossa = (
        (reference.free | floor)
        & body.between(marks.pubis_z - 50.0, marks.pubis_z + 14.0)
        & (abs(body.x) < 52.0)
        & (body.y > 4.0)
    )
    yield Region(
        "perineum and ischioanal fossa",
        fossa & ~np.logical_or.reduce(list(pelvis.organs.values())) & ~reference.bladder,
    )
    gluteal = body.structure(
        "gluteus_maximus",
        "gluteus_medius",
        "gluteus_minimus",
        "piriformis",
        "superior_gemellus",
        "inferior_gemellus",
        "quadratus_femoris",
        "obturator_externus",
    )
    cuff = body.structure(
        "deltoid",
        "supraspinatus",
        "infraspinatus",
        "subscapularis",
        "teres_minor",
        "teres_major",
        "scapulohumeral_mucles",
        "trapezius",
        "rhomboid_major",
        "rhomboid_minor",
    )
    arm = reference.muscle & reference.arms
    knee_z = body.bounds(body.structure("Patella.r"))[0][2]
    thigh = reference.muscle & body.between(knee_z, marks.pubis_z + 40.0) & ~reference.arms
    calf = reference.muscle & (body.z < knee_z) & (body.z > 60.0)
    trunk = body.structure(
        "psoas_major",
        "iliacus",
        "iliopsoas",
        "rectus_abdominis",
        "external_abdominal_oblique",
        "internal_abdominal_oblique",
        "transversus_abdominis",
        "obturator_internus",
        "coccygeus",
    )
    for side, _, sign in SIDES:
        half = body.half(sign)
        yield Region(f"{side} gluteal muscles", gluteal & half)
        yield Region(
            f"{side} shoulder joint and girdle muscles",
            cuff & half & (body.z > marks.front["T8"][2]) & (abs(body.x) > 25.0),
        )
        yield Region(f"{side} arm and forearm muscles", arm & half & (body.z < marks.sternal_notch_z - 30.0))
        yield Region(f"{side} thigh muscles", thigh & half & ~trunk)
        yield Region(f"{side} calf muscles", calf & half)
