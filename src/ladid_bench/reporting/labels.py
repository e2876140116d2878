"""Names beside points: each placed near its own point, clear of the other names, points and lines."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

DIRECTIONS = (0, 180, 90, 270, 45, 315, 135, 225, 20, 340, 160, 200)  # degrees, the preferred ones first
REACHES = (8.5, 14.0, 20.0, 28.0, 37.0, 47.0, 58.0, 70.0, 84.0, 100.0)  # points from the point to the name
TURN = 0.4  # points of distance that a direction is worth over the next one
NEAR = 10.0  # points; a name farther away gets a leader
ON_NAME, ON_MARK, OUTSIDE, CROSSED = 40.0, 12.0, 60.0, 25.0  # penalties: a square point of overlap, a leader crossed


@dataclass(frozen=True)
class Box:
    """A rectangle in points."""

    left: float
    bottom: float
    right: float
    top: float

    def overlap(self, other: "Box") -> float:
        """Area that both cover."""
        across = min(self.right, other.right) - max(self.left, other.left)
        up = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(0.0, across) * max(0.0, up)

    def nearest(self, across: float, up: float) -> tuple[float, float]:
        """The place in the rectangle that is nearest to a point."""
        return min(max(across, self.left), self.right), min(max(up, self.bottom), self.top)

    @property
    def middle(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.bottom + self.top) / 2

    @property
    def area(self) -> float:
        return (self.right - self.left) * (self.top - self.bottom)


@dataclass(frozen=True)
class Placed:
    """Where a name stands, and from where to where its leader goes, if it needs one."""

    box: Box
    leader: tuple[tuple[float, float], tuple[float, float]] | None


def place_names(
    points: Sequence[tuple[float, float]], sizes: Sequence[tuple[float, float]], marks: Sequence[Box], frame: Box
) -> list[Placed]:
    """Place the names one after the other, the first ones best.

    Args:
        points: what each name belongs to, in points.
        sizes: width and height of each name.
        marks: what names had better not cover, the points themselves included.
        frame: where names have to be.
    """
    placed: list[Placed] = []
    for point, size in zip(points, sizes, strict=True):
        choices = [
            (_candidate(point, size, reach, direction), reach + TURN * turn)
            for reach in REACHES
            for turn, direction in enumerate(DIRECTIONS)
        ]
        best, _ = min(choices, key=lambda choice: choice[1] + _penalty(choice[0], placed, marks, frame))
        placed.append(best)
    return placed


def _candidate(point: tuple[float, float], size: tuple[float, float], reach: float, direction: float) -> Placed:
    """The name ``reach`` away from its point in one direction."""
    across, up = math.cos(math.radians(direction)), math.sin(math.radians(direction))
    middle = point[0] + across * (reach + size[0] / 2), point[1] + up * (reach + size[1] / 2)
    left, bottom = middle[0] - size[0] / 2, middle[1] - size[1] / 2
    box = Box(left, bottom, left + size[0], bottom + size[1])
    end = box.nearest(*point)
    return Placed(box, (point, end) if math.dist(point, end) > NEAR else None)


def _penalty(choice: Placed, placed: Sequence[Placed], marks: Sequence[Box], frame: Box) -> float:
    """How much a place is in the way, in points of distance: overlap counts most, then crossing leaders."""
    box = choice.box
    worst = ON_NAME * sum(box.overlap(other.box) for other in placed) + ON_MARK * sum(map(box.overlap, marks))
    worst += OUTSIDE * (box.area - box.overlap(frame))
    for other in placed:
        worst += CROSSED * (_crosses(choice, other.box) + _crosses(other, box))
    return worst


def _crosses(name: Placed, box: Box) -> int:
    """Whether a name's leader goes through a rectangle."""
    if name.leader is None:
        return 0
    (left, low), (right, high) = name.leader
    steps = [(index + 0.5) / 12 for index in range(12)]
    path = ((left + share * (right - left), low + share * (high - low)) for share in steps)
    return int(any(box.nearest(*spot) == spot for spot in path))
