"""Preparation: what nnU-Net's DefaultPreprocessor gives, from volumes."""

from dataclasses import replace

import numpy as np
import pytest

from config.reasons import Reason, Refused
from config.volume import Unit, Volume
from inference.bundles.specification import Channel, Network, Normalisation, Resampling, When
from inference.engines.arrays import HostArrays
from inference.network.preprocess import prepare

STATISTICS = {"mean": 0.4, "std": 0.9, "percentile_00_5": -1.2, "percentile_99_5": 1.9}
NETWORK = Network(("fold_0.onnx",), (8, 8, 8), (2.0, 2.0, 2.0), Resampling(3), Resampling(1))
SCHEMES = {
    Normalisation.ZSCORE: "ZScoreNormalization",
    Normalisation.CT: "CTNormalization",
    Normalisation.NONE: "NoNormalization",
    Normalisation.RESCALE_0_1: "RescaleTo01Normalization",
}


def volume(values, spacing=(3.0, 2.0, 2.5)):
    axes = np.zeros((3, 3))
    axes[[2, 1, 0], [0, 1, 2]] = spacing
    affine = np.eye(4)
    affine[:3, :3] = axes
    affine[:3, 3] = (-100.0, -120.0, 40.0)
    return Volume(np.asarray(values, dtype=np.float32), affine, Unit.SUVBW)


