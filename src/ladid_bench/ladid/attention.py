"""Temporal-attention transformer over the tokens of the context frames.

Post-norm layers, single head, square projections without bias, as in the released code of LaDID and
MSVI (Iakovlev et al. 2023). Every layer adds relative positional encodings to the values; the first
layer attends by time alone.
"""

import math

from torch import Tensor, nn

EDGE_WEIGHT = 1e-2  # weight at the edge of the temporal window, relative to its centre


class RelativeEncoding(nn.Module):
    """``r_ij = w hardtanh((t_j - t_i) / window)`` with one learned vector ``w`` (``rpeNN`` in the released code)."""

    def __init__(self, width: int, window: float):
        super().__init__()
        self.direction = nn.Linear(1, width, bias=False)
        self.window = window

    def forward(self, attention: Tensor, gaps: Tensor) -> Tensor:
        """``sum_j A_ij r_ij`` from attention and gaps, ``(N, C, C)`` each, to ``(N, C, width)``.

        The encodings of all pairs are multiples of one vector, so they are summed before they are expanded.
        """
        position = (attention * nn.functional.hardtanh(gaps / self.window)).sum(dim=-1, keepdim=True)  # (N, C, 1)
        return self.direction(position)


class TemporalBias(nn.Module):
    """Log-weights ``ln(eps) (|t_j - t_i| / window)^p``: a Gaussian for p = 2, a box for large p."""

    def __init__(self, window: float, exponent: float):
        super().__init__()
        self.window, self.exponent = window, exponent

    def forward(self, gaps: Tensor) -> Tensor:
        """``(N, C, C)`` gaps in time to log-weights of the same shape; 0 at the centre."""
        relative = (gaps.abs() / self.window).double()  # large exponents overflow single precision
        return (math.log(EDGE_WEIGHT) * relative.pow(self.exponent)).float()


class TemporalAttention(nn.Module):
    """Scores from time alone (``t``), from content alone (``dp``), or from both (``tdp``)."""

    def __init__(self, width: int, kind: str):
        super().__init__()
        self.scale = width**-0.5
        self.by_content, self.by_time = kind in ("dp", "tdp"), kind in ("t", "tdp")
        if self.by_content:
            self.query = nn.Linear(width, width, bias=False)
            self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def scores(self, tokens: Tensor, bias: Tensor) -> Tensor:
        """``(N, C, width)`` tokens and ``(N, C, C)`` temporal log-weights to ``(N, C, C)`` scores."""
        if not self.by_content:
            return bias
        content = self.query(tokens) @ self.key(tokens).transpose(1, 2) * self.scale
        return content + bias if self.by_time else content

    def forward(self, tokens: Tensor, gaps: Tensor, bias: Tensor, encoding: RelativeEncoding) -> Tensor:
        """``(N, C, width)`` to the same shape."""
        attention = self.scores(tokens, bias).softmax(dim=-1)
        return self.out(attention @ self.value(tokens) + encoding(attention, gaps))


class TransformerLayer(nn.Module):
    """Attention and feed-forward, each followed by a residual layer norm (post-norm)."""

    def __init__(self, width: int, kind: str):
        super().__init__()
        self.attention = TemporalAttention(width, kind)
        self.norm_attention = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        self.norm_feed_forward = nn.LayerNorm(width)

    def forward(self, tokens: Tensor, gaps: Tensor, bias: Tensor, encoding: RelativeEncoding) -> Tensor:
        """``(N, C, width)`` to the same shape."""
        tokens = self.norm_attention(tokens + self.attention(tokens, gaps, bias, encoding))
        return self.norm_feed_forward(tokens + self.feed_forward(tokens))


class TemporalTransformer(nn.Module):
    """Layers of attention over the context; the first by time alone, the others of the chosen kind.

    Args:
        width: length of a token.
        layers: number of layers.
        kind: ``dp``, ``t`` or ``tdp``.
        window: half width of the temporal window, in units of time.
        exponent: shape of the temporal window.
    """

    def __init__(self, width: int, layers: int, kind: str, window: float, exponent: float):
        super().__init__()
        self.encoding = RelativeEncoding(width, window)
        self.bias = TemporalBias(window, exponent)
        kinds = ["t"] + [kind] * (layers - 1)
        self.layers = nn.ModuleList(TransformerLayer(width, layer_kind) for layer_kind in kinds)

    def forward(self, tokens: Tensor, times: Tensor) -> Tensor:
        """``(N, C, width)`` tokens and ``(N, C)`` times to ``(N, C, width)``."""
        gaps = times[:, None, :] - times[:, :, None]  # (N, C, C), positive where the key is later
        bias = self.bias(gaps)
        for layer in self.layers:
            tokens = layer(tokens, gaps, bias, self.encoding)
        return tokens


def temporal_window_weights(times: Tensor, window: float, exponent: float) -> Tensor:
    """Attention of the purely temporal layer for one grid of times, ``(C,)`` to ``(C, C)``."""
    return TemporalBias(window, exponent)(times[None, None, :] - times[None, :, None])[0].softmax(dim=-1)
