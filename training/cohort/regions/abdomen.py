"""Abdomen: organs and their parts, peritoneum, nodes along the vessels, and the wall."""

import numpy as np

from training.cohort.anatomy import Mask
from training.cohort.body import SIDES
from training.cohort.composition import bowel_loops
from training.cohort.pelvis import Pelvis
from training.cohort.reference import COLON, Reference
from training.cohort.regions.region import Region, Regions


def solid_organs(reference: Reference) -> Regions:
    body = reference.body
    for name in body.anatomy.names("of liver ("):
        yield Region(f"liver segment {name[name.index('(') + 1 : -1]}", body.structure(name))
    yield Region("gallbladder", body.filled(body.structure("Gallbladder")))
    duct = body.near(body.structure("Bile duct"), 4.5) | reference.vessels["portal vein"]
    yield Region("bile duct and hepatic hilum", duct & ~body.structure("Pancreas", "Duodenum"))
    pancreas = body.structure("Pancreas", "Pancreatic duct", "Accessory pancreatic duct")
    low, high = body.bounds(pancreas)
    neck, tail = low[0] + 0.36 * (high[0] - low[0]), low[0] + 0.68 * (high[0] - low[0])
    yield Region("pancreatic head and uncinate process", pancreas & (body.x < neck))
    yield Region("pancreatic body", pancreas & (body.x >= neck) & (body.x < tail))
    yield Region("pancreatic tail", pancreas & (body.x >= tail))
    yield Region("spleen", body.structure("Spleen"))
    for side, suffix, _ in SIDES:
        yield Region(f"{side} adrenal gland", body.structure("Suprarenal gland" + suffix))
        yield Region(f"{side} renal pelvis", body.structure("Renal pelvis" + suffix))
        yield Region(f"{side} kidney", body.structure("Kidney" + suffix))
        yield Region(f"{side} ureter", body.near(body.structure("Ureter" + suffix), 2.9))


def hollow_organs(reference: Reference, pelvis: Pelvis) -> Regions:
    """Stomach and bowel with their contents."""
    body = reference.body
    stomach = reference.stomach
    cardia_z = body.bounds(body.structure("Oesophagus"))[0][2]
    yield Region("gastric cardia and fundus", stomach & (body.z >= cardia_z - 3.0))
    yield Region("gastric antrum and pylorus", stomach & (body.z < cardia_z - 3.0) & (body.x < 26.0))
    yield Region("gastric body", stomach)
    yield Region(
        "duodenum", body.filled(body.structure("Duodenum"), votes=1) & (body.free | body.structure("Duodenum"))
    )
    yield Region("appendix", body.near(body.structure("Vermiform appendix"), 2.9))
    yield from _colon(reference, pelvis)
    loops = body.closed(body.structure("Jejunum"), 4.0) & (body.free | body.structure("Jejunum")) | bowel_loops(
        reference
    )
    upper = body.z + 0.5 * body.x > reference.marks.front["L4"][2] - 8.0
    yield Region("jejunum", loops & upper)
    yield Region("ileum", loops & ~upper)


def _colon(reference: Reference, pelvis: Pelvis) -> Regions:
    body, marks = reference.body, reference.marks
    number = body.nearest([body.structure(name) for name in COLON], reference.colon)
    ascending, transverse, descending, sigmoid = (number == index for index in (1, 2, 3, 4))
    caecum_z = body.bounds(ascending)[0][2] + 48.0
    right_z = body.bounds(ascending)[1][2] - 32.0
    left_z = body.bounds(descending)[1][2] - 36.0
    right_x, left_x = body.bounds(transverse)[0][0] + 28.0, body.bounds(transverse)[1][0] - 28.0
    rectum = pelvis["upper rectum"] | pelvis["lower rectum"] | pelvis["anal canal"]
    yield Region("cecum", ascending & (body.z < caecum_z))
    yield Region("hepatic flexure of colon", (ascending & (body.z >= right_z)) | (transverse & (body.x < right_x)))
    yield Region("ascending colon", ascending)
    yield Region("splenic flexure of colon", (descending & (body.z >= left_z)) | (transverse & (body.x > left_x)))
    yield Region("transverse colon", transverse)
    in_flank = (body.z >= marks.pelvic_brim_z - 8.0) & (body.x > 45.0)
    yield Region("descending colon", descending & in_flank)
    yield Region("sigmoid colon", (descending | sigmoid) & ~in_flank & ~rectum)


