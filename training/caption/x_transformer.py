"""X-Transformer: a decoder of words on X-linear attention (Pan et al., CVPR 2020, "X-Linear Attention Networks for
Image Captioning"); written from the paper's equations.
"""

import torch
from torch import nn
from torch.nn import functional

from inference.captioning.tokens import PAD

_NOTHING = -1e4  # e to it is 0, and its gradient is a number


class XLinearAttention(nn.Module):
    """X-linear attention block: second-order interactions of a query Q with keys k_i and values v_i, i = 1 … N.

    Equations of the paper's section 3.1, σ being ReLU, or ELU for interactions of unlimited order (section 3.2)::

        B^k_i  = σ(W_k k_i) ⊙ σ(W^k_q Q)          bilinear pooling of query and key
        B'^k_i = σ(W^k_B B^k_i)                    its embedding
        b^s_i  = W_b B'^k_i,   β^s = softmax(b^s)  spatial attention
        B̄      = 1/N Σ_i B'^k_i                    squeeze
        b^c    = W_e B̄,        β^c = sigmoid(b^c)  channel attention
        B^v_i  = σ(W_v v_i) ⊙ σ(W^v_q Q)          bilinear pooling of query and value
        v̂      = β^c ⊙ Σ_i β^s_i B^v_i

    Softmax and mean go over the keys that a query may see.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.key, self.key_query = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.value_query = nn.Linear(width, width), nn.Linear(width, width)
        self.embed = nn.Linear(width, width)
        self.spatial = nn.Linear(width, 1)
        self.channel = nn.Linear(width, width)

    def forward(self, query: torch.Tensor, keys: torch.Tensor, visible: torch.Tensor) -> torch.Tensor:
        """Attended values (B, T, D).

        Parameters
        ----------
        query
            Shape (B, T, D).
        keys
            Shape (B, N, D); also the values.
        visible
            Shape (B, T, N) or broadcast to it: True for keys that a query may see, at least one for each.
        """
        seen = visible.unsqueeze(-1)
        of_keys = functional.elu(self.key(keys)).unsqueeze(1) * functional.elu(self.key_query(query)).unsqueeze(2)
        embedded = functional.elu(self.embed(of_keys))
        spatial = torch.where(seen, self.spatial(embedded), _NOTHING).softmax(dim=2)
        squeezed = torch.where(seen, embedded, 0.0).sum(dim=2) / seen.sum(dim=2)
        channel = self.channel(squeezed).sigmoid()
        of_values = functional.elu(self.value(keys)).unsqueeze(1) * functional.elu(self.value_query(query)).unsqueeze(2)
        return channel * (spatial * of_values).sum(dim=2)


class EncoderLayer(nn.Module):
    """Refines a memory by one global query (section 3.3)::

        Q' = X-linear attention of Q over all k_i
        k_i' = LayerNorm(σ(W [Q', k_i]) + k_i)

    Its cost grows with the number of keys and not with its square.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention = XLinearAttention(width)
        self.mix = nn.Linear(2 * width, width)
        self.norm = nn.LayerNorm(width)

    def forward(
        self, query: torch.Tensor, keys: torch.Tensor, present: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The next query (B, 1, D) and keys (B, N, D) from these, and which keys (B, N) are there."""
        query = self.attention(query, keys, present.unsqueeze(1))
        mixed = functional.elu(self.mix(torch.cat([query.expand_as(keys), keys], dim=-1)))
        return query, self.norm(mixed + keys)


class DecoderLayer(nn.Module):
    """X-linear attention to the words so far and to the memory, and feed-forward; residual, normalised before."""

    def __init__(self, width: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.itself, self.memory = XLinearAttention(width), XLinearAttention(width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.forward_twice = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, values: torch.Tensor, visible: torch.Tensor, memory: torch.Tensor, present: torch.Tensor
    ) -> torch.Tensor:
        normed = self.norms[0](values)
        values = values + self.dropout(self.itself(normed, normed, visible))
        values = values + self.dropout(self.memory(self.norms[1](values), memory, present.unsqueeze(1)))
        return values + self.dropout(self.forward_twice(self.norms[2](values)))


class Decoder(nn.Module):
    """Logits (B, T, words) of the next word after each of T words, from a memory (B, N, D) and which of it is there.

    Words are answered with the embedding that they are read with, so that the words of a prompt are easily repeated:
    with weights of its own, the decoder had learned to repeat none when this one repeated 8 of 10.
    """

    def __init__(self, words: nn.Embedding, length: int, layers: int = 2) -> None:
        super().__init__()
        width = words.embedding_dim
        self.words = words
        self.places = nn.Parameter(torch.randn(length, width) * 0.02)
        self.layers = nn.ModuleList(DecoderLayer(width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.bias = nn.Parameter(torch.zeros(words.num_embeddings))

    def forward(self, tokens: torch.Tensor, memory: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        values = self.words(tokens) + self.places[: tokens.shape[1]]
        earlier = torch.ones((tokens.shape[1],) * 2, dtype=torch.bool).tril().unsqueeze(0)
        visible = earlier & (tokens != PAD).unsqueeze(1) | torch.eye(tokens.shape[1], dtype=torch.bool)
        for layer in self.layers:
            values = layer(values, visible, memory, present)
        return functional.linear(self.norm(values), self.words.weight, self.bias)
