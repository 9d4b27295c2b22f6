"""Neck: larynx, thyroid, and the levels of the lymph nodes between their named planes."""

from training.cohort.body import SIDES
from training.cohort.reference import Reference
from training.cohort.regions.region import Region, Regions
from training.cohort.vessels import jugular_path


def larynx_and_thyroid(reference: Reference) -> Regions:
    body, marks = reference.body, reference.marks
    thyroid = body.structure("Thyroid gland")
    shield = body.structure("Thyroid cartilage")
    (_, front, shield_low), (_, back, shield_high) = body.bounds(shield)
    glottis_z = shield_low + 0.45 * (shield_high - shield_low)
    soft = reference.lean & ~reference.vessel & ~body.structure("Hyoid bone")
    inner = soft & (abs(body.x) < 13.0) & (body.y > front) & (body.y < back - 4.0)
    gland = (
        body.closed(thyroid, 4.0)
        & soft
        & ~body.structure("Trachea", "Cricoid cartilage", "Thyroid cartilage", "Oesophagus")
    )
    yield Region("thyroid isthmus", gland & (abs(body.x) < 7.0))
    for side, _, sign in SIDES:
        yield Region(f"{side} thyroid lobe", gland & body.half(sign))
        piriform = soft & (abs(body.x) >= 7.5) & (abs(body.x) < 17.0) & (body.y > back - 16.0) & (body.y < back + 3.0)
        yield Region(
            f"{side} pyriform sinus",
            piriform & body.between(marks.cricoid_z + 6.0, marks.hyoid_z + 4.0) & body.half(sign),
        )
    larynx = inner | body.structure("Thyroid cartilage", "Epiglottis")
    yield Region("supraglottic larynx", larynx & body.between(glottis_z + 5.0, marks.hyoid_z + 16.0))
    yield Region("glottis", larynx & body.between(glottis_z - 4.0, glottis_z + 5.0))
    below = (inner & (abs(body.x) < 11.0)) | body.structure("Cricoid cartilage")
    yield Region("subglottic larynx", below & body.between(marks.cricoid_z, glottis_z - 4.0))


def neck_nodes(reference: Reference) -> Regions:
    """Levels I to VII by hyoid, cricoid, jugular vein and sternocleidomastoid; then the supraclavicular fossa."""
    body, marks = reference.body, reference.marks
    kept = body.structure("sternocleidomastoid", "trapezius") | reference.bone | reference.lungs | reference.airway
    room = reference.lean & ~kept & ~reference.vessel & ~reference.spinal_canal
    room &= ~body.structure(
        "Thyroid gland", "Oesophagus", "Trachea", "Tongue", "Laryngopharynx", "Oropharynx", "Nasopharynx"
    )
    for side, suffix, sign in SIDES:
        half = body.half(sign)
        jugular = reference.vessels[f"{side} internal jugular vein"]
        carotid = reference.vessels[f"{side} common carotid artery"]
        behind = body.y >= body.profile(*((z, y) for _, y, z in jugular_path(marks, sign))) + 4.0
        beside = body.near(jugular, 10.0) & room & half & (sign * body.x > 14.0)
        upper = beside & body.between(marks.hyoid_z, marks.skull_base_z - 3.0)
        retropharyngeal = (
            room & half & (sign * body.x > 3.0) & (sign * body.x < 24.0) & (body.y > -17.0) & (body.y < 4.0)
        )
        yield Region(
            f"{side} retropharyngeal node (level VII)",
            retropharyngeal & body.between(marks.hyoid_z + 12.0, marks.skull_base_z + 4.0) & ~carotid,
        )
        mental = body.structure("Submental nodes" + suffix)
        chin = body.near(mental | (body.structure("digastric") & half & (body.y < -50.0)), 8.0) & room & half
        chin &= (sign * body.x > 1.0) & (sign * body.x < 16.0) & (body.y < -40.0) & (body.z < marks.hyoid_z + 22.0)
        yield Region(f"{side} cervical level IA node", chin)
        gland = body.structure("Submandibular gland" + suffix)
        deep = body.centre(gland)[1]
        under = body.near(gland | body.structure("Mandibular node" + suffix), 10.0) & room & half
        yield Region(
            f"{side} cervical level IB node",
            under & (sign * body.x > 15.0) & (body.y < deep + 10.0) & (body.z > marks.hyoid_z - 4.0),
        )
        yield Region(f"{side} cervical level IIA node", upper & ~behind)
        yield Region(f"{side} cervical level IIB node", upper & behind)
        yield Region(f"{side} cervical level III node", beside & body.between(marks.cricoid_z, marks.hyoid_z))
        yield Region(
            f"{side} cervical level IV node", beside & body.between(marks.sternal_notch_z + 14.0, marks.cricoid_z)
        )
        windpipe = body.structure("Trachea", "Thyroid gland", "Thyroid cartilage", "Cricoid cartilage")
        central = body.near(windpipe, 9.0) & room & half & body.between(marks.sternal_notch_z + 12.0, marks.hyoid_z)
        yield Region(f"{side} cervical level VI node", central & (sign * body.x < 24.0) & (body.y < 8.0))
        triangle = body.near(
            body.structure("Superficial lateral cervical nodes" + suffix, "levator_scapulae") & half, 12.0
        )
        posterior = triangle & room & (sign * body.x > 36.0) & (body.y > 2.0) & (body.y < 48.0) & (sign * body.x < 80.0)
        posterior &= ~body.structure("levator_scapulae", "splenius_capitis")
        yield Region(f"{side} cervical level VA node", posterior & body.between(marks.cricoid_z, marks.hyoid_z + 35.0))
        yield Region(
            f"{side} cervical level VB node", posterior & body.between(marks.sternal_notch_z + 22.0, marks.cricoid_z)
        )
        fossa = room & half & (sign * body.x > 28.0) & (sign * body.x < 92.0) & (body.y > -40.0) & (body.y < 26.0)
        yield Region(
            f"{side} supraclavicular node",
            fossa & body.free & body.between(marks.sternal_notch_z + 1.0, marks.sternal_notch_z + 42.0),
        )


def neck_soft_tissue(reference: Reference) -> Regions:
    body, marks = reference.body, reference.marks
    neck = body.between(marks.sternal_notch_z - 25.0, marks.skull_base_z + 12.0)
    nuchal = body.structure(
        *(
            n
            for n in body.anatomy.numbers
            if n.startswith(
                (
                    "splenius",
                    "semispinalis_c",
                    "spinalis_c",
                    "multifidus_c",
                    "longissimus_c",
                    "obliquus_",
                    "rectus_posterior",
                )
            )
        )
    )
    spine_back = body.profile((marks.front["T1"][2], 50.0), (marks.front["C1"][2], 28.0))
    back = reference.lean & neck & (body.y > spine_back) & (body.z > marks.front["T1"][2] + 6.0) & (abs(body.x) < 60.0)
    for side, _, sign in SIDES:
        muscles = body.structure("sternocleidomastoid", "scalenus_anterior", "scalenus_medius", "scalenus_posterior")
        yield Region(f"{side} neck muscle", muscles & neck & body.half(sign) & (abs(body.x) < 75.0) & (body.y < 45.0))
    yield Region("posterior neck soft tissue", (back | (nuchal & neck)) & ~reference.bone & ~reference.spinal_canal)
