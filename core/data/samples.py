"""The samples that an image file holds, which Pillow's mode alone doesn't say.

Pillow opens a file in the nearest of its modes, cutting colours of 16 bits to 8, and leaves it to others to know which
grey is white.
"""

from dataclasses import dataclass
from io import BytesIO

from PIL import Image
from PIL import TiffImagePlugin as Tiff
from PIL.ImageFile import ImageFile

FORMATS = ("JPEG", "PNG", "BMP", "PPM", "TIFF", "WEBP", "GIF")  # whatever the name of a file says
NUMBERS = {1: "integers", 2: "signed integers", 3: "floats"}  # SampleFormat of TIFF


@dataclass(frozen=True)
class Samples:
    """The form of one channel of one pixel in a file; `numbers` is a key of NUMBERS."""

    bits: int
    numbers: int = 1
    white: float = 255.0
    inverted: bool = False  # 0 is white

    def __str__(self) -> str:
        return f"{self.bits}-bit {NUMBERS.get(self.numbers, 'numbers')}"


def samples_of(image: ImageFile) -> Samples:
    """What the samples of an image are that was opened and not yet loaded."""
    if isinstance(image, Tiff.TiffImageFile):
        return _samples_of_tiff(image.tag_v2)
    if image.format == "PNG":
        kind, _, depth = str(image.tile[0][3]).partition(";")  # of what Pillow unpacks: "L;4", "RGB;16B", "1"
        bits = int(depth.rstrip("B") or (1 if kind == "1" else 8))
        return Samples(bits, white=2.0**bits - 1)
    if image.format == "PPM":
        return _samples_of_ppm(image)
    return Samples(8)


def _samples_of_ppm(image: ImageFile) -> Samples:
    if image.mode == "F":
        return Samples(32, numbers=3, white=1.0)
    if image.mode == "I":
        return Samples(16, white=65535.0)  # Pillow scales to that whatever white is in the file
    given = image.tile[0][3]
    white = given[1] if isinstance(given, tuple) else 255
    return Samples(max(8, int(white).bit_length()))


def _samples_of_tiff(tags: Tiff.ImageFileDirectory_v2) -> Samples:
    bits, numbers = max(tags.get(Tiff.BITSPERSAMPLE, (1,))), max(tags.get(Tiff.SAMPLEFORMAT, (1,)))
    white = 1.0 if numbers == 3 else 2.0**bits - 1
    return Samples(bits, numbers, white, inverted=tags.get(Tiff.PHOTOMETRIC_INTERPRETATION, 0) == 0)


def why_unknown(content: bytes) -> str:
    """Why Pillow could not open a file: what the reader of its format says, which `Image.open` keeps to itself."""
    if content[:4] in Tiff.PREFIXES:
        return _why_unknown_tiff(content)
    for name in FORMATS:
        opener, accept = Image.OPEN[name]
        if accept is not None and accept(content[:16]) is True:
            try:
                opener(BytesIO(content), "")
            except Exception as error:  # noqa: BLE001 - the reason that is looked for
                return str(error)
    return "it is not a JPEG, PNG, BMP, PPM, TIFF, WebP or GIF"


def _why_unknown_tiff(content: bytes) -> str:
    try:
        tags = Tiff.ImageFileDirectory_v2(content[: 16 if content[2] == 43 or content[3] == 43 else 8])
        with BytesIO(content) as stream:
            stream.seek(tags.next)
            tags.load(stream)
            samples, channels = _samples_of_tiff(tags), tags.get(Tiff.SAMPLESPERPIXEL, 1)
    except Exception:  # noqa: BLE001 - damaged
        return "a damaged TIFF"
    return f"this kind of TIFF is not known: {channels} x {samples} a pixel"