def patient(seed=0, shape=(14, 18, 22)):
    """Two channels that are 0 around a box, with a hole in it, at values that differ by voxel."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0.3, 1.0, size=(2, *shape)).astype(np.float32)
    inside = np.zeros(shape, dtype=bool)
    inside[2:11, 3:15, 4:20] = True
    inside[2:4, 3:6] = False
    inside[6, 8, 9:12] = False
    return np.where(inside, values, np.float32(0.0))


def theirs(values, spacing, channels, network):
    preprocessing = pytest.importorskip(
        "nnunetv2.preprocessing.preprocessors.default_preprocessor", reason="needs nnunetv2"
    )
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    def kwargs(resampling, is_seg=False):
        return {
            "is_seg": is_seg,
            "order": resampling.order,
            "order_z": resampling.order_z,
            "force_separate_z": resampling.separate_z,
        }

    function = "resample_data_or_seg_to_shape"
    plans = {
        "transpose_forward": list(network.transpose),
        "transpose_backward": list(network.transpose_back),
        "foreground_intensity_properties_per_channel": {"0": STATISTICS, "1": STATISTICS},
        "configurations": {
            "3d_fullres": {
                "architecture": {},
                "spacing": list(network.spacing_mm),
                "normalization_schemes": [SCHEMES[channel.normalisation] for channel in channels],
                "use_mask_for_norm": [channel.use_mask for channel in channels],
                "resampling_fn_data": function,
                "resampling_fn_seg": function,
                "resampling_fn_data_kwargs": kwargs(network.resample_data),
                "resampling_fn_seg_kwargs": kwargs(Resampling(1), is_seg=True),
            }
        },
    }
    manager = PlansManager(plans)
    properties = {"spacing": list(spacing)}
    preprocessor = preprocessing.DefaultPreprocessor(verbose=False)
    data, _, properties = preprocessor.run_case_npy(
        values, None, properties, manager, manager.get_configuration("3d_fullres"), {}
    )
    return data, properties


def channels_of(first, second, *masks):
    return tuple(
        Channel(name, scheme, mask, *(STATISTICS.values() if scheme is Normalisation.CT else ()))
        for name, scheme, mask in zip(("PET", "CT"), (first, second), masks, strict=True)
    )


def prepared(values, channels, network, spacing=(3.0, 2.0, 2.5)):
    volumes = {channel.name: volume(each, spacing) for channel, each in zip(channels, values, strict=True)}
    return prepare(volumes, channels, network, HostArrays())


@pytest.mark.parametrize(
    "channels",
    [
        channels_of(Normalisation.ZSCORE, Normalisation.ZSCORE, True, False),
        channels_of(Normalisation.CT, Normalisation.RESCALE_0_1, False, False),
        channels_of(Normalisation.NONE, Normalisation.ZSCORE, False, True),
    ],
)
@pytest.mark.parametrize(
    ("network", "spacing"),
    [
        (NETWORK, (3.0, 2.0, 2.5)),
        (replace(NETWORK, transpose=(2, 0, 1), transpose_back=(1, 2, 0), spacing_mm=(1.7, 4.0, 2.2)), (3.0, 2.0, 2.5)),
        (replace(NETWORK, spacing_mm=(5.0, 1.5, 1.5)), (8.0, 2.0, 2.0)),
        (replace(NETWORK, resample_data=Resampling(1, 0, False)), (8.0, 2.0, 2.0)),
    ],
)
def test_it_is_nnunets_preprocessing(channels, network, spacing):
    values = patient()
    data, properties = theirs(values.copy(), spacing, channels, network)
    found = prepared(values, channels, network, spacing)
    assert [[side.start, side.stop] for side in found.box] == [
        list(side) for side in properties["bbox_used_for_cropping"]
    ]
    assert found.cropped_shape == properties["shape_after_cropping_and_before_resampling"]
    np.testing.assert_allclose(found.values, data, rtol=0.0, atol=2e-5)


def test_volumes_that_are_nowhere_or_everywhere_nonzero_are_not_cropped():
    channels = channels_of(Normalisation.NONE, Normalisation.ZSCORE, False, True)
    for values in (np.zeros((2, 6, 7, 8)), np.ones((2, 6, 7, 8))):
        assert prepared(values, channels, NETWORK).cropped_shape == (6, 7, 8)


def test_the_box_holds_what_any_channel_has():
    values = np.zeros((2, 9, 9, 9))
    values[0, 2, 3, 4] = 1.0
    values[1, 6, 5, 4] = -1.0
    found = prepared(values, channels_of(Normalisation.NONE, Normalisation.NONE, False, False), NETWORK)
    assert found.box == (slice(2, 7), slice(3, 6), slice(4, 5))


def test_zeros_enclosed_by_the_patient_count_for_the_mask_and_those_around_do_not():
    values = np.zeros((2, 7, 7, 7))
    values[:, 1:6, 1:6, 1:6] = np.arange(1, 126).reshape(5, 5, 5)
    values[:, 3, 3, 3] = 0.0  # a hole
    values[:, 1, 1, 1:6] = 0.0  # an edge of the box: not enclosed
    network = replace(NETWORK, spacing_mm=(1.0, 1.0, 1.0))
    found = prepared(
        values, channels_of(Normalisation.ZSCORE, Normalisation.NONE, True, False), network, (1.0, 1.0, 1.0)
    )
    chosen = np.concatenate([np.arange(6, 63), [0], np.arange(64, 126)]).astype(np.float64)
    expected = (chosen - chosen.mean()) / chosen.std()
    outside = found.values[0, 0, 0]
    np.testing.assert_array_equal(outside, 0.0)
    np.testing.assert_allclose(found.values[0].ravel()[5:], expected, atol=1e-5)


def test_volumes_stay_as_they_were():
    values = patient()
    volumes = {"PET": volume(values[0]), "CT": volume(values[1])}
    before = {name: each.values.copy() for name, each in volumes.items()}
    prepare(volumes, channels_of(Normalisation.CT, Normalisation.RESCALE_0_1, False, False), NETWORK, HostArrays())
    for name, each in before.items():
        np.testing.assert_array_equal(volumes[name].values, each)


def test_an_orientation_turns_the_same_patient_the_same_way():
    """A volume stored with other axes, in other directions, is prepared alike."""
    values = patient()
    network = replace(NETWORK, orientation="SAR")
    channels = channels_of(Normalisation.CT, Normalisation.ZSCORE, False, True)
    first = prepared(values, channels, network)

    def stored_otherwise(each):
        original = volume(each)
        turned = np.flip(original.values, (0, 1)).transpose(1, 2, 0)
        affine = original.affine @ np.array([[0, 0, -1, 13], [-1, 0, 0, 17], [0, 1, 0, 0], [0, 0, 0, 1]])
        return Volume(np.ascontiguousarray(turned), affine.astype(np.float64), Unit.SUVBW)

    second = prepare(
        {"PET": stored_otherwise(values[0]), "CT": stored_otherwise(values[1])}, channels, network, HostArrays()
    )
    np.testing.assert_allclose(second.values, first.values, atol=1e-6)
    flipped = prepared(values, channels, NETWORK).values[:, :, ::-1, ::-1]
    np.testing.assert_allclose(first.values, flipped, atol=1e-4)


def test_monais_bundles_normalise_after_resampling():
    network = replace(
        NETWORK, normalise=When.AFTER_RESAMPLING, resample_data=Resampling(1, separate_z=False), crop_to_nonzero=False
    )
    values = np.zeros((2, 4, 4, 4))
    values[:, :, :, 2:] = 4.0
    channels = channels_of(Normalisation.NONE, Normalisation.CT, False, False)
    found = prepared(values, channels, replace(network, spacing_mm=(1.0, 1.0, 0.5)), (1.0, 1.0, 1.0))
    np.testing.assert_allclose(found.values[0, 0, 0], [0, 0, 0, 1, 3, 4, 4, 4])
    np.testing.assert_allclose(found.values[1, 0, 0, 3:5], [(1.0 - 0.4) / 0.9, (1.9 - 0.4) / 0.9], rtol=1e-6)


def test_missing_channels_and_other_grids_are_refused():
    channels = channels_of(Normalisation.NONE, Normalisation.NONE, False, False)
    values = patient()
    with pytest.raises(Refused, match="No CT among") as refused:
        prepare({"PET": volume(values[0])}, channels, NETWORK, HostArrays())
    assert refused.value.reason is Reason.BUNDLE_CHANNELS
    for other in (volume(values[1][1:]), volume(values[1], (3.0, 2.0, 2.6))):
        with pytest.raises(Refused, match="not on the grid") as refused:
            prepare({"PET": volume(values[0]), "CT": other}, channels, NETWORK, HostArrays())
        assert refused.value.reason is Reason.BUNDLE_CHANNELS


def test_colours_outside_their_range_are_refused():
    channels = channels_of(Normalisation.RGB_0_1, Normalisation.NONE, False, False)
    with pytest.raises(Refused, match="expected 0 to 255"):
        prepared(patient(), channels, NETWORK)
