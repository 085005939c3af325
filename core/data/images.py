"""One image file as a picture: at its depth, upright and on white, or refused in a sentence."""

from io import BytesIO
from pathlib import Path
from warnings import catch_warnings

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError
from PIL import TiffImagePlugin as Tiff

from core.data.samples import FORMATS, Samples, samples_of, why_unknown
from core.errors import UsageError

DEEP = frozenset({"I", "F", "I;16", "I;16B", "I;16L", "I;16N"})  # modes of greys of more than 8 bits
ALPHA = frozenset({1, 2, 999})  # what extra channels of a TIFF are: before and after multiplication, Corel's
UPRIGHT = {  # by EXIF orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_image(file: Path, content: bytes) -> Image.Image:
    """The picture in the content of a file: RGB where it has at most 8 bits a channel, else grey in floats.

    Black is 0 and white 255 in both. Raises UsageError for a damaged file and for all that can't be read as it is.
    """
    try:
        # Not by its name: of an uncompressed TIFF that lies on its side Pillow would map the file in a wrong shape.
        with catch_warnings(action="ignore"), Image.open(BytesIO(content), formats=FORMATS) as image:
            _check_count(image, file)
            samples = samples_of(image)
            _check_samples(samples, file)
            image.load()
            turn = _turn(image)
            read = _grey(image, samples, file) if image.mode in DEEP else _colour(image, samples, file)
            return read if turn is None else read.transpose(turn)
    except (UsageError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - damaged files make Pillow raise errors of every kind
        reason = why_unknown(content) if isinstance(error, UnidentifiedImageError) else str(error)
        said = " ".join(reason.split())[:200] or type(error).__name__  # an error may quote a file's bytes
        raise UsageError(f"{file} can't be read as an image ({said}): repair, convert or remove it.") from None


def _check_count(image: Image.Image, file: Path) -> None:
    """Refuse several pages or frames; the further pictures of a phone's MPO belong to the first, a photograph."""
    count = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if count > 1:
        raise UsageError(
            f"{file} holds {count} pages or frames, and an image must be a single one: save that one by itself."
        )


def _check_samples(samples: Samples, file: Path) -> None:
    if samples.numbers == 2 or (samples.numbers == 1 and samples.bits > 16):
        raise UsageError(
            f"{file} has {samples}, whose black and white are not known: save it as 8-bit or 16-bit integers without "
            "a sign, or as 32-bit floats from 0 to 1."
        )


def _turn(image: Image.Image) -> Image.Transpose | None:
    """The turn that makes a picture upright, from EXIF or XMP; a TIFF has been turned already."""
    try:
        return UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - of every kind, again: viewers show a picture with damaged EXIF as it lies
        return None


def _grey(image: Image.Image, samples: Samples, file: Path) -> Image.Image:
    """Greys of more than 8 bits, on the scale of those of 8, in float32: value / white * 255."""
    if "transparency" in image.info:
        raise UsageError(f"{file} has {samples}, one of which is transparent: save it without transparency.")
    values = np.asarray(image, np.float64)
    if samples.numbers == 3:
        _check_floats(values, samples, file)
    if samples.inverted:
        values = samples.white - values
    return Image.fromarray((values * 255 / samples.white).astype(np.float32))


def _check_floats(values: np.ndarray, samples: Samples, file: Path) -> None:
    if odd := int(np.isnan(values).sum()):
        raise UsageError(f"{file} has {samples}, and {odd} of {values.size} are not a number: repair or remove it.")
    low, high = values.min(), values.max()
    if low < 0 or high > 1:
        raise UsageError(f"{file} has {samples} from {low:g} to {high:g}: scale them so that 0 is black and 1 white.")


def _colour(image: Image.Image, samples: Samples, file: Path) -> Image.Image:
    """RGB of 8 bits, on white where it is transparent."""
    if samples.bits > 8:
        raise UsageError(
            f"{file} has {samples} in several channels, and more than 8 bits are read in grey only: save it with 8 "
            "bits a channel, or in grey."
        )
    if isinstance(image, Tiff.TiffImageFile) and set(image.tag_v2.get(Tiff.EXTRASAMPLES, ())) - ALPHA:
        raise UsageError(f"{file} has an extra channel that is not alpha: save it without that channel.")
    if image.has_transparency_data:
        return _on_white(image, samples, file)
    return image.convert("RGB")


def _on_white(image: Image.Image, samples: Samples, file: Path) -> Image.Image:
    key = image.info.get("transparency")
    if samples.bits < 8 and image.mode == "L" and isinstance(key, int) and key <= samples.white:
        image.info["transparency"] = round(key * 255 / samples.white)  # Pillow has scaled the pixels, but not this
    straight = image.convert("LA") if image.mode == "La" else image
    drawn = straight.convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn).convert("RGB")
    if _is_flat(flat) and not _is_flat(drawn):
        raise UsageError(
            f"{file} comes out blank on the white background that transparent images get, since all of it is white or "
            "transparent: give it a background of another colour, or remove it."
        )
    return flat


def _is_flat(image: Image.Image) -> bool:
    return all(low == high for low, high in image.getextrema())  # type: ignore[misc]
