import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra train)")

from inference.captioning.tokens import PAD, START  # noqa: E402
from training.caption.x_transformer import Decoder, EncoderLayer, XLinearAttention  # noqa: E402

WIDTH = 6


def elu(values: np.ndarray) -> np.ndarray:
    return np.where(values > 0, values, np.exp(np.minimum(values, 0.0)) - 1.0)


def by_the_equations(block: XLinearAttention, query: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """The paper's equations for one query (D,) and keys (N, D), one key after another."""

    def linear(name: str, values: np.ndarray) -> np.ndarray:
        layer = getattr(block, name)
        return np.asarray(values @ layer.weight.detach().numpy().T + layer.bias.detach().numpy())

    embedded = [elu(linear("embed", elu(linear("key", key)) * elu(linear("key_query", query)))) for key in keys]
    scores = np.asarray([linear("spatial", each)[0] for each in embedded])
    spatial = np.exp(scores) / np.exp(scores).sum()
    channel = 1.0 / (1.0 + np.exp(-linear("channel", np.mean(embedded, axis=0))))
    values = [elu(linear("value", key)) * elu(linear("value_query", query)) for key in keys]
    return np.asarray(channel * sum(share * value for share, value in zip(spatial, values, strict=True)))


@pytest.fixture
def block() -> XLinearAttention:
    torch.manual_seed(0)
    return XLinearAttention(WIDTH).eval()


def test_the_block_computes_the_papers_equations(block: XLinearAttention) -> None:
    query, keys = torch.randn(2, 3, WIDTH), torch.randn(2, 5, WIDTH)
    found = block(query, keys, torch.ones(2, 1, 5, dtype=torch.bool)).detach().numpy()
    for batch in range(2):
        for place in range(3):
            expected = by_the_equations(block, query[batch, place].numpy(), keys[batch].numpy())
            assert found[batch, place] == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_keys_that_may_not_be_seen_count_nowhere(block: XLinearAttention) -> None:
    query, keys = torch.randn(1, 1, WIDTH), torch.randn(1, 5, WIDTH)
    seen = torch.tensor([[[True, False, True, False, False]]])
    expected = by_the_equations(block, query[0, 0].numpy(), keys[0, [0, 2]].numpy())
    assert block(query, keys, seen)[0, 0].detach().numpy() == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_the_encoder_adds_what_the_query_found_to_every_key() -> None:
    torch.manual_seed(1)
    layer = EncoderLayer(WIDTH).eval()
    query, keys = torch.randn(1, 1, WIDTH), torch.randn(1, 4, WIDTH)
    following, refined = layer(query, keys, torch.ones(1, 4, dtype=torch.bool))
    attended = by_the_equations(layer.attention, query[0, 0].numpy(), keys[0].numpy())
    assert following[0, 0].detach().numpy() == pytest.approx(attended, rel=1e-4, abs=1e-6)
    pair = np.concatenate([attended, keys[0, 2].numpy()])
    mixed = elu(layer.mix.weight.detach().numpy() @ pair + layer.mix.bias.detach().numpy()) + keys[0, 2].numpy()
    expected = (mixed - mixed.mean()) / np.sqrt(mixed.var() + 1e-5)
    assert refined[0, 2].detach().numpy() == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_a_word_is_not_influenced_by_what_follows_it() -> None:
    torch.manual_seed(2)
    decoder = Decoder(torch.nn.Embedding(12, WIDTH, padding_idx=PAD), length=8).eval()
    memory, present = torch.randn(1, 4, WIDTH), torch.ones(1, 4, dtype=torch.bool)
    first = decoder(torch.tensor([[START, 5, 6, 7]]), memory, present)
    second = decoder(torch.tensor([[START, 5, 9, 8]]), memory, present)
    assert torch.equal(first[:, :2], second[:, :2])
    assert not torch.equal(first[:, 2], second[:, 2])
