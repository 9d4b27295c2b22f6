"""Finding one's way in the content tree of a structured report."""


def name(item):
    return item.ConceptNameCodeSequence[0].CodeValue


def code(item):
    return item.ConceptCodeSequence[0].CodeValue


def children(item, value, kind=None):
    content = item.get("ContentSequence", ())
    return [child for child in content if name(child) == value and kind in (None, child.ValueType)]


def container(report, value):
    (found,) = children(report, value, "CONTAINER")
    return found


def groups(report, template):
    found = children(container(report, "126010"), "125007")
    return [group for group in found if group.ContentTemplateSequence[0].TemplateIdentifier == template]


def number(item):
    measured = item.MeasuredValueSequence[0]
    return float(measured.NumericValue), measured.MeasurementUnitsCodeSequence[0].CodeValue


def walk(item):
    yield item
    for child in item.get("ContentSequence", ()):
        yield from walk(child)


def comments(report):
    return [item.TextValue for item in children(container(report, "C0034375"), "121106")]


def evidence(report):
    return {
        instance.ReferencedSOPInstanceUID
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for instance in series.ReferencedSOPSequence
    }
