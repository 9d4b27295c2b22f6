"""docs/conformance.md says of result objects what they are."""

from dataclasses import replace

import numpy as np
import pytest
from pydicom.datadict import dictionary_description, keyword_for_tag
from pydicom.uid import ComprehensiveSRStorage

from config.finding import GradeScale, UptakeGrade
from config.organs import Organ
from config.reasons import Reason, Remark
from config.result_kind import ResultKind
from config.tracers import Tracer
from config.vocabulary import REGION_CODES, vocabulary
from dicom_io.identity import ResultReference
from dicom_io.results import patient_study
from dicom_io.results.encode import encode
from dicom_io.results.refusal import encode_refusals
from dicom_io.scanner.vendors import UIH
from dicom_io.sop_classes import class_name
from tests.unit.dicom_io.results.blocks import scan
from tests.unit.documents import block, rows, section

DOCUMENT = "conformance.md"
ATTRIBUTE = ("attribute", "tag", "presence", "source", "value")
SEGMENTATIONS = (ResultKind.SEGMENTATION, ResultKind.ORGAN_MAP, ResultKind.ORGAN_MASKS)
PICTURES = (ResultKind.PICTURE, ResultKind.KEY_IMAGES)
REPORTS = (
    ResultKind.REPORT,
    ResultKind.MEASUREMENTS,
    ResultKind.REGIONS,
    ResultKind.ENHANCED_TEXT,
    ResultKind.BASIC_TEXT,
)
TABLES = {
    "### A.2 SEG, organ map, organ masks": SEGMENTATIONS,
    "### A.3 SR, SR measurements, SR regions, SR text, SR basic text": REPORTS,
    "### A.4 PDF": (ResultKind.DOCUMENT,),
    "### A.5 picture, key images": PICTURES,
    "### A.6 GSPS": (ResultKind.OUTLINES,),
    "### A.7 KOS": (ResultKind.KEY_OBJECTS,),
}
PRIOR = ResultReference("1.2.3.1", "1.2.3.2", ComprehensiveSRStorage, "1.2.3.4")
REFERENCES = {"liver_mean": 2.1, "liver_sd": 0.25, "blood_pool_mean": 1.4, "spleen_mean": 3.0, "parotid_mean": 8.0}


def graded(context, tracer, scale, score):
    """The analysis with everything that one may hold: grades, references, organs."""
    organs = np.zeros(context.suv.shape, np.uint8)
    organs[: len(Organ)] = np.array(list(Organ), np.uint8)[:, None, None]
    grade = UptakeGrade(scale, score, "Compared with the liver.")
    analysis = replace(
        context.analysis,
        tracer=tracer,
        organs=organs,
        references=REFERENCES,
        totals=replace(context.analysis.totals, dmax_mm=65.5),
        summary="FDG PET: 3 lesions.",
        findings=tuple(replace(finding, grade=grade) for finding in context.analysis.findings),
    )
    return replace(context, analysis=analysis)


def lossy(header):
    header.LossyImageCompression = "01"
    header.LossyImageCompressionRatio = 8.0
    header.LossyImageCompressionMethod = "ISO_10918_1"


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    return graded(scan(tmp_path_factory.mktemp("full")), Tracer.FDG, GradeScale.DEAUVILLE, 4)


@pytest.fixture(scope="module")
def refused(full):
    return encode_refusals(full.headers, [Remark(Reason.NO_DOSE, "It is 0.")], full.provenance)


@pytest.fixture(scope="module")
def made(full, contexts, refused, tmp_path_factory):
    """Objects by kind, of scans that differ in what they hold."""
    follow_up = replace(full, provenance=replace(full.provenance, revision=2, predecessor=(PRIOR,)))
    one_slope = scan(tmp_path_factory.mktemp("slope"), habits=UIH)
    compressed = graded(contexts(edit=lossy), Tracer.PSMA, GradeScale.PROMISE, 2)
    objects = {kind: [] for kind in ResultKind}
    for context in (full, follow_up, one_slope, compressed):
        for result in encode(context, ResultKind):
            objects[result.kind].append(result.dataset)
    for result in refused:
        objects[result.kind].append(result.dataset)
    return objects