def nodes(reference: Reference) -> Regions:
    """Upper abdominal, mesenteric and retroperitoneal nodes: fat beside the vessel or organ of their name."""
    body, marks, vessels = reference.body, reference.marks, reference.vessels
    aorta, cava = vessels["abdominal aorta"], vessels["inferior vena cava"]
    fat = reference.free | _nodes_of_anatomy(reference)
    crus = body.structure("diaphragm")
    renal_z = marks.front["L1"][2] - 4.0
    fork_z = marks.front["L4"][2] - 12.0
    behind = body.near(aorta | vessels["descending aorta"], 11.0) & (fat | crus) & (abs(body.x) < 34.0)
    behind &= body.between(marks.front["T12"][2] - 8.0, marks.front["T10"][2] - 4.0)
    line = body.profile(*((z, y) for _, y, z in marks.front.values()))
    yield Region("retrocrural node", behind & (body.y > line - 14.0) & ~reference.lungs)
    trunk = body.near(vessels["coeliac trunk"] | body.structure("Coeliac nodes"), 12.0)
    yield Region("celiac node", trunk & (fat | crus) & (body.y < marks.front["T12"][1] - 4.0))
    hepatic = body.near(vessels["portal vein"] | body.structure("Bile duct", "Cystic node"), 12.0)
    yield Region(
        "portal and hepatoduodenal node", hepatic & fat & (body.z > marks.front["L1"][2] + 6.0) & (body.x < -6.0)
    )
    hilum = (
        body.near(body.structure("Splenic nodes"), 12.0) | body.near(vessels["splenic vessels"], 12.0)
    ) & body.near(body.structure("Spleen"), 20.0)
    yield Region("splenic hilar node", hilum & fat & (body.x > 45.0))
    curves = body.near(reference.stomach, 11.0) & (
        body.near(body.structure("Lesser omentum", "Right gastric nodes"), 9.0) | (body.x < 40.0)
    )
    yield Region("perigastric node", curves & fat & (body.z > marks.front["T12"][2] - 18.0))
    yield Region(
        "interaortocaval node",
        body.near(aorta, 14.0)
        & body.near(cava, 14.0)
        & fat
        & (body.x > -14.0)
        & (body.x < 6.0)
        & body.between(fork_z, marks.front["T12"][2] - 8.0),
    )
    left = body.near(aorta, 15.0) & fat & (body.x > 8.0) & (body.y > line - 30.0)
    yield Region(
        "left para-aortic node, suprarenal",
        (left | (body.near(aorta, 15.0) & crus & (body.x > 12.0))) & body.between(renal_z, marks.front["T12"][2] - 8.0),
    )
    yield Region("left para-aortic node, infrarenal", left & body.between(fork_z, renal_z))
    right = body.near(cava, 13.0) & (fat | crus) & ((body.x < -20.0) | (body.y > line - 6.0)) & (body.x < -8.0)
    yield Region("right paracaval and retrocaval node", right & body.between(fork_z, marks.front["T12"][2] - 8.0))
    mesenteric = vessels["superior mesenteric vessels"]
    yield Region(
        "superior mesenteric node",
        body.near(mesenteric, 14.0) & fat & (body.z > marks.front["L3"][2] + 4.0) & (body.y < line - 18.0),
    )
    caecum = body.centre(
        body.structure("Ascending colon") & (body.z < body.bounds(body.structure("Ascending colon"))[0][2] + 50.0)
    )
    ileocolic = body.near(mesenteric, 16.0) & (body.z < marks.front["L4"][2] + 12.0) | body.near(
        body.structure("Appendicular nodes", "Retrocaecal nodes", "Precaecal nodes"), 10.0
    )
    yield Region("ileocolic node", ileocolic & fat & (body.x < -22.0) & (body.z > caecum[2] - 30.0))
    inferior = body.near(
        vessels["inferior mesenteric vessels"] | body.structure("Sigmoid nodes", "Left colic nodes"), 9.0
    )
    yield Region("inferior mesenteric node", inferior & fat & (body.x > 12.0))
    intestinal = body.near(
        body.structure("Juxta-intestinal mesenteric nodes", "Paracolic superior mesenteric nodes", "Jejunum"), 8.0
    )
    yield Region("peripancreatic node", body.near(body.structure("Pancreas"), 8.0) & fat)
    inner = (
        (abs(body.x) < 70.0)
        & (body.y < marks.front["L3"][1] - 12.0)
        & body.between(marks.pelvic_brim_z, marks.front["L2"][2])
    )
    yield Region(
        "mesenteric (jejunoileal) node",
        intestinal & fat & inner & (body.y > body.bounds(body.structure("Jejunum"))[0][1] + 16.0),
    )


