"""Export of the captioner: a bundle of ``memory.onnx``, ``next_word.onnx`` and ``caption.json``."""

import json
from pathlib import Path

import torch
from torch import nn

from inference.bundles.specification import Bundle, WordsSpecification
from inference.bundles.store import load_bundle, write_bundle
from inference.captioning.guidance import MOST_PROMPTS
from inference.captioning.network_input import CHANNELS
from inference.captioning.patch import SIZE
from inference.captioning.tokens import START
from inference.importers.folders import new_folder
from training.caption.model import LENGTH, Captioner
from training.export import export_onnx


def export_caption(
    model: Captioner, specification: WordsSpecification, out: Path, *, windows: bool, prompts: bool = True
) -> Bundle:
    """The model as the bundle that ``Writer`` reads.

    ``memory.onnx``: patch and prompts to memory and its presence. ``next_word.onnx``: tokens so far, of any number,
    memory and presence to the next word's logits. ``caption.json``: the words, the longest caption, and whether the
    third channel is in the location's window and the location is prompted.
    """
    with new_folder(out) as part:
        generator = torch.Generator().manual_seed(0)
        patch = torch.rand((1, len(CHANNELS), SIZE, SIZE, SIZE), generator=generator)
        prompted = torch.from_numpy(model.table.prompts(["T3 vertebra"], MOST_PROMPTS))[None]
        memorise = _Memorise(model).eval()
        export_onnx(memorise, {"patch": patch, "prompts": prompted}, ("memory", "present"), part / "memory.onnx")
        with torch.no_grad():
            memory, present = memorise(patch, prompted)
        tokens = torch.full((1, 3), START)
        inputs = {"tokens": tokens, "memory": memory, "present": present}
        export_onnx(_NextWord(model), inputs, ("logits",), part / "next_word.onnx", {"tokens": {1: "words"}})
        facts = {"words": list(model.table.words), "longest": LENGTH, "windows": windows, "prompts": prompts}
        (part / "caption.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
        write_bundle(specification, part)
    return load_bundle(out)


class _Memorise(nn.Module):
    def __init__(self, model: Captioner) -> None:
        super().__init__()
        self.model = model

    def forward(self, patch: torch.Tensor, prompts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        memory, present = self.model.remember(self.model.image(patch), prompts)
        return memory, present.to(torch.float32)


class _NextWord(nn.Module):
    def __init__(self, model: Captioner) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: torch.Tensor, memory: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        return self.model.decoder(tokens, memory, present > 0.5)[:, -1]