def test_it_names_the_class_and_transfer_syntax_of_every_kind(made):
    columns = ("kind", "object", "SOP Class", "UID", "Transfer Syntax")
    stated = rows(section(DOCUMENT, "### 1.1 Content and transfer"), *columns)
    assert [row[0] for row in stated] == list(ResultKind)
    for kind, _, sop_class, uid, syntax in stated:
        assert {dataset.SOPClassUID for dataset in made[kind]} == {uid}
        assert {dataset.file_meta.TransferSyntaxUID.name for dataset in made[kind]} == {syntax}
        assert sop_class == class_name(uid)


def test_it_names_modality_and_series_description_of_every_kind(full):
    stated = rows(section(DOCUMENT, "### A.1 All objects"), "kind", "Modality", "Series Description")
    told = {kind: (modality, f"{description} RESEARCH") for kind, modality, description in stated}
    for result in encode(full, ResultKind):
        assert told[result.kind] == (result.dataset.Modality, result.dataset.SeriesDescription)
    assert set(told) == set(ResultKind)


def test_a_refusal_is_described_as_it_names_it(refused):
    (description,) = {result.dataset.SeriesDescription.removesuffix(" RESEARCH") for result in refused}
    assert f'"{description}"' in section(DOCUMENT, "### A.1 All objects")


def attributes(heading):
    """Presence by keyword, of a table of the annex."""
    stated = {}
    for name, tag, presence, _, _ in rows(section(DOCUMENT, heading), *ATTRIBUTE):
        group, element = tag.strip("()").split(",")
        number = int(group + element, 16)
        assert dictionary_description(number) == name
        stated[keyword_for_tag(number)] = presence
    return stated


def copied():
    """Presence by keyword, of what Annex D says is copied from the images."""
    paragraphs = section(DOCUMENT, "## Annex D: mapping of attributes").split("\n\n")
    told = {}
    for paragraph in paragraphs:
        label, _, names = paragraph.partition(":")
        presence = label.strip() if label.strip() in ("ALWAYS", "VNAP", "ANAP") else "ANAP"
        told |= {name: presence for name in names.replace("`", " ").split() if name.isalpha()}
    return told


@pytest.mark.parametrize("heading", TABLES)
def test_objects_have_the_attributes_that_it_names_and_no_others(heading, made):
    stated = attributes("### A.1 All objects") | attributes(heading) | copied()
    datasets = [dataset for kind in TABLES[heading] for dataset in made[kind]]
    seen = set().union(*(set(dataset.dir()) for dataset in datasets))
    assert seen <= set(stated)
    assert set(attributes(heading)) <= seen
    for dataset in datasets:
        for keyword, presence in stated.items():
            if presence != "ANAP":
                assert keyword in dataset, keyword
            if keyword in dataset and presence != "VNAP":
                assert dataset[keyword].is_empty == (presence == "EMPTY"), keyword


def test_no_attribute_is_private(made):
    datasets = [dataset for kind in ResultKind for dataset in made[kind]]
    assert not [element.tag for dataset in datasets for element in dataset.iterall() if element.tag.is_private]


def test_what_is_copied_is_what_it_names():
    lists = (patient_study._REQUIRED, patient_study._OPTIONAL, patient_study._TRIAL_SUBJECT, patient_study._TRIAL_STUDY)
    assert set(copied()) == {keyword for names in lists for keyword in names.split()}
    always = {keyword for keyword, presence in copied().items() if presence == "VNAP"}
    assert always == set(patient_study._REQUIRED.split())


