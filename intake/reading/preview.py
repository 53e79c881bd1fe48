"""Previews: a small picture made anew from a picture somebody sent, carrying nothing else of it.

Only the pixels are taken: position, time, maker and comments stay in the original. Formats are few and named; SVG and
HTML are none of them. For the bounded process alone: decoders of pictures are where hostile bytes strike.
"""

from __future__ import annotations

import io
import warnings
from typing import Final

FORMATS: Final = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "MPO")
"""What Pillow may try, whatever the file is called."""
RAW_BYTES: Final = 48 * 1024 * 1024
PIXELS: Final = 60_000_000
"""Of the original; a larger one is not opened: no phone makes such, bombs do."""
EDGE: Final = 1200
QUALITY: Final = 80


def preview(raw: bytes) -> bytes | None:
    """A JPEG of at most `EDGE` pixels a side, without any metadata; None where none can be made of these bytes.

    Never raises for any bytes, other than by the limits of the process it runs in.
    """
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(raw), formats=FORMATS) as found:
            warnings.simplefilter("ignore")
            if found.width * found.height > PIXELS:
                return None
            found.draft("RGB", (EDGE, EDGE))
            found.thumbnail((EDGE, EDGE))
            return _jpeg(ImageOps.exif_transpose(found))
    except Exception:  # noqa: BLE001 - the edge: whatever a decoder makes of hostile bytes, there is no preview
        return None


def _jpeg(picture: object) -> bytes:
    from PIL import Image

    assert isinstance(picture, Image.Image)  # noqa: S101 - narrows for mypy
    # On a fresh canvas: nothing that hangs on the opened picture (info, palette, profiles) can come along.
    flat = Image.new("RGB", picture.size, "white")
    with_alpha = picture.convert("RGBA")
    flat.paste(with_alpha, mask=with_alpha.getchannel("A"))
    out = io.BytesIO()
    flat.save(out, "JPEG", quality=QUALITY, exif=b"")
    return out.getvalue()
