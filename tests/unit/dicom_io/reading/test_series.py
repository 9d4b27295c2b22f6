import os
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from config.reasons import Reason, Refused
from dicom_io.reading.evidence import evidence, missing_slices, missing_slices_remarks
from dicom_io.reading.files import find_instances
from dicom_io.reading.series import Pair, SeriesKind, choose_pair, group_series


def study(folder: Path):
    return group_series(find_instances(folder).headers)


def pair_below(folder: Path, **options) -> Pair:
    return choose_pair(study(folder), **options)


def refusal(folder: Path, **options) -> Refused:
    with pytest.raises(Refused) as caught:
        pair_below(folder, **options)
    return caught.value


def setting(**attributes):
    def edit(index, header):
        for keyword, value in attributes.items():
            if value is None and keyword in header:
                del header[keyword]
            elif value is not None:
                setattr(header, keyword, value)

    return edit


def item(**attributes) -> Dataset:
    dataset = Dataset()
    setting(**attributes)(0, dataset)
    return dataset


def tracer(name="", code="", scheme="SCT", half_life_s=None) -> Dataset:
    found = item(Radiopharmaceutical=name, RadionuclideHalfLife=half_life_s)
    if code:
        found.RadionuclideCodeSequence = [item(CodeValue=code, CodingSchemeDesignator=scheme, CodeMeaning="")]
    return found


