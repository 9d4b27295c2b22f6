"""The organ map: organs where the phantom has them, on the grid of the PET."""

import numpy as np
import pytest

from config.organs import Organ
from config.volume import Unit, Volume
from inference.anatomy.describe import describe
from inference.organ_map import organ_map


@pytest.fixture(scope="module")
def organs(phantom, anatomy):
    return organ_map(anatomy, phantom.suv)


def at(organs, phantom, *point_mm):
    """The organ of the voxel that a point lies in."""
    nearest = np.rint(phantom.suv.indices(np.array([point_mm]))[0]).astype(int)
    return organs[tuple(nearest)]


def test_organs_are_where_the_patient_has_them(organs, phantom):
    assert at(organs, phantom, -75.0, 0.0, 130.0) == Organ.RIGHT_LUNG
    assert at(organs, phantom, 75.0, 0.0, 130.0) == Organ.LEFT_LUNG
    assert at(organs, phantom, -75.0, -10.0, -30.0) == Organ.LIVER
    assert at(organs, phantom, 0.0, 62.0, 0.0) == Organ.SPINE
    assert at(organs, phantom, -85.0, 45.0, -200.0) == Organ.BONE
    assert at(organs, phantom, 0.0, -80.0, -200.0) == Organ.SOFT_TISSUE


def test_the_table_and_the_air_are_no_organ(organs, phantom):
    assert at(organs, phantom, 0.0, 148.0, 0.0) == 0
    assert at(organs, phantom, 0.0, -140.0, 0.0) == 0


def test_the_map_covers_the_body_and_no_more(organs, anatomy):
    np.testing.assert_array_equal(organs > 0, anatomy.body)


def test_organs_have_the_volume_that_they_have_in_the_frame(organs, phantom, anatomy):
    for organ, mask in ((Organ.RIGHT_LUNG, anatomy.lungs.right), (Organ.LIVER, anatomy.liver)):
        volume_ml = (organs == organ).sum() * phantom.suv.voxel_volume_ml
        assert volume_ml == pytest.approx(mask.sum() * 0.125, rel=0.03)


def test_without_a_ct_there_is_soft_tissue(phantom):
    organs = organ_map(describe(phantom.suv, None), phantom.suv)
    assert at(organs, phantom, 0.0, -50.0, -200.0) == Organ.SOFT_TISSUE
    assert not np.isin(organs, (Organ.BONE, Organ.SPINE, Organ.RIGHT_LUNG, Organ.LEFT_LUNG, Organ.BRAIN)).any()


def test_a_turned_acquisition_has_the_same_organs(make_phantom, organs, phantom):
    turned = make_phantom(turn=np.diag((-1.0, 1.0, -1.0)))
    again = organ_map(turned.describe(), turned.suv)
    assert {organ: int((again == organ).sum()) for organ in Organ} == {
        organ: int((organs == organ).sum()) for organ in Organ
    }
    assert at(again, turned, -75.0, 0.0, 130.0) == Organ.RIGHT_LUNG


def test_a_patient_out_of_view_has_no_organ():
    empty = Volume(np.zeros((12, 14, 16), np.float32), np.diag((4.0, 4.0, 4.0, 1.0))[[2, 1, 0, 3]], Unit.SUVBW)
    assert not organ_map(describe(empty, None), empty).any()
