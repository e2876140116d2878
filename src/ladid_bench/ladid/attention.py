"""Transformers over the tokens of the context frames.

Post-norm layers, single head, square projections without bias, as in the released code of LaDID and
MSVI (Iakovlev et al. 2023). Every temporal layer adds relative positional encodings to the values;
the first one attends by time alone.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

EDGE_WEIGHT = 1e-2  # weight at the edge of the temporal window, relative to its centre
NEIGHBOURS = 1  # frames on each side that ``tdp_b`` may attend to
FREQUENCIES = 16  # learned frequencies of the time features of ``time`` and ``sum``

ALL = slice(None)  # frames

AttentionKind = Literal["dp", "t", "tdp", "tdp_b", "time", "sum", "xmix"]
EncodingKind = Literal["learned", "interpolated"]


class RelativeEncoding(nn.Module):
    """Compute relative positional encodings ``r_ij = w hardtanh((t_j - t_i) / window)`` with one vector ``w``.

    ``learned`` trains ``w`` (``rpeNN`` in the released code); ``interpolated`` draws it once, with
    entries uniform in (-1, 1) scaled to a maximum of 1 (``rpeInterp``).
    """

    def __init__(self, width: int, window: float, kind: EncodingKind):
        super().__init__()
        self.window = window
        self.direction = nn.Linear(1, width, bias=False)
        if kind == "interpolated":
            drawn = torch.empty(width, 1).uniform_(-1, 1)
            self.direction.weight.data = -drawn / drawn.abs().max()
            self.direction.weight.requires_grad_(False)

    def multiples(self, gaps: Tensor) -> Tensor:
        """Compute the multiple of ``w`` that encodes each of the gaps in time, ``(N, C, C)`` both."""
        return nn.functional.hardtanh(gaps / self.window)

    def forward(self, attention: Tensor, multiples: Tensor) -> Tensor:
        """Compute ``sum_j A_ij r_ij`` from attention and ``multiples``, ``(N, Q, C)`` each, to ``(N, Q, width)``.

        The encodings of all pairs are multiples of one vector, so they are summed before they are expanded.
        """
        return self.direction((attention * multiples).sum(dim=-1, keepdim=True))  # (N, Q, 1) -> (N, Q, width)


class TemporalBias(nn.Module):
    """Compute log-weights ``ln(eps) (|t_j - t_i| / window)^p``: a Gaussian for p = 2, a box for large p."""

    def __init__(self, window: float, exponent: float):
        super().__init__()
        self.window, self.exponent = window, exponent

    def forward(self, gaps: Tensor) -> Tensor:
        """Compute log-weights of gaps in time, ``(N, C, C)`` both; 0 at the centre."""
        relative = (gaps.abs() / self.window).double()  # large exponents overflow single precision
        return (math.log(EDGE_WEIGHT) * relative.pow(self.exponent)).float()


@dataclass(frozen=True)
class TimeGrid:
    """Hold what attention may know of time.

    Attributes:
        times: ``(N, C)``.
        multiples: of the relative encoding from each frame to each, ``(N, C, C)``.
        bias: temporal log-weights, ``(N, C, C)``.
    """

    times: Tensor
    multiples: Tensor
    bias: Tensor

    def of(self, frames: slice | Tensor) -> "TimeGrid":
        """Keep what concerns the attention of some ``frames`` to all, ``(N, Q, C)``."""
        return TimeGrid(self.times, self.multiples[:, frames], self.bias[:, frames])


class ContentScores(nn.Module):
    """Compute the scaled dot product of what the tokens hold."""

    def __init__(self, width: int):
        super().__init__()
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)

    def forward(self, tokens: Tensor, frames: slice | Tensor = ALL) -> Tensor:
        """Compute scores ``(..., Q, C)`` of some ``frames`` to all of tokens ``(..., C, width)``."""
        return self.query(tokens[..., frames, :]) @ self.key(tokens).mT / math.sqrt(tokens.shape[-1])


class TimeScores(nn.Module):
    """Compute the scaled dot product of learned Fourier features of the tokens' times."""

    def __init__(self, window: float):
        super().__init__()
        self.frequency = nn.Linear(1, FREQUENCIES, bias=False)
        self.scores = ContentScores(2 * FREQUENCIES)
        self.window = window

    def forward(self, times: Tensor, frames: slice | Tensor = ALL) -> Tensor:
        """Compute scores ``(N, Q, C)`` of some ``frames`` to all of times ``(N, C)``."""
        phase = 2 * math.pi * self.frequency(times[..., None] / self.window)  # (N, C, frequency)
        return self.scores(torch.cat([phase.sin(), phase.cos()], dim=-1), frames)


class TemporalAttention(nn.Module):
    """Attend over the frames of a context.

    ============  ==========================================================================
    ``t``         softmax of the temporal log-weights, whatever the tokens hold
    ``dp``        softmax of the dot product of the tokens (the released code's default)
    ``tdp``       softmax of the sum of both
    ``tdp_b``     the same among nearest neighbours only
    ``time``      softmax of the dot product of time features (``stdp`` in the released code)
    ``sum``       mean of ``dp`` and ``time`` (``stdp2``, whose rows sum to 2)
    ============  ==========================================================================
    """

    def __init__(self, width: int, kind: AttentionKind, window: float):
        super().__init__()
        self.kind = kind
        if kind not in ("t", "time"):
            self.content = ContentScores(width)
        if kind in ("time", "sum"):
            self.time = TimeScores(window)
        self.value = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def weights(self, tokens: Tensor, grid: TimeGrid, frames: slice | Tensor = ALL) -> Tensor:
        """Compute the attention of some ``frames`` to all, ``(N, Q, C)``; rows sum to 1."""
        grid = grid.of(frames)
        if self.kind == "t":
            return grid.bias.softmax(dim=-1)
        if self.kind == "time":
            return self.time(grid.times, frames).softmax(dim=-1)
        content = self.content(tokens, frames)
        if self.kind == "sum":
            return (content.softmax(dim=-1) + self.time(grid.times, frames).softmax(dim=-1)) / 2
        if self.kind in ("tdp", "tdp_b"):
            content = content + grid.bias
        if self.kind == "tdp_b":
            index = torch.arange(tokens.shape[1], device=tokens.device)
            far = (index[frames, None] - index).abs() > NEIGHBOURS  # (Q, C)
            content = content.masked_fill(far, -math.inf)
        return content.softmax(dim=-1)

    def forward(
        self, tokens: Tensor, grid: TimeGrid, encoding: RelativeEncoding, frames: slice | Tensor = ALL
    ) -> Tensor:
        """Attend over tokens ``(N, C, width)``: what some ``frames`` read, ``(N, Q, width)``."""
        attention = self.weights(tokens, grid, frames)
        return self.out(attention @ self.value(tokens) + encoding(attention, grid.of(frames).multiples))


