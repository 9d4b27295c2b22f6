"""What runs in the peers' environment: ``network_peer.py GRAPH`` writes a network that takes as long as nnU-Net's.

nnU-Net's PlainConvUNet with random weights, whose logits are made to say "hotter than SUV 4" by a last addition: time
does not depend on weights, but what comes after the network does on what it marks.
"""

import sys
from pathlib import Path

import torch
from engine_peers import CHANNELS, plain_unet

FEATURES = [32, 64, 128, 256, 320, 320]
PATCH = (96, 96, 96)
HOT_SUV = 4.0


class Threshold(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.network = plain_unet(FEATURES)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        above = image[:, :1] - HOT_SUV
        return 1e-6 * self.network(image) + torch.cat([torch.zeros_like(above), above], dim=1)


def main() -> None:
    torch.onnx.export(
        Threshold().eval(),
        (torch.zeros((1, CHANNELS, *PATCH)),),
        Path(sys.argv[1]),
        dynamo=True,
        external_data=False,
        verbose=False,
        input_names=["image"],
        output_names=["logits"],
    )


if __name__ == "__main__":
    main()
