"""Colours. Ours are of the Okabe-Ito palette, whose hues differ for every kind of colour blindness."""

from textual.theme import Theme

BLUE, SKY, GREEN, ORANGE, VERMILION = "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00"

DARK = Theme(
    name="thalweg",
    primary=SKY,
    secondary=BLUE,
    accent=ORANGE,
    success="#2BC295",  # the palette's green, light enough on black
    warning=ORANGE,
    error="#F07F2E",  # its vermilion, likewise
    foreground="#D8DEE4",
    background="#11161B",
    surface="#182028",
    panel="#222D37",
    variables={"block-cursor-blurred-background": "#2A3A47", "footer-key-foreground": SKY},
)
LIGHT = Theme(
    name="thalweg-light",
    primary=BLUE,
    secondary=SKY,
    accent=VERMILION,
    success="#00735A",
    warning="#8F6400",
    error="#B24A00",
    foreground="#1B2126",
    background="#FBFBF8",
    surface="#F0F1EE",
    panel="#E2E6E5",
    dark=False,
)