class TestKinds:
    @pytest.mark.parametrize(
        ("attributes", "kind"),
        [
            ({}, SeriesKind.ATTENUATION_CT),
            ({"SeriesDescription": "CT WB 5.0 CTAC"}, SeriesKind.ATTENUATION_CT),
            ({"SeriesDescription": "Thorax", "SliceThickness": 5, "XRayTubeCurrent": 60}, SeriesKind.ATTENUATION_CT),
            ({"SeriesDescription": "Thorax", "ReconstructionDiameter": 780}, SeriesKind.ATTENUATION_CT),
            (
                {"SeriesDescription": "Thorax", "SliceThickness": 1, "ConvolutionKernel": "Bl57"},
                SeriesKind.DIAGNOSTIC_CT,
            ),
            ({"SeriesDescription": "Thorax", "ContrastBolusAgent": "Ultravist"}, SeriesKind.DIAGNOSTIC_CT),
            ({"SeriesDescription": "Portal venous", "XRayTubeCurrent": 250}, SeriesKind.DIAGNOSTIC_CT),
            ({"ImageType": ["DERIVED", "PRIMARY", "AXIAL", "CT_SOM5 SPI"]}, SeriesKind.ATTENUATION_CT),
            ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, SeriesKind.SCOUT),
            ({"ImageType": ["DERIVED", "SECONDARY", "MPR"]}, SeriesKind.DERIVED),
            ({"ImageType": ["DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE"]}, SeriesKind.DERIVED),
            ({"ImageType": ["ORIGINAL", "SECONDARY", "PROJECTION IMAGE"]}, SeriesKind.DERIVED),
            ({"ImageType": ["DERIVED", "SECONDARY", "OTHER", "CSA MPR"]}, SeriesKind.DERIVED),
            ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"], "SeriesDescription": "x"}, SeriesKind.DERIVED),
            ({"SeriesDescription": "Dose Report"}, SeriesKind.DOSE_REPORT),
            ({"RescaleType": "Z_EFF"}, SeriesKind.DERIVED),
        ],
    )
    def test_ct(self, tmp_path, write_ct_series, attributes, kind):
        write_ct_series(tmp_path, shape=(5, 2, 2), edit=setting(**attributes))
        (series,) = study(tmp_path)
        assert series.kind is kind
        assert series.why

    def test_a_single_sagittal_ct_image_is_a_scout(self, tmp_path, write_ct_series):
        write_ct_series(tmp_path, shape=(1, 9, 9), orientation=(0, 1, 0, 0, 0, -1))
        (series,) = study(tmp_path)
        assert series.kind is SeriesKind.SCOUT

    def test_a_localizer_in_the_series_planned_on_it_is_told_apart(self, tmp_path, write_ct_series):
        def localizer(index, header):
            if index == 0:
                header.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]

        write_ct_series(tmp_path, edit=localizer)
        assert sorted((one.kind, len(one.headers)) for one in study(tmp_path)) == [
            (SeriesKind.ATTENUATION_CT, 7),
            (SeriesKind.SCOUT, 1),
        ]

    @pytest.mark.parametrize(
        ("attributes", "kind"),
        [
            ({}, SeriesKind.PET),
            ({"Units": "PROPCNTS"}, SeriesKind.PET),
            ({"SeriesType": ["STATIC", "IMAGE"], "NumberOfTimeSlices": 3}, SeriesKind.PET),
            ({"ImageType": ["DERIVED", "PRIMARY"]}, SeriesKind.PET),
            ({"CorrectedImage": ["DECY", "SCAT"]}, SeriesKind.PET_NAC),
            ({"CorrectedImage": None}, SeriesKind.PET_NAC),
            ({"AttenuationCorrectionMethod": "NONE"}, SeriesKind.PET_NAC),
            ({"SeriesDescription": "WB NAC"}, SeriesKind.PET_NAC),
            ({"SeriesDescription": "PET no-AC"}, SeriesKind.PET_NAC),
            ({"SeriesDescription": "NAC", "AttenuationCorrectionMethod": "measured"}, SeriesKind.PET),
            ({"SeriesType": ["WHOLE BODY", "REPROJECTION"]}, SeriesKind.DERIVED),
            ({"ImageType": ["DERIVED", "SECONDARY", "MIP"]}, SeriesKind.DERIVED),
        ],
    )
    def test_pet(self, tmp_path, write_pet_series, attributes, kind):
        write_pet_series(tmp_path, shape=(5, 2, 2), edit=setting(**attributes))
        (series,) = study(tmp_path)
        assert series.kind is kind
        assert series.why

    def test_ge_writes_attn_into_uncorrected_images_and_zero_into_its_private_tag(self, tmp_path, write_pet_series):
        def uncorrected(index, header):
            block = header.private_block(0x0009, "GEMS_PETD_01", create=True)
            block.add_new(0x8C, "SL", 0)

        write_pet_series(tmp_path, edit=uncorrected)
        (series,) = study(tmp_path)
        assert series.kind is SeriesKind.PET_NAC

    def test_an_enhanced_pet_says_yes_in_an_attribute_of_its_own(self, tmp_path, write_enhanced_pet):
        write_enhanced_pet(tmp_path / "1")
        write_enhanced_pet(tmp_path / "2", lambda header: setattr(header, "AttenuationCorrected", "NO"), series="5")
        assert [one.kind for one in study(tmp_path)] == [SeriesKind.PET, SeriesKind.PET_NAC]

    @pytest.mark.parametrize(
        ("sop_class", "kind"),
        [
            ("1.2.840.10008.5.1.4.1.1.67", SeriesKind.REAL_WORLD_VALUE_MAPPING),
            ("1.2.840.10008.5.1.4.1.1.66.4", SeriesKind.RESULT),
            ("1.2.840.10008.5.1.4.1.1.7", SeriesKind.RESULT),
            ("1.2.840.10008.5.1.4.1.1.88.33", SeriesKind.RESULT),
            ("1.2.840.10008.5.1.4.1.1.88.67", SeriesKind.DOSE_REPORT),
        ],
    )
    def test_others(self, tmp_path, write_ct_series, sop_class, kind):
        write_ct_series(tmp_path, edit=setting(SOPClassUID=sop_class, SeriesDescription="x"))
        (series,) = study(tmp_path)
        assert series.kind is kind


