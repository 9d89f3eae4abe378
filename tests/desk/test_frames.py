"""Frames: what goes in comes out, and nothing broken is taken for a message."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.desk import frames

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
headers = st.dictionaries(st.text(max_size=8).filter(lambda name: name != "blobs"), json_values, max_size=4)
blobs = st.dictionaries(st.text(max_size=8), st.binary(max_size=100), max_size=3)


@given(st.lists(st.tuples(headers, blobs), max_size=4), st.integers(0, 20))
def test_what_was_sent_is_received_and_a_cut_line_is_an_end(sent, cut):
    data = b"".join(frames.pack(*one) for one in sent)
    stream = io.BytesIO(data)
    received = [frames.read(stream) for _ in sent]
    assert [(frame.header, frame.blobs) for frame in received if frame] == sent
    assert frames.read(stream) is None
    if data and cut:
        short = io.BytesIO(data[:-cut])
        while frames.read(short) is not None:
            pass


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x02[]",
        b"\x00\x00\x00\x02{}",
        b"\x00\x00\x00\x03\x80\x81\x82",
        b'\x00\x00\x00\x13{"blobs":[["a",-1]]}'[:23] + b" " * 8,
    ],
)
def test_what_is_no_frame_is_refused(data):
    with pytest.raises(frames.BrokenFrame):
        frames.read(io.BytesIO(data))


def test_a_stream_that_gives_a_byte_at_a_time_is_read_whole():
    class Slow(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 1))

    frame = frames.read(Slow(frames.pack({"do": "paint"}, {"a": b"12345"})))
    assert frame == frames.Frame({"do": "paint"}, {"a": b"12345"})