def peritoneum(reference: Reference, pelvis: Pelvis) -> Regions:
    """Sheets and recesses of the abdominal cavity, then omentum and mesentery."""
    body, marks = reference.body, reference.marks
    diaphragm = body.structure("diaphragm")
    soft = reference.free | diaphragm | body.structure("transversus_abdominis")
    under = body.near(diaphragm, 7.0)
    pouch = body.near(body.structure("Kidney.r"), 9.0) & body.near(reference.liver, 9.0)
    yield Region(
        "right subphrenic peritoneum",
        ((body.near(reference.liver, 6.0) & under) | pouch) & soft & ~reference.lungs & (body.x < 0.0),
    )
    upper_left = body.structure("Spleen") | reference.stomach
    yield Region(
        "left subphrenic peritoneum", body.near(upper_left, 7.0) & under & soft & ~reference.lungs & (body.x > 0.0)
    )
    for side, name, sign in (("right", "Ascending colon", -1.0), ("left", "Descending colon", 1.0)):
        colon = body.structure(name) & body.between(marks.pelvic_brim_z - 20.0, marks.front["L1"][2] + 4.0)
        edge = np.median(np.argwhere(colon)[:, 2])
        lateral = sign * body.x > sign * float(body.x[0, 0, int(edge)]) + 6.0
        yield Region(f"{side} paracolic gutter", body.near(colon, 10.0) & lateral & soft & ~reference.colon)
    rectum = pelvis["upper rectum"] | pelvis["lower rectum"]
    low = (
        rectum
        | reference.bladder
        | pelvis.organs.get("uterine corpus", body.none())
        | pelvis.organs.get("cervix", body.none())
    )
    recess = body.near(low, 12.0) & reference.free & (abs(body.x) < 42.0)
    recess &= (
        body.between(marks.pubis_z + 18.0, marks.pubis_z + 80.0) & (body.y > -12.0) & (body.y < body.centre(rectum)[1])
    )
    yield Region("pelvic peritoneum and cul-de-sac", recess & ~np.logical_or.reduce(list(pelvis.organs.values())))
    omentum = body.structure("Greater omentum")
    room = reference.free | omentum
    front = body.near(omentum, 6.0) & room & (body.y < marks.front["L3"][1] - 30.0)
    yield Region(
        "greater omentum", (omentum | front) & body.between(marks.pelvic_brim_z - 40.0, marks.front["T12"][2] + 20.0)
    )
    middle = (
        (abs(body.x) < 75.0)
        & (body.y < marks.front["L3"][1] - 8.0)
        & body.between(marks.pelvic_brim_z - 20.0, marks.front["L1"][2])
    )
    yield Region("small bowel mesentery", reference.abdominal_cavity & middle & ~bowel_loops(reference))


def wall(reference: Reference) -> Regions:
    body, marks = reference.body, reference.marks
    trunk = body.between(marks.pubis_z + 18.0, marks.front["T10"][2]) & (abs(body.x) < 165.0)
    shell = body.near(reference.lean, 9.0) & ~body.core(reference.lean, 3.1) & (abs(body.x) < 150.0)
    navel_z = marks.front["L4"][2] + 4.0
    yield Region(
        "umbilicus",
        body.near(reference.lean, 9.0)
        & ~body.core(reference.lean, 9.0)
        & ((body.x) ** 2 + (body.z - navel_z) ** 2 < 15.0**2)
        & (body.y < 0.0),
    )
    muscles = body.structure(
        "rectus_abdominis",
        "external_abdominal_oblique",
        "internal_abdominal_oblique",
        "transversus_abdominis",
        "pyramidalis",
        "linea_alba",
    )
    front = (muscles | (shell & (body.z < marks.front["T12"][2]))) & trunk & (body.y < 30.0) & ~reference.bone
    psoas = body.structure("psoas_major", "iliacus", "iliopsoas")
    back = body.structure(
        *(
            name
            for name in body.anatomy.numbers
            if name.startswith(
                (
                    "longissimus_t",
                    "iliocostalis",
                    "multifidus_t",
                    "multifidus_l",
                    "spinalis_t",
                    "semispinalis_t",
                    "rotatores",
                    "levatores",
                )
            )
        )
    )
    for side, _, sign in SIDES:
        half = body.half(sign)
        yield Region(f"{side} iliopsoas muscle", psoas & half & (body.z > marks.pubis_z - 60.0) & (abs(body.x) < 130.0))
        yield Region(
            f"{side} paraspinal muscles",
            body.closed(back, 4.0) & (back | reference.free) & half & (body.z < marks.front["T1"][2]),
        )
        yield Region(f"{side} anterior abdominal wall", front & half & ~reference.arms)


def canal(reference: Reference) -> Regions:
    body, front = reference.body, reference.marks.front
    first = (front["C7"][2] + front["T1"][2]) / 2.0 + 3.0
    last = (front["T12"][2] + front["L1"][2]) / 2.0
    for name, low, high in (
        ("cervical spinal canal and cord", first, np.inf),
        ("thoracic spinal canal and cord", last, first),
        ("lumbosacral spinal canal", -np.inf, last),
    ):
        yield Region(name, reference.spinal_canal & body.between(low, high))


def great_vessel(reference: Reference) -> Regions:
    yield Region("abdominal aorta", reference.vessels["abdominal aorta"] & ~reference.bone)


def _nodes_of_anatomy(reference: Reference) -> Mask:
    """The anatomy's own little nodes, which are within fat."""
    body = reference.body
    return body.structure(*(name for name in body.anatomy.numbers if "node" in name))