def test_it_names_the_character_sets_that_are_kept():
    text = section(DOCUMENT, "### 5.4 Specific character sets")
    kept = {name for name in text.replace("`", "\n").splitlines() if name.startswith("ISO_IR ")} - {"ISO_IR 192"}
    assert kept == patient_study._KEPT_CHARACTER_SETS


def coded(item):
    (code,) = item.ConceptNameCodeSequence
    return f'({code.CodeValue}, {code.CodingSchemeDesignator}, "{code.CodeMeaning}")'


def line(item):
    words = [item.get("RelationshipType", ""), item.ValueType]
    words += [coded(item)] if "ConceptNameCodeSequence" in item else []
    words += [f"TID {template.TemplateIdentifier}" for template in item.get("ContentTemplateSequence", ())]
    return " ".join(word for word in words if word)


def outline(items, depth=0):
    """What content items there are, those alike in one."""
    alike = {}
    for item in items:
        alike.setdefault(line(item), []).extend(item.get("ContentSequence", ()))
    return [
        written
        for words, children in alike.items()
        for written in ("  " * depth + words, *outline(children, depth + 1))
    ]


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("### B.1 SR", ResultKind.REPORT),
        ("### B.4 SR text, SR basic text", ResultKind.ENHANCED_TEXT),
        ("### B.4 SR text, SR basic text", ResultKind.BASIC_TEXT),
        ("### B.6 KOS", ResultKind.KEY_OBJECTS),
    ],
)
def test_reports_have_the_content_that_it_outlines(heading, kind, made):
    assert outline([made[kind][0]]) == block(section(DOCUMENT, heading))


@pytest.mark.parametrize(
    ("heading", "kinds"),
    [
        ("### B.3 Not analysed: SR", {ResultKind.REPORT}),
        ("### B.5 Not analysed: SR text, SR basic text", {ResultKind.ENHANCED_TEXT, ResultKind.BASIC_TEXT}),
    ],
)
def test_a_refusal_has_the_content_that_it_outlines(heading, kinds, refused):
    reports = [result.dataset for result in refused if result.kind in kinds]
    assert len(reports) == len(kinds)
    for report in reports:
        assert outline([report]) == block(section(DOCUMENT, heading))


def codes(dataset):
    """Every code with its scheme and meaning."""
    if "CodingSchemeDesignator" in dataset and "CodeMeaning" in dataset:
        yield str(dataset.CodeValue), str(dataset.CodingSchemeDesignator), str(dataset.CodeMeaning)
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from codes(item)


@pytest.fixture(scope="module")
def used(full, made, refused):
    everything = [dataset for datasets in made.values() for dataset in datasets]
    everything += [result.dataset for result in encode(nothing_found(full), ResultKind)]
    scores = {GradeScale.DEAUVILLE: range(1, 6), GradeScale.PROMISE: range(4)}
    for scale, values in scores.items():
        for score in values:
            (report,) = encode(graded(full, Tracer.PSMA, scale, score), [ResultKind.REPORT])
            everything.append(report.dataset)
    return {code for dataset in everything for code in codes(dataset)}


def nothing_found(context):
    totals = replace(context.analysis.totals, lesion_count=0, suv_max=None, dmax_mm=None)
    return replace(context, analysis=replace(context.analysis, findings=(), totals=totals))


def sites():
    told = {location.sct_code for location in vocabulary()} | {value for value, _ in REGION_CODES.values()}
    return told - {None, ""}


def test_it_names_every_code_that_is_used_but_sites_and_reasons(used):
    stated = rows(section(DOCUMENT, "## Annex E: code set usage"), "code", "scheme", "meaning", "used as")
    named = {(code, scheme, meaning) for code, scheme, meaning, _ in stated}
    reasons = {(reason.value, "99UPTAKE") for reason in Reason}
    rest = {
        (code, scheme, meaning)
        for code, scheme, meaning in used - named
        if not (scheme == "SCT" and code in sites()) and (code, scheme) not in reasons
    }
    assert not rest
    assert not named - used
