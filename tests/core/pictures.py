"""Image files, byte by byte where Pillow can't write what it can read."""

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[Any]


def saved(image: Image.Image | Array, form: str, **options: Any) -> bytes:
    """The content of a file as Pillow writes it."""
    stream = BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(stream, form, **options)
    return stream.getvalue()


def turned(image: Array, orientation: int, form: str, **options: Any) -> bytes:
    """A file with that EXIF orientation."""
    exif = Image.Exif()
    exif[0x112] = orientation
    return saved(image, form, exif=exif, **options)


def png(samples: Array, depth: int, colour: int, *, key: tuple[int, ...] = (), palette: bytes = b"") -> bytes:
    """A PNG of samples (H, W) or (H, W, C), whole bytes a row; `key` is transparent."""
    rows = samples.reshape(len(samples), -1)
    if depth < 8:
        bits = (rows[..., None] >> np.arange(depth)[::-1]) & 1
        lines = np.packbits(bits.reshape(len(rows), -1).astype(np.uint8), axis=1)
    else:
        lines = rows.astype(f">u{depth // 8}").view(np.uint8)
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], depth, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + line.tobytes() for line in lines))
    chunks = {b"IHDR": header, b"PLTE": palette, b"tRNS": struct.pack(f">{len(key)}H", *key), b"IDAT": data}
    written = [_chunk(name, content) for name, content in chunks.items() if content]
    return b"\x89PNG\r\n\x1a\n" + b"".join(written) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def pgm(samples: Array, white: int) -> bytes:
    """A binary PGM (H, W) or PPM (H, W, 3)."""
    kind, wide = (b"P5", b"P6")[samples.ndim - 2], ">u2" if white > 255 else ">u1"
    return b"%s\n%d %d\n%d\n" % (kind, samples.shape[1], samples.shape[0], white) + samples.astype(wide).tobytes()


def tiff(samples: Array, *, photometric: int = 1, order: str = "<", extra: int | None = None, **more: Any) -> bytes:
    """An uncompressed TIFF of samples (H, W) or (H, W, C) in their own dtype; 0 is white where `photometric` is 0.

    `bits` and `data` may stand in place of what the dtype says.
    """
    channels = 1 if samples.ndim == 2 else samples.shape[2]
    data: bytes = more.get("data") or samples.astype(samples.dtype.newbyteorder(order)).tobytes()
    data += b"\0" * (len(data) % 2)
    tags = {
        256: ("H", [samples.shape[1]]),
        257: ("H", [samples.shape[0]]),
        258: ("H", [more.get("bits", 8 * samples.dtype.itemsize)] * channels),
        259: ("H", [1]),
        262: ("H", [photometric]),
        273: ("I", [8]),
        277: ("H", [channels]),
        278: ("H", [samples.shape[0]]),
        279: ("I", [len(data)]),
        339: ("H", [{"u": 1, "i": 2, "f": 3}[samples.dtype.kind]] * channels),
    }
    if extra is not None:
        tags[338] = ("H", [extra])
    start = 8 + len(data)
    behind = start + 2 + 12 * len(tags) + 4
    entries, values = b"", b""
    for tag, (kind, numbers) in sorted(tags.items()):
        value = struct.pack(f"{order}{len(numbers)}{kind}", *numbers)
        entries += struct.pack(f"{order}HHI", tag, {"H": 3, "I": 4}[kind], len(numbers))
        entries += value.ljust(4, b"\0") if len(value) <= 4 else struct.pack(f"{order}I", behind + len(values))
        values += value if len(value) > 4 else b""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", start)
    return head + data + struct.pack(f"{order}H", len(tags)) + entries + b"\0\0\0\0" + values
