from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.api.bodies import BodyEncodingError, BodyTooLargeError, read_body


def raw_deflate(text: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(text) + packer.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": lambda text: gzip.compress(text[:3]) + gzip.compress(text[3:]),
    "GZIP": lambda text: gzip.compress(text) + bytes(100),
    "deflate": zlib.compress,
    "Deflate": raw_deflate,
    "identity": bytes,
    "": bytes,
}


def reader(body: bytes, longest: int = 2**16) -> Callable[[int], bytes]:
    stream = io.BytesIO(body)
    return lambda size: stream.read(min(size, longest))


def read(body: bytes, encoding: str = "", *, limit: int = 2**20, longest: int = 2**16) -> bytes:
    return read_body(reader(body, longest), encoding, check=lambda: None, limit=limit)


@given(st.binary(max_size=300) | st.integers(0, 300_000).map(bytes), st.lists(st.sampled_from([*PACKERS]), max_size=3),
       st.integers(1, 100))  # fmt: skip
def test_a_body_is_unpacked_from_pieces_of_any_size_and_in_layers(text, names, longest):
    body = text
    for name in names:
        body = PACKERS[name](body)
    assert read(body, ", ".join(names), longest=longest) == text


@pytest.mark.parametrize("encoding", ["", "gzip", "deflate", "gzip, gzip", "deflate, gzip"])
def test_the_limit_is_exact_for_each_layer(encoding):
    limit = 200_000
    for size, fits in ((limit, True), (limit + 1, False)):
        body = bytes(size)
        for name in encoding.split(", "):
            body = PACKERS[name](body)
        if fits:
            assert read(body, encoding, limit=limit) == bytes(size)
        else:
            with pytest.raises(BodyTooLargeError):
                read(body, encoding, limit=limit)


def test_a_layer_inside_that_unpacks_to_nothing_is_bounded():
    many_empty_parts = gzip.compress(b"") * 100_000
    with pytest.raises(BodyTooLargeError):
        read(gzip.compress(many_empty_parts), "gzip, gzip", limit=2**20)


@given(st.binary(min_size=1, max_size=300), st.sampled_from(["gzip", "deflate", "Deflate"]), st.data())
def test_a_packed_body_that_ends_early_is_an_error(text, name, data):
    body = PACKERS[name](text)
    with pytest.raises(BodyEncodingError):
        read(body[: data.draw(st.integers(1, len(body) - 1))], name)


@given(st.binary(max_size=200), st.lists(st.sampled_from(["gzip", "deflate"]), min_size=1, max_size=3))
def test_any_bytes_are_read_or_are_an_error_of_ours(body, names):
    with suppress(BodyEncodingError, BodyTooLargeError):
        read(body, ",".join(names))


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br", "gzip, gzip, gzip, gzip", "gz ip"])
def test_other_encodings_are_an_error(encoding):
    with pytest.raises(BodyEncodingError):
        read(b"", encoding)


def test_the_check_ends_a_body_between_two_pieces():
    def late() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        read_body(reader(bytes(2**20)), "", check=late, limit=2**20)
