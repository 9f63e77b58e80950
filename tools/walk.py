"""Make docs/walk.gif, the picture in the README, of what a browser test saw on its way.

First: BRIDGED_CHROMIUM=$(tools/chromium) pytest tests/browser/test_walk.py
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

ROOT = Path(__file__).parents[1]
SHOTS = ROOT / "build" / "screenshots"
OUT = ROOT / "docs" / "walk.gif"
WIDTH = 760
COLOURS = 64
STAY_MS = 2600
LAST_MS = 5000
BAR = 30
"""Height of the bar that tells a window from the page below it (pixels)."""


def framed(window: Image.Image) -> Image.Image:
    """Return a window with a bar on top, as a desktop shows it."""
    frame = Image.new("RGB", (window.width + 2, window.height + BAR + 1), "#4a4d52")
    frame.paste(window, (1, BAR))
    draw = ImageDraw.Draw(frame)
    draw.text((14, 8), "http://127.0.0.1  -  bridged", fill="#f1f1f4", font_size=13)
    right = frame.width - 14
    draw.line((right - 10, 10, right, 20), fill="#f1f1f4", width=2)
    draw.line((right - 10, 20, right, 10), fill="#f1f1f4", width=2)
    return frame


def above(page: Image.Image, window: Image.Image) -> Image.Image:
    """Return a window above the page that it was opened by, which steps back."""
    shown = Image.blend(page, Image.new("RGB", page.size, "#1a1a1c"), 0.35)
    frame = framed(window)
    left, top = (page.width - frame.width) // 2, (page.height - frame.height) // 2
    shadow = Image.new("L", page.size, 0)
    ImageDraw.Draw(shadow).rectangle(
        (left, top + 8, left + frame.width, top + frame.height + 8), fill=150
    )
    blurred = shadow.filter(ImageFilter.GaussianBlur(16))
    shown.paste(Image.new("RGB", page.size, "black"), mask=blurred)
    shown.paste(frame, (left, top))
    return shown


def frames() -> list[Image.Image]:
    """Return what was seen, in order, small enough for a README."""
    shown: list[Image.Image] = []
    page: Image.Image | None = None
    for file in sorted(SHOTS.glob("walk-*.png")):
        picture = Image.open(file).convert("RGB")
        if file.stem.endswith("window"):
            assert page is not None, "a window is opened by a page"
            picture = above(page, picture)
        else:
            page = picture
        height = round(picture.height * WIDTH / picture.width)
        shown.append(picture.resize((WIDTH, height), Image.Resampling.LANCZOS))
    return shown


def main() -> None:
    """Write the picture, and say how large it is."""
    small = [
        each.quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        for each in frames()
    ]
    stays = [STAY_MS] * (len(small) - 1) + [LAST_MS]
    small[0].save(
        OUT, save_all=True, append_images=small[1:], duration=stays, loop=0, optimize=True
    )
    print(f"{OUT.relative_to(ROOT)}: {len(small)} pictures, {OUT.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