class TestChoice:
    def test_pet_and_ct_of_one_frame_of_reference_are_a_pair(self, tmp_path, write_ct_series, write_pet_series):
        write_ct_series(tmp_path)
        write_pet_series(tmp_path)
        pair = pair_below(tmp_path)
        assert (pair.pet.uid, pair.ct.uid, pair.coverage, pair.remarks) == ("1.2.3.3", "1.2.3.2", 1.0, ())
        assert "PET AC" in pair.why

    def test_the_whole_body_pet_is_preferred_to_a_finer_part(self, tmp_path, write_ct_series, write_pet_series):
        write_ct_series(tmp_path, shape=(40, 6, 5))
        write_pet_series(tmp_path / "part", series="5", shape=(20, 60, 50), spacing_mm=(1.0, 6.0, 7.0))
        write_pet_series(tmp_path / "whole", shape=(40, 6, 5))
        assert pair_below(tmp_path).pet.uid == "1.2.3.3"

    def test_among_whole_bodies_the_larger_matrix_is_preferred(self, tmp_path, write_ct_series, write_pet_series):
        write_ct_series(tmp_path)
        write_pet_series(tmp_path / "a", series="5", shape=(8, 12, 10), spacing_mm=(3.0, 30.0, 35.0))
        write_pet_series(tmp_path / "b", series="6")
        assert pair_below(tmp_path).pet.uid == "1.2.3.5"

    def test_a_pet_in_counts_proportional_to_nothing_loses_to_one_in_bqml(
        self, tmp_path, write_ct_series, write_pet_series
    ):
        write_ct_series(tmp_path)
        write_pet_series(tmp_path / "a", series="5", shape=(8, 12, 10), edit=setting(Units="PROPCNTS"))
        write_pet_series(tmp_path / "b", series="6")
        assert pair_below(tmp_path).pet.uid == "1.2.3.6"

    def test_the_later_reconstruction_and_then_the_uid_decide(self, tmp_path, write_ct_series, write_pet_series):
        write_ct_series(tmp_path)
        write_pet_series(tmp_path / "a", series="5", edit=setting(SeriesTime="120000"))
        write_pet_series(tmp_path / "b", series="6")
        write_pet_series(tmp_path / "c", series="7", edit=setting(SeriesTime="120000"))
        assert pair_below(tmp_path).pet.uid == "1.2.3.7"

    def test_the_uncorrected_pet_is_not_chosen(self, tmp_path, write_ct_series, write_pet_series):
        write_ct_series(tmp_path)
        write_pet_series(tmp_path / "nac", series="9", shape=(12, 6, 5), edit=setting(CorrectedImage=["DECY"]))
        write_pet_series(tmp_path / "ac")
        assert pair_below(tmp_path).pet.uid == "1.2.3.3"

    def test_the_attenuation_ct_is_preferred_where_it_covers_as_much(self, tmp_path, write_ct_series, write_pet_series):
        write_pet_series(tmp_path)
        write_ct_series(tmp_path / "ac")
        write_ct_series(
            tmp_path / "diagnostic",
            series="8",
            edit=setting(SeriesDescription="Contrast", ContrastBolusAgent="x", SeriesTime="113000"),
        )
        pair = pair_below(tmp_path)
        assert pair.ct.uid == "1.2.3.2"
        assert "'Contrast'" in pair.why

    def test_coverage_decides_before_the_kind_of_ct(self, tmp_path, write_ct_series, write_pet_series):
        write_pet_series(tmp_path)
        write_ct_series(tmp_path / "ac", shape=(6, 6, 5))
        write_ct_series(tmp_path / "d", series="8", edit=setting(SeriesDescription="CTA", ContrastBolusAgent="x"))
        assert pair_below(tmp_path).ct.uid == "1.2.3.8"

    def test_a_soft_kernel_is_preferred_to_a_sharp_one(self, tmp_path, write_ct_series, write_pet_series):
        write_pet_series(tmp_path)
        write_ct_series(tmp_path / "soft", series="5", edit=setting(ConvolutionKernel="Br38"))
        write_ct_series(tmp_path / "sharp", series="6", edit=setting(ConvolutionKernel="Bl57"))
        assert pair_below(tmp_path).ct.uid == "1.2.3.5"

    def test_a_part_of_the_pet_without_ct_is_remarked(self, tmp_path, write_ct_series, write_pet_series):
        write_pet_series(tmp_path, shape=(20, 6, 5))
        write_ct_series(tmp_path, shape=(16, 6, 5))
        pair = pair_below(tmp_path)
        assert pair.coverage == pytest.approx(0.8)
        assert [remark.reason for remark in pair.remarks] == [Reason.CT_COVERS_PARTLY]

    def test_a_pet_field_of_view_wider_than_the_ct_is_covered_where_the_body_is(
        self, tmp_path, write_ct_series, write_pet_series
    ):
        wide = {"shape": (8, 128, 128), "spacing_mm": (3.0, 5.47, 5.47), "origin_mm": (-347.0, -347.0, 0.0)}
        write_pet_series(tmp_path, **wide)
        write_ct_series(tmp_path, shape=(8, 50, 50), spacing_mm=(3.0, 10.0, 10.0), origin_mm=(-245.0, -245.0, 0.0))
        assert pair_below(tmp_path).coverage == 1.0

    def test_mappings_that_reference_the_pet_go_with_it(self, tmp_path, write_ct_series, write_pet_series):
        write_ct_series(tmp_path)
        path = write_pet_series(tmp_path)[0]
        for number, series_uid in (("1", "1.2.3.3"), ("2", "1.2.3.99")):
            mapping = pydicom.dcmread(path)
            mapping.SOPClassUID, mapping.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.67", f"1.2.3.7.{number}"
            mapping.SeriesInstanceUID = "1.2.3.7"
            mapping.ReferencedSeriesSequence = [item(SeriesInstanceUID=series_uid)]
            mapping.save_as(tmp_path / f"mapping{number}.dcm")
        assert [mapping.SOPInstanceUID for mapping in pair_below(tmp_path).mappings] == ["1.2.3.7.1"]

    def test_a_series_with_a_gap_does_not_win_over_a_whole_one(self, tmp_path, write_ct_series, write_pet_series):
        write_ct_series(tmp_path, shape=(12, 6, 5))
        write_pet_series(tmp_path / "a", series="5", shape=(12, 60, 50), omit=(4,))
        write_pet_series(tmp_path / "b", series="6", shape=(12, 6, 5))
        pair = pair_below(tmp_path)
        assert pair.pet.uid == "1.2.3.6"
        assert "slice-gap" in pair.why

    def test_a_whole_body_with_a_gap_is_refused_rather_than_replaced_by_a_part(
        self, tmp_path, write_ct_series, write_pet_series
    ):
        write_ct_series(tmp_path, shape=(30, 6, 5))
        write_pet_series(tmp_path / "whole", series="5", shape=(30, 6, 5), omit=(4,))
        write_pet_series(tmp_path / "part", series="6")
        assert refusal(tmp_path).reason is Reason.SLICE_GAP

    def test_a_ct_with_a_gap_is_refused_rather_than_replaced_by_one_that_covers_less(
        self, tmp_path, write_ct_series, write_pet_series
    ):
        write_pet_series(tmp_path, shape=(20, 6, 5))
        write_ct_series(tmp_path / "whole", shape=(20, 6, 5), omit=(4,))
        write_ct_series(tmp_path / "part", series="6", shape=(14, 6, 5))
        assert refusal(tmp_path).reason is Reason.SLICE_GAP

    def test_the_order_of_series_does_not_matter(self, tmp_path, write_ct_series, write_pet_series):
        write_ct_series(tmp_path / "a")
        write_ct_series(tmp_path / "b", series="8")
        write_pet_series(tmp_path / "c")
        write_pet_series(tmp_path / "d", series="9")
        series = study(tmp_path)
        chosen = {(choose_pair(order).pet.uid, choose_pair(order).ct.uid) for order in (series, series[::-1])}
        assert chosen == {("1.2.3.9", "1.2.3.8")}


