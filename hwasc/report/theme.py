"""Colours of plots and pages: plots are drawn in the light theme's colours, which on a page follow the reader's theme."""

from __future__ import annotations

INK, MUTED, GRID, CARD = "#1c2733", "#5c6b7a", "#d9dfe5", "#ffffff"
DARK = {"ink": "#e6ebf0", "muted": "#9aa8b5", "grid": "#36424e", "card": "#1a222b"}
LIGHT = {"ink": INK, "muted": MUTED, "grid": GRID, "card": CARD}

# After Okabe and Ito: distinct under the common colour vision deficiencies, legible on white and on black.
BLUE, ORANGE, GREEN, PINK, SKY, RED = "#2f7fc1", "#d98e04", "#0a9b73", "#c471a0", "#56a9d8", "#d1571b"
BLOCKS = (BLUE, ORANGE, GREEN, PINK, SKY)
WHITE, BLACK = "#fefefe", "#10161d"  # text on a colour, the same in either theme
NEUTRAL = "#8e9aa6"  # stem, head and what is not highlighted
ACCENT = RED  # what to look at first: the peak, the best, a limit exceeded


def on(colour: str) -> str:
    """The text colour that is legible on a colour: white or near black."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return WHITE if 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2 < 0.26 else BLACK


def themed(svg: str) -> str:
    """An inline picture whose colours follow the page's CSS variables; without a page it has the light theme's colours."""
    for name, colour in LIGHT.items():
        svg = svg.replace(colour, f"var(--{name}, {colour})")
    return svg
