from pathlib import Path

import pytest

from training.data.problem import UnusableData
from training.data.reports import read_reports


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode("utf-8"))
    return path


def test_a_row_names_a_lesion_by_number_and_what_is_said_of_it(tmp_path: Path) -> None:
    path = write(tmp_path / "r.csv", "case,component,location,ct_finding\nA,2,left kidney,Mass\n")
    (lesion,) = read_reports(path).by_case["A"]
    assert (lesion.component, lesion.point_mm, lesion.ct_finding) == (2, None, "mass")
    assert lesion.leaf is not None


def test_a_point_is_ras_in_the_table_and_lps_here(tmp_path: Path) -> None:
    path = write(tmp_path / "r.tsv", "case\tpoint\tlocation\nA\t10 -20.5 300\tL083\n")
    (lesion,) = read_reports(path).by_case["A"]
    assert lesion.point_mm == (-10.0, 20.5, 300.0)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffCase;Component;Location;CT Finding;Reader\r\nA;1;L083;nodule;Dr. B\r\n",  # a spreadsheet in German
        "location\tct_finding\tcase\tcomponent\nL083\tnodule\tA\t1\n",
        'case,component,location,ct_finding\nA,1,"L083",nodule\n',
    ],
)
def test_tables_of_many_makers_are_read(text: str, tmp_path: Path) -> None:
    (lesion,) = read_reports(write(tmp_path / "table", text)).by_case["A"]
    assert (lesion.component, lesion.leaf, lesion.ct_finding) == (1, "L083", "nodule")


def test_what_is_not_in_the_vocabulary_is_counted_and_the_lesion_stays(tmp_path: Path) -> None:
    rows = "A,1,somewhere,nodule\nA,2,somewhere,lump\nB,1,L083,\nB,nine,L083,\n"
    reports = read_reports(write(tmp_path / "r.csv", "case,component,location,ct_finding\n" + rows))
    assert [lesion.leaf for lesion in reports.by_case["A"]] == [None, None]
    assert reports.remarks == (
        "r.csv: 2 locations are not in the vocabulary and teach nothing: 'somewhere' (2)",
        "r.csv: 1 CT findings are not in the vocabulary and teach nothing: 'lump' (1)",
        "r.csv: rows without a component or a point: 5",
    )


@pytest.mark.parametrize("text", ["", "case,location\nA,L083\n", "component,location\n1,L083\n"])
def test_a_table_without_its_columns_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(UnusableData, match="columns"):
        read_reports(write(tmp_path / "r.csv", text))


def test_a_table_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes("case,component,location\nMüller,1,L083\n".encode("latin-1"))
    with pytest.raises(UnusableData, match="UTF-8"):
        read_reports(tmp_path / "r.csv")
