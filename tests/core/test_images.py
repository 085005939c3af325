"""Images as they are read: at their depth, upright, on white; or refused with the reason."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_array_equal
from pictures import Array, pgm, png, saved, tiff, turned
from PIL import Image, ImageCms

from core.data.images import read_image
from core.errors import UsageError

GREY = np.random.default_rng(0).integers(0, 256, (5, 8)).astype(np.uint8)
RGB = np.random.default_rng(1).integers(0, 256, (5, 8, 3)).astype(np.uint8)
GREY[0, :2] = 0, 255
DEEP, SHALLOW = GREY.astype(np.uint16) * 257, GREY / np.float32(255)
FILE = Path("/data/train/a/x.png")
UPRIGHT = {  # what a viewer shows, by orientation
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.T,
    6: lambda x: x[::-1].T,
    7: lambda x: x[::-1, ::-1].T,
    8: lambda x: x.T[::-1],
}


def read(content: bytes) -> Array:
    return np.asarray(read_image(FILE, content))


def refused(content: bytes) -> str:
    with pytest.raises(UsageError) as caught:
        read_image(FILE, content)
    assert str(caught.value).startswith(f"{FILE} ")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def packed(twelve: Array) -> bytes:
    """Numbers of 12 bits, two in three bytes."""
    bits = (twelve[..., None] >> np.arange(12)[::-1]) & 1
    return np.packbits(bits.reshape(len(twelve), -1).astype(np.uint8), axis=1).tobytes()


@pytest.mark.parametrize(
    "content",
    [
        saved(DEEP, "PNG"),
        saved(DEEP, "TIFF"),
        saved(DEEP, "TIFF", compression="tiff_lzw"),
        pgm(DEEP, 65535),
        b"P2\n8 5\n65535\n" + b" ".join(b"%d" % one for one in DEEP.ravel()),
        tiff(DEEP),
        tiff(DEEP, order=">"),
        tiff(65535 - DEEP, photometric=0),
        tiff(SHALLOW),
        tiff(SHALLOW, order=">"),
        tiff(1 - SHALLOW, photometric=0),
        b"Pf\n8 5\n-1.0\n" + SHALLOW[::-1].astype("<f4").tobytes(),
    ],
)
def test_greys_of_more_than_8_bits_are_read_on_the_scale_of_those_of_8(content: bytes) -> None:
    found = read(content)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, GREY, atol=2e-5)


@given(arrays(np.uint16, array_shapes(min_dims=2, max_dims=2, max_side=6)))
def test_every_step_of_16_bits_counts(deep: Array) -> None:
    for content in (saved(deep, "PNG"), saved(deep, "TIFF"), pgm(deep, 65535)):
        assert_array_equal(read(content), (deep * 255.0 / 65535).astype(np.float32))
        assert len(np.unique(read(content))) == len(np.unique(deep))


@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=6)))
def test_an_image_of_16_bits_is_read_as_its_twin_of_8(grey: Array) -> None:
    assert_array_equal(read(saved(grey.astype(np.uint16) * 257, "PNG")), read(saved(grey, "PNG"))[..., 0])


def test_white_is_what_the_depth_of_the_file_says() -> None:
    twelve = np.array([[0, 4095, 2048, 1]], np.uint16)
    assert_array_equal(read(tiff(twelve, bits=12, data=packed(twelve))), (twelve * 255.0 / 4095).astype(np.float32))
    ten = np.array([[0, 1023, 512]], np.uint16)
    np.testing.assert_allclose(read(pgm(ten, 1023)), ten * 255.0 / 1023, atol=255 / 65535)
    assert read(pgm(np.array([[0, 15]]), 15))[0, :, 0].tolist() == [0, 255]
    for depth in (1, 2, 4):
        assert read(png(np.array([[0, 2**depth - 1] * 4]), depth, 0))[0, :2, 0].tolist() == [0, 255]


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (saved(GREY.astype(np.int32), "TIFF"), "32-bit signed integers"),
        (tiff(GREY.astype(np.uint32)), "32-bit integers"),
        (tiff(GREY.astype(np.int16)), "16-bit signed integers"),
        (tiff(GREY.astype(np.int16), order=">"), "16-bit signed integers"),
        (tiff(GREY.astype(np.int8)), "8-bit signed integers"),
        (tiff(SHALLOW.astype(np.float64)), "1 x 64-bit floats"),
        (tiff(SHALLOW.astype(np.float16)), "1 x 16-bit floats"),
        (tiff((RGB / 255).astype(np.float32), photometric=2), "3 x 32-bit floats"),
        (tiff(np.stack([DEEP, DEEP], 2), extra=2), "2 x 16-bit integers"),
        (tiff(DEEP, order=">", photometric=0), "1 x 16-bit integers"),
        (tiff(RGB.astype(np.uint16), photometric=2), "16-bit integers in several channels"),
        (png(RGB.astype(np.uint16), 16, 2), "16-bit integers in several channels"),
        (png(np.dstack([RGB, GREY]).astype(np.uint16), 16, 6), "16-bit integers in several channels"),
        (png(np.stack([DEEP, DEEP], 2), 16, 4), "16-bit integers in several channels"),
        (png(DEEP, 16, 0, key=(5,)), "16-bit integers, one of which is transparent"),
        (pgm(RGB.astype(np.uint16), 65535), "16-bit integers in several channels"),
        (pgm(RGB.astype(np.uint16), 1000), "10-bit integers in several channels"),
        (tiff(GREY.astype(np.float32)), "32-bit floats from 0 to 255"),
        (tiff(SHALLOW - np.float32(0.5)), "32-bit floats from -0.5 to 0.5"),
        (tiff(np.float32([[0, np.inf]])), "32-bit floats from 0 to inf"),
        (tiff(np.float32([[0, np.nan, 1]])), "32-bit floats, and 1 of 3 are not a number"),
        (tiff(np.dstack([RGB, GREY]), photometric=2, extra=0), "an extra channel that is not alpha"),
        (tiff(np.stack([GREY, GREY], 2), extra=0), "an extra channel that is not alpha"),
    ],
)
def test_what_can_not_be_read_at_its_depth_is_refused_with_the_depth(content: bytes, hint: str) -> None:
    assert hint in refused(content)


@pytest.mark.parametrize(
    ("content", "close"),
    [
        (saved(RGB, "PNG"), 0),
        (saved(RGB, "BMP"), 0),
        (saved(RGB, "PPM"), 0),
        (saved(RGB, "WEBP", lossless=True), 0),
        (saved(Image.fromarray(RGB).quantize(256), "PNG"), 0),
        (saved(Image.fromarray(RGB).convert("CMYK"), "TIFF"), 0),
        (saved(Image.fromarray(RGB).convert("CMYK"), "JPEG", quality=100), 3),
        (saved(Image.fromarray(RGB).convert("YCbCr"), "TIFF"), 3),
        (saved(np.dstack([RGB, 0 * GREY + 255]), "PNG"), 0),
        (tiff(np.dstack([RGB, 0 * GREY + 255]), photometric=2, extra=1), 0),
    ],
)
def test_colours_are_read_as_they_are(content: bytes, close: int) -> None:
    found = read(content)
    assert found.dtype == np.uint8
    np.testing.assert_allclose(found.astype(int), RGB, atol=close)


def test_lab_is_read_in_colour() -> None:
    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    dull = Image.fromarray(64 + RGB // 2)
    written = ImageCms.applyTransform(dull, ImageCms.buildTransform(rgb, lab, "RGB", "LAB"))
    assert written is not None
    np.testing.assert_allclose(read(saved(written, "TIFF")).astype(int), np.asarray(dull), atol=4)


@pytest.mark.parametrize("form", ["TIFF", "PNG", "GIF"])
def test_one_bit_is_black_and_white(form: str) -> None:
    assert_array_equal(read(saved(Image.fromarray(GREY > 99), form))[..., 0], (GREY > 99) * 255)
    assert_array_equal(read(tiff(255 - GREY, photometric=0))[..., 0], GREY)


@given(arrays(np.uint8, (4, 4)), st.integers(0, 255))
def test_ink_in_the_alpha_channel_lies_on_white(alpha: Array, shade: int) -> None:
    ink = np.full_like(alpha, shade)
    expected = 255 + (ink.astype(float) - 255) * alpha / 255
    for content in (
        saved(np.dstack([ink, ink, ink, alpha]), "PNG"),
        saved(np.dstack([ink, ink, ink, alpha]), "TIFF"),
        saved(np.dstack([ink, alpha]), "PNG"),
        tiff(np.dstack([ink, alpha]), extra=2),
    ):
        if np.ptp(expected.round()) or not np.ptp(alpha):
            np.testing.assert_allclose(read(content)[..., 0], expected, atol=1)


@pytest.mark.parametrize(
    "content",
    [
        png(np.array([[0, 9, 9]]), 8, 0, key=(9,)),
        png(np.array([[0, 1, 1]]), 1, 0, key=(1,)),
        png(np.array([[0, 2, 2]]), 2, 0, key=(2,)),
        png(np.array([[0, 9, 9]]), 4, 0, key=(9,)),
        png(np.array([[[0, 0, 0], [9, 8, 7], [9, 8, 7]]]), 8, 2, key=(9, 8, 7)),
        png(np.array([[1, 0, 0]]), 8, 3, key=(0x00FF,), palette=bytes([9, 8, 7, 0, 0, 0])),
        saved(Image.fromarray(np.uint8([[1, 0, 0]])).convert("P"), "GIF", transparency=0),
        tiff(np.uint8([[[0, 255], [0, 0], [0, 0]]]), extra=1),
        saved(Image.fromarray(np.uint8([[[0, 0, 0, 255], [9, 8, 7, 0], [9, 8, 7, 0]]])), "WEBP", lossless=True),
    ],
)
def test_what_is_transparent_is_white_wherever_a_file_says_so(content: bytes) -> None:
    black, *rest = read(content)[0].tolist()
    assert max(black) <= 1
    assert rest == [[255, 255, 255]] * 2


def test_white_ink_on_nothing_is_refused_and_an_empty_sheet_is_white() -> None:
    white = np.full((5, 8), 255, np.uint8)
    assert "comes out blank on the white background" in refused(saved(np.dstack([white, white, white, GREY]), "PNG"))
    assert "comes out blank on the white background" in refused(saved(np.dstack([RGB, 0 * GREY]), "PNG"))
    assert (read(saved(Image.new("RGBA", (3, 3)), "PNG")) == 255).all()


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize(
    ("form", "options"),
    [("PNG", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {"lossless": True}), ("JPEG", {})],
)
def test_photographs_are_upright(orientation: int, form: str, options: dict[str, Any]) -> None:
    steps = np.repeat(np.repeat(np.arange(6, dtype=np.uint8).reshape(2, 3) * 50, 8, 0), 8, 1)
    found = read(turned(steps, orientation, form, **options))
    np.testing.assert_allclose(found[..., 0].astype(int), UPRIGHT[orientation](steps), atol=3)
    if form in ("PNG", "TIFF"):
        deep = read(turned(steps.astype(np.uint16) * 257, orientation, form, **options))
        assert_array_equal(deep, UPRIGHT[orientation](steps))


def test_damaged_exif_turns_nothing() -> None:
    whole = turned(GREY, 6, "JPEG")
    start = whole.index(b"Exif\0\0") + 6
    for cut in range(start, start + 24):
        content = whole[:cut] + b"\xff" * (start + 24 - cut) + whole[start + 24 :]
        assert read(content).shape in ((5, 8, 3), (8, 5, 3))


@pytest.mark.parametrize("form", ["TIFF", "GIF", "PNG", "WEBP"])
def test_several_pages_or_frames_are_refused_with_their_number(form: str) -> None:
    pages = [Image.fromarray(RGB), Image.fromarray(RGB[::-1]), Image.fromarray(RGB[:, ::-1])]
    assert "holds 3 pages or frames" in refused(saved(pages[0], form, save_all=True, append_images=pages[1:]))
    assert read(saved(pages[0], form, save_all=True)).shape == (5, 8, 3)


def test_the_first_picture_of_an_mpo_is_the_photograph() -> None:
    first, second = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    red, _, blue = read(saved(first, "MPO", save_all=True, append_images=[second]))[0, 0]
    assert (red > 250, blue < 5) == (True, True)


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b"", "it is not a JPEG, PNG, BMP, PPM, TIFF, WebP or GIF"),
        (b"<html>404</html>", "it is not a JPEG"),
        (saved(RGB, "JPEG2000"), "it is not a JPEG"),
        (saved(RGB, "JPEG")[:300], "runcated"),
        (saved(RGB, "PNG")[:60], "truncated"),
        (saved(RGB, "JPEG").replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x0c"), "cannot handle 12-bit layers"),
        (saved(RGB, "TIFF")[:20], "a damaged TIFF"),
    ],
)
def test_what_is_no_image_is_refused_with_the_reason(content: bytes, hint: str) -> None:
    sentence = refused(content)
    assert f"{FILE} can't be read as an image (" in sentence
    assert hint in sentence


SEEDS = [
    saved(DEEP, "PNG"),
    turned(RGB, 6, "JPEG"),
    tiff(DEEP),
    tiff(SHALLOW),
    saved(np.dstack([RGB, GREY]), "PNG"),
    saved(RGB, "TIFF", compression="jpeg"),
    saved(RGB, "GIF", save_all=True, append_images=[Image.fromarray(RGB[::-1])]),
    saved(RGB, "WEBP"),
    pgm(DEEP, 1023),
]


@given(st.sampled_from(SEEDS), st.data())
def test_a_file_that_is_cut_or_changed_is_read_or_refused(seed: bytes, data: st.DataObject) -> None:
    content = bytearray(seed[: data.draw(st.integers(0, len(seed)))])
    for place in data.draw(st.lists(st.integers(0, max(0, len(content) - 1)), max_size=4)) if content else []:
        content[place] = data.draw(st.integers(0, 255))
    try:
        found = read(bytes(content))
    except UsageError:
        assert refused(bytes(content))
    else:
        assert np.isfinite(found).all()
