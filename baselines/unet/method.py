"""U-Net with ConvNeXt blocks, as The Well compares it: the last frames to the next one, applied again and again."""

from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.nn import functional

from ladid_bench.data.task import Task
from ladid_bench.data.windows import WindowBatch
from ladid_bench.methods.frame_steps import FrameStepper, FrameStepperMethod
from ladid_bench.methods.neural import ForecastModel

KERNEL, WIDER = 7, 4  # side of the depthwise convolution, width of the perceptron over that of the features
SCALE = 0.1  # of what a block adds, at first


class ChannelNorm(nn.LayerNorm):
    """Normalize the channels of each pixel of feature maps ``(N, channel, height, width)``."""

    def forward(self, maps: Tensor) -> Tensor:
        """Normalize, and keep the shape."""
        return super().forward(maps.movedim(1, -1)).movedim(-1, 1)


class ConvNeXtBlock(nn.Module):
    """Add a depthwise convolution followed by a perceptron on each pixel, scaled channel by channel."""

    def __init__(self, features: int):
        super().__init__()
        self.change = nn.Sequential(
            nn.Conv2d(features, features, KERNEL, padding=KERNEL // 2, groups=features),
            ChannelNorm(features),
            nn.Conv2d(features, WIDER * features, 1),
            nn.GELU(),
            nn.Conv2d(WIDER * features, features, 1),
        )
        self.scale = nn.Parameter(torch.full((features, 1, 1), SCALE))

    def forward(self, maps: Tensor) -> Tensor:
        """Map feature maps ``(N, feature, height, width)`` to ones of the same shape."""
        return maps + self.scale * self.change(maps)


def blocks(features: int, count: int) -> nn.Sequential:
    """Build a stage of ``count`` blocks."""
    return nn.Sequential(*(ConvNeXtBlock(features) for _ in range(count)))


class Down(nn.Module):
    """Refine feature maps, and give them at half the side with twice the features beside them as they are."""

    def __init__(self, features: int, count: int):
        super().__init__()
        self.refine = blocks(features, count)
        self.halve = nn.Sequential(ChannelNorm(features), nn.Conv2d(features, 2 * features, 2, stride=2))

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``(N, feature, height, width)`` to the refined maps and ``(N, 2 feature, height / 2, width / 2)``."""
        refined = self.refine(maps)
        return refined, self.halve(refined)


class Up(nn.Module):
    """Double the side of feature maps, join those that skipped, and refine them."""

    def __init__(self, features: int, count: int):
        super().__init__()
        self.enlarge = nn.Sequential(ChannelNorm(2 * features), nn.ConvTranspose2d(2 * features, features, 2, stride=2))
        self.join = nn.Conv2d(2 * features, features, 1)
        self.refine = blocks(features, count)

    def forward(self, maps: Tensor, skipped: Tensor) -> Tensor:
        """Map ``(N, 2 feature, height / 2, width / 2)`` and ``(N, feature, height, width)`` to the latter's shape."""
        return self.refine(self.join(torch.cat([self.enlarge(maps), skipped], dim=1)))


class UNet(FrameStepper):
    """Compute what the next frame adds to the last one from as many frames as the context has."""

    def __init__(self, task: Task, settings: SimpleNamespace):
        super().__init__(task, settings)
        features = [settings.features * 2**level for level in range(settings.halvings)]
        self.entry = nn.Conv2d(task.context_frames * task.shape[0], features[0], 3, padding=1)
        self.down = nn.ModuleList(Down(each, settings.blocks) for each in features)
        self.neck = blocks(2 * features[-1], settings.blocks)
        self.up = nn.ModuleList(Up(each, settings.blocks) for each in reversed(features))
        self.exit = nn.Conv2d(features[0], task.shape[0], 3, padding=1)
        nn.init.zeros_(self.exit.weight)  # to begin as persistence
        nn.init.zeros_(self.exit.bias)

    def next_frame(self, recent: Tensor) -> Tensor:
        height, width = recent.shape[-2:]
        stacked = recent.flatten(1, 2)  # (N, C, channel, height, width) -> (N, C * channel, height, width)
        multiple = 2 ** len(self.down)
        maps, skipped = self.entry(functional.pad(stacked, (0, -width % multiple, 0, -height % multiple))), []
        for down in self.down:
            refined, maps = down(maps)
            skipped.append(refined)
        maps = self.neck(maps)
        for up, refined in zip(self.up, reversed(skipped), strict=True):
            maps = up(maps, refined)
        return recent[:, -1] + self.exit(maps)[..., :height, :width]

    def loss(self, batch: WindowBatch) -> dict[str, Tensor]:
        """Compute the negative log-likelihood per value of the frames of a short roll-out."""
        frames, exists = self.passages(batch)
        length = batch.context.shape[1]
        context, target = frames[:, :length], frames[:, length:].clamp(0, 1)
        # (n, step, channel, height, width) -> (n, step)
        squared = (self.roll_out(context, target.shape[1]) - target).square().mean(dim=(2, 3, 4))
        return {"reconstruction": (squared * exists).sum() / exists.sum() / (2 * self.settings.observation_std**2)}


class UNetMethod(FrameStepperMethod):
    """Train a ``UNet`` with the settings of the card."""

    def build_model(self) -> ForecastModel:
        return UNet(self.task, self.settings)


METHOD = UNetMethod
