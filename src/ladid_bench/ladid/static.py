"""The static path of the released code: from the context straight to the decoder, past psi and F."""

from typing import Literal

from torch import Tensor, nn

from ladid_bench.core.errors import BenchError
from ladid_bench.data.task import Task
from ladid_bench.methods.coders import BLOCKS, ConvolutionalFeatures

StaticKind = Literal["diff", "mean"]


class StaticPath(nn.Module):
    """Compute a feature map of the context that the decoder adds to its first one.

    ``diff`` encodes the mean difference to the first frame, as the released code does: motion, despite
    its name. ``mean`` encodes the mean frame, a true background. Either bypasses psi, so that psi no
    longer has to carry all that makes a realization.
    """

    def __init__(self, task: Task, base_channels: int, kind: StaticKind):
        super().__init__()
        if not task.is_image:
            raise BenchError(f"data set '{task.dataset}': the static path needs images; set 'static' to 'off'")
        channels = BLOCKS * base_channels
        self.features = ConvolutionalFeatures(task.shape[0], base_channels)
        self.out = nn.Conv2d(channels, channels, 3, padding=1)
        self.kind = kind

    def forward(self, context: Tensor) -> Tensor:
        """Map normalized frames ``(N, C, channel, height, width)`` to ``(N, 8c, height/16, width/16)``."""
        if self.kind == "diff":
            return self.out(self.features((context[:, 1:] - context[:, :1]).mean(dim=1)))
        return self.out(self.features(context.mean(dim=1)))
