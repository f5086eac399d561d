"""Figures of several rounds as one row, and rows as a Markdown table."""

from dataclasses import dataclass
from statistics import median


@dataclass
class Row:
    """What was measured, against what, and whether that is enough. A figure each round; the smaller, the better."""

    what: str
    against: str
    figures: list
    needed: float | None = None
    aim: float | None = None
    unit: str = ""
    more_is_better: bool = False

    @property
    def figure(self):
        """The median of the rounds."""
        return median(self.figures)

    def reaches(self, limit):
        """Whether the median is as good as this; None where there is nothing to reach."""
        if limit is None:
            return None
        return self.figure >= limit if self.more_is_better else self.figure <= limit

    def cells(self):
        """The columns of the table, as texts."""
        sign = "≥" if self.more_is_better else "≤"
        limit = lambda value: "–" if value is None else f"{sign} {number(value)}{self.unit}"  # noqa: E731
        spread = f"{number(min(self.figures))} … {number(max(self.figures))}"
        verdict = {None: "", True: "reached", False: "missed"}[self.reaches(self.needed)]
        if self.reaches(self.aim):
            verdict = "aim reached"
        figure = f"**{number(self.figure)}{self.unit}**"
        return [self.what, self.against, figure, spread, limit(self.needed), limit(self.aim), verdict]


def number(value):
    """With as many digits as say something."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"


HEADS = ["what", "measured against", "median", "rounds", "needed", "aim", ""]


def markdown(rows):
    """The whole table."""
    return markdown_rows(HEADS, [row.cells() for row in rows])


def markdown_rows(heads, rows):
    """A table of texts."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