class TestRefusals:
    def test_nothing_at_all(self):
        with pytest.raises(Refused, match="no-pet"):
            choose_pair(())

    def test_no_pet_says_what_was_looked_at(self, tmp_path, write_ct_series):
        write_ct_series(tmp_path)
        refused = refusal(tmp_path)
        assert refused.reason is Reason.NO_PET
        assert "'CT AC low dose' (8 instances) is attenuation CT" in refused.detail

    def test_only_uncorrected_pets(self, tmp_path, write_ct_series, write_pet_series):
        write_ct_series(tmp_path)
        write_pet_series(tmp_path, edit=setting(CorrectedImage=["DECY"]))
        refused = refusal(tmp_path)
        assert refused.reason is Reason.NO_ATTENUATION_CORRECTION
        assert "Corrected Image lacks ATTN" in refused.detail

    def test_no_ct(self, tmp_path, write_pet_series, write_ct_series):
        write_pet_series(tmp_path)
        write_ct_series(tmp_path, shape=(1, 6, 5), edit=setting(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]))
        refused = refusal(tmp_path)
        assert refused.reason is Reason.NO_CT
        assert "scout" in refused.detail

    @pytest.mark.parametrize("frame_of_reference", ["1.2.3.8", None])
    def test_another_frame_of_reference(self, tmp_path, write_ct_series, write_pet_series, frame_of_reference):
        write_pet_series(tmp_path)
        write_ct_series(tmp_path, edit=setting(FrameOfReferenceUID=frame_of_reference))
        assert refusal(tmp_path).reason is Reason.NO_COMMON_FRAME_OF_REFERENCE

    def test_a_ct_of_another_patient_is_said_to_be(self, tmp_path, write_ct_series, write_pet_series):
        write_pet_series(tmp_path)
        write_ct_series(tmp_path, edit=setting(PatientID="Q"))
        refused = refusal(tmp_path)
        assert refused.reason is Reason.NO_COMMON_FRAME_OF_REFERENCE
        assert "has the same, but another Patient ID" in refused.detail
        assert refused.detail.count("1.2.3.9") == 1

    def test_two_series_without_frame_of_reference_have_none_in_common(
        self, tmp_path, write_ct_series, write_pet_series
    ):
        write_pet_series(tmp_path, edit=setting(FrameOfReferenceUID=None))
        write_ct_series(tmp_path, edit=setting(FrameOfReferenceUID=None))
        assert refusal(tmp_path).reason is Reason.NO_COMMON_FRAME_OF_REFERENCE

    @pytest.mark.parametrize(
        "grid",
        [
            {"origin_mm": (-140.0, -150.0, -440.0)},
            {"shape": (8, 20, 20), "spacing_mm": (3.0, 10.0, 10.0), "origin_mm": (-95.0, -95.0, -500.0)},
        ],
    )
    def test_a_ct_that_barely_overlaps(self, tmp_path, write_ct_series, write_pet_series, grid):
        write_pet_series(tmp_path, shape=(30, 30, 30), spacing_mm=(3.0, 20.0, 20.0), origin_mm=(-290.0, -290.0, -500.0))
        write_ct_series(tmp_path, **{"shape": (30, 6, 5), **grid})
        refused = refusal(tmp_path)
        assert refused.reason is Reason.INSUFFICIENT_OVERLAP
        assert "%" in refused.detail

    @pytest.mark.parametrize(
        "administered",
        [
            tracer("Lu-177 PSMA"),
            tracer("177Lu-DOTATATE", half_life_s=574300),
            tracer("MDP", code="C-163A8", scheme="SRT"),
            tracer(half_life_s=21624.1),
            tracer("[131I]NaI"),
            tracer(code="C-145A4", scheme="SRT"),
        ],
    )
    def test_spect_stored_as_pet(self, tmp_path, write_ct_series, write_pet_series, administered):
        write_ct_series(tmp_path)
        write_pet_series(tmp_path, edit=setting(RadiopharmaceuticalInformationSequence=[administered]))
        assert refusal(tmp_path).reason is Reason.NOT_A_POSITRON_EMITTER

    def test_an_energy_window_below_annihilation_photons(self, tmp_path, write_ct_series, write_pet_series):
        window = item(EnergyWindowLowerLimit=187, EnergyWindowUpperLimit=229)
        unknown = setting(RadiopharmaceuticalInformationSequence=[tracer()], EnergyWindowRangeSequence=[window])
        write_ct_series(tmp_path)
        write_pet_series(tmp_path, edit=unknown)
        refused = refusal(tmp_path)
        assert refused.reason is Reason.NOT_A_POSITRON_EMITTER
        assert "187–229 keV" in refused.detail

    @pytest.mark.parametrize(
        "administered",
        [
            tracer("68Ga-PSMA-11"),
            tracer(half_life_s=6588),
            tracer(code="C-111A1", scheme="SRT"),
            tracer(code="77004003"),
            tracer("Y-90"),
            tracer(),
        ],
    )
    def test_positron_emitters_and_the_unknown_pass(self, tmp_path, write_ct_series, write_pet_series, administered):
        write_ct_series(tmp_path)
        write_pet_series(tmp_path, edit=setting(RadiopharmaceuticalInformationSequence=[administered]))
        assert pair_below(tmp_path).ct is not None

    def test_a_dynamic_pet(self, tmp_path, write_ct_series, write_pet_series):
        def second_frame(index, header):
            header.SOPInstanceUID = f"1.2.3.55.{index}"
            header.SeriesType = ["DYNAMIC", "IMAGE"]

        write_ct_series(tmp_path)
        write_pet_series(tmp_path / "1", edit=setting(SeriesType=["DYNAMIC", "IMAGE"]))
        write_pet_series(tmp_path / "2", edit=second_frame)
        assert refusal(tmp_path).reason is Reason.DYNAMIC_ACQUISITION