class MixingAttention(nn.Module):
    """Attend over the places of a frame with values from its neighbours (space-time mixing, Bulat et al. 2021).

    Queries come from the frame; of each key and value a quarter of the channels is taken from the
    frame before, a quarter from the frame after. Frames at the ends stand in for missing neighbours.
    """

    def __init__(self, width: int):
        super().__init__()
        self.quarter = width // 4
        self.query, self.key, self.value, self.out = (nn.Linear(width, width, bias=False) for _ in range(4))

    def _mixed(self, tokens: Tensor) -> Tensor:
        before = torch.cat([tokens[:, :1], tokens[:, :-1]], dim=1)[..., : self.quarter]
        after = torch.cat([tokens[:, 1:], tokens[:, -1:]], dim=1)[..., -self.quarter :]
        return torch.cat([before, tokens[..., self.quarter : -self.quarter], after], dim=-1)

    def weights(self, tokens: Tensor) -> Tensor:
        """Compute the attention of each place to each within a frame, ``(N, C, S, S)``; rows sum to 1."""
        scores = self.query(tokens) @ self._mixed(self.key(tokens)).mT / math.sqrt(tokens.shape[-1])
        return scores.softmax(dim=-1)

    def forward(self, tokens: Tensor) -> Tensor:
        """Attend over tokens ``(N, C, S, width)``; the result has their shape."""
        return self.out(self.weights(tokens) @ self._mixed(self.value(tokens)))


class TransformerLayer(nn.Module):
    """Apply attention and a feed-forward network, each followed by a residual layer norm (post-norm)."""

    def __init__(self, width: int, attention: nn.Module):
        super().__init__()
        self.attention = attention
        self.norm_attention = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        self.norm_feed_forward = nn.LayerNorm(width)

    def forward(self, tokens: Tensor, *about: object, frames: slice | Tensor = ALL) -> Tensor:
        """Transform some ``frames`` of tokens ``(N, C, ..., width)``.

        Args:
            tokens: ``(N, C, ..., width)``.
            about: further arguments of the attention.
            frames: that are wanted; if not all of them, the attention takes them as its last argument.
        """
        read = self.attention(tokens, *about) if frames is ALL else self.attention(tokens, *about, frames)
        tokens = self.norm_attention(tokens[:, frames] + read)
        return self.norm_feed_forward(tokens + self.feed_forward(tokens))


class TemporalTransformer(nn.Module):
    """Stack layers of attention over the frames of a context; the first by time alone, the others of the chosen kind.

    Args:
        width: length of a token.
        layers: number of layers; with none the tokens stay as they are.
        kind: any but ``xmix``.
        window: half width of the temporal window, in units of time.
        exponent: shape of the temporal window.
        encoding: kind of the relative positional encoding that all layers share.
    """

    def __init__(
        self, width: int, layers: int, kind: AttentionKind, window: float, exponent: float, encoding: EncodingKind
    ):
        super().__init__()
        if layers:
            self.encoding = RelativeEncoding(width, window, encoding)
        self.bias = TemporalBias(window, exponent)
        kinds: list[AttentionKind] = ["t", *[kind] * layers][:layers]
        self.layers = nn.ModuleList(TransformerLayer(width, TemporalAttention(width, one, window)) for one in kinds)

    def grid(self, times: Tensor) -> TimeGrid:
        """Compute gaps and temporal log-weights of times ``(N, C)``."""
        gaps = times[:, None, :] - times[:, :, None]  # (N, C, C), positive where the key is later
        return TimeGrid(times, self.encoding.multiples(gaps), self.bias(gaps))

    def forward(self, tokens: Tensor, times: Tensor, frames: slice | Tensor = ALL) -> Tensor:
        """Transform tokens ``(N, C, width)`` at times ``(N, C)``; only those of ``frames`` leave the last layer."""
        if not self.layers:
            return tokens[:, frames]
        grid = self.grid(times)
        for layer in self.layers[:-1]:
            tokens = layer(tokens, grid, self.encoding)
        return self.layers[-1](tokens, grid, self.encoding, frames=frames)


class MixingTransformer(nn.Module):
    """Stack layers of space-time mixing attention over the places of the feature maps; then average over places."""

    def __init__(self, width: int, layers: int):
        super().__init__()
        self.layers = nn.ModuleList(TransformerLayer(width, MixingAttention(width)) for _ in range(layers))

    def forward(self, tokens: Tensor, times: Tensor) -> Tensor:
        """Transform tokens ``(N, C, S, width)`` to ``(N, C, width)``; frames mix in order, whatever their ``times``."""
        for layer in self.layers:
            tokens = layer(tokens)
        return tokens.mean(dim=2)
