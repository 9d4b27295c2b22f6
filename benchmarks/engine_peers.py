"""What runs in the peers' environment: makes the network, exports it, times it in its own framework.

``engine_peers.py export FOLDER FEATURES`` or ``engine_peers.py torch|onnxruntime FOLDER ROUNDS``; imports nothing of
ours. Prints one line of JSON.
"""

import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

CHANNELS, CLASSES = 2, 2


def main() -> None:
    task, folder, argument = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    if task == "export":
        export(folder, json.loads(argument))
    else:
        measure({"torch": load_torch, "onnxruntime": load_onnxruntime}[task], folder, int(argument))


def export(folder: Path, features: list[int]) -> None:
    """nnU-Net's PlainConvUNet of these features, seeded, as ONNX and as its own state."""
    import torch

    network = plain_unet(features)
    window = torch.from_numpy(np.zeros((1, CHANNELS, 96, 96, 96), dtype=np.float32))
    torch.save({"features": features, "weights": network.state_dict()}, folder / "network.pt")
    torch.onnx.export(
        network,
        (window,),
        folder / "graph.onnx",
        dynamo=True,
        external_data=False,
        verbose=False,
        input_names=["image"],
        output_names=["logits"],
    )


def plain_unet(features: list[int]) -> "object":
    import torch
    from dynamic_network_architectures.architectures.unet import PlainConvUNet

    torch.manual_seed(0)
    stages = len(features)
    return PlainConvUNet(
        CHANNELS,
        stages,
        features,
        torch.nn.Conv3d,
        [[3, 3, 3]] * stages,
        [[1, 1, 1]] + [[2, 2, 2]] * (stages - 1),
        [2] * stages,
        CLASSES,
        [2] * (stages - 1),
        conv_bias=True,
        norm_op=torch.nn.InstanceNorm3d,
        norm_op_kwargs={"eps": 1e-5, "affine": True},
        nonlin=torch.nn.LeakyReLU,
        nonlin_kwargs={"inplace": True},
    ).eval()


def load_torch(folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    kept = torch.load(folder / "network.pt", weights_only=True)
    network = plain_unet(kept["features"])
    network.load_state_dict(kept["weights"])

    def run(window: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(window)).numpy()

    return run


def load_onnxruntime(folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ["OMP_NUM_THREADS"])
    session = onnxruntime.InferenceSession(folder / "graph.onnx", options, providers=["CPUExecutionProvider"])
    return lambda window: session.run(None, {"image": window})[0]


def measure(load: Callable[[Path], Callable[[np.ndarray], np.ndarray]], folder: Path, rounds: int) -> None:
    begin = time.perf_counter()
    run = load(folder)
    load_s = time.perf_counter() - begin
    window = np.load(folder / "window.npy")
    run(window)
    seconds = []
    for _ in range(rounds):
        begin = time.perf_counter()
        logits = run(window)
        seconds.append(time.perf_counter() - begin)
    np.save(folder / "logits.npy", logits)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"load_s": load_s, "window_s": statistics.median(seconds), "peak_mib": peak_mib}))


if __name__ == "__main__":
    main()