class TestPetOnly:
    def test_a_ct_that_fits_is_used_all_the_same(self, tmp_path, write_ct_series, write_pet_series):
        write_ct_series(tmp_path)
        write_pet_series(tmp_path)
        assert pair_below(tmp_path, pet_only=True).ct.uid == "1.2.3.2"

    def test_no_ct_is_allowed_and_remarked(self, tmp_path, write_pet_series):
        write_pet_series(tmp_path)
        pair = pair_below(tmp_path, pet_only=True)
        assert pair.ct is None
        assert [remark.reason for remark in pair.remarks] == [Reason.PET_WITHOUT_CT]

    def test_a_ct_that_does_not_fit_is_left_out_and_the_remark_says_why(
        self, tmp_path, write_ct_series, write_pet_series
    ):
        write_pet_series(tmp_path)
        write_ct_series(tmp_path, frame_of_reference_uid="1.2.3.8")
        (remark,) = pair_below(tmp_path, pet_only=True).remarks
        assert "no-common-frame-of-reference" in remark.detail


class TestEvidence:
    def test_a_whole_pair_is_complete(self, tmp_path, write_ct_series, write_pet_series):
        write_ct_series(tmp_path)
        write_pet_series(tmp_path)
        found = evidence(pair_below(tmp_path))
        assert found.complete
        assert found.reasons == ()
        assert missing_slices_remarks(pair_below(tmp_path).pet) == ()

    def test_a_pet_without_its_last_slice_is_not(self, tmp_path, write_ct_series, write_pet_series):
        write_ct_series(tmp_path)
        write_pet_series(tmp_path, omit=(7,))
        pair = pair_below(tmp_path)
        assert missing_slices(pair.pet) == 1
        (remark,) = missing_slices_remarks(pair.pet)
        assert (remark.reason, remark.detail) == (
            Reason.SLICES_MISSING,
            "1 slices of PT series 3 'PET AC' (7 instances).",
        )
        assert not evidence(pair).complete

    def test_a_ct_that_covers_the_pet_partly_is_not(self, tmp_path, write_ct_series, write_pet_series):
        write_ct_series(tmp_path, shape=(6, 6, 5))
        write_pet_series(tmp_path)
        assert evidence(pair_below(tmp_path)).reasons == ("The CT covers 75 % of the PET.",)

    def test_a_pet_that_does_not_say_its_slices_lacks_evidence(self, tmp_path, write_ct_series, write_pet_series):
        write_ct_series(tmp_path)
        write_pet_series(tmp_path, edit=setting(NumberOfSlices=None))
        assert not evidence(pair_below(tmp_path)).complete

    def test_a_multi_frame_pet_holds_all_its_slices(self, tmp_path, write_ct_series, write_enhanced_pet):
        write_ct_series(tmp_path)
        write_enhanced_pet(tmp_path)
        assert evidence(pair_below(tmp_path)).complete


@pytest.mark.real
def test_in_the_real_study_neither_the_scout_nor_the_uncorrected_pet_is_chosen():
    folder = os.environ.get("UPTAKE_TEST_STUDY")
    if not folder:
        pytest.skip("UPTAKE_TEST_STUDY names no study")
    series = study(Path(folder))
    assert sorted((one.kind, len(one.headers)) for one in series) == [
        (SeriesKind.PET, 135),
        (SeriesKind.PET_NAC, 135),
        (SeriesKind.ATTENUATION_CT, 135),
        (SeriesKind.REAL_WORLD_VALUE_MAPPING, 1),
        (SeriesKind.SCOUT, 1),
    ]
    pair = choose_pair(series)
    assert pair.pet.headers[0].SeriesDescription == "PET AC"
    assert pair.ct.headers[0].SeriesDescription == "CT IMAGES"
    assert pair.coverage == 1.0
    (mapping,) = pair.mappings
    assert np.isclose(
        mapping.ReferencedImageRealWorldValueMappingSequence[0].RealWorldValueMappingSequence[0].RealWorldValueSlope,
        0.00042111,
    )
    assert evidence(pair).complete
