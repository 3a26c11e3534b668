from __future__ import annotations

import numpy as np

from encoders.cache import VectorCache, content_key
from encoders.pipeline import CHUNK, encode_contents
from tests.encoders.counting import CountingEncoder


def test_each_content_is_encoded_once() -> None:
    encoder = CountingEncoder()
    with VectorCache(None) as cache:
        encoded = encode_contents(encoder, ["a", "b", "a"], cache)
        again = encode_contents(encoder, ["b", "c"], cache)
    assert (encoded.computed, again.computed, encoder.count) == (2, 1, 3)
    np.testing.assert_array_equal(encoded.vectors[content_key("b")], again.vectors[content_key("b")])


def test_texts_are_encoded_shortest_first_in_bounded_chunks() -> None:
    encoder = CountingEncoder()
    with VectorCache(None) as cache:
        encode_contents(encoder, ["x" * length for length in range(2 * CHUNK + 5, 0, -1)], cache)
    assert [len(batch) for batch in encoder.seen] == [CHUNK, CHUNK, 5]
    lengths = [len(text) for batch in encoder.seen for text in batch]
    assert lengths == sorted(lengths)


def test_a_broken_thing_is_refused_and_the_rest_goes_on() -> None:
    encoder = CountingEncoder("image")
    with VectorCache(None) as cache:
        encoded = encode_contents(encoder, [b"good", b"broken 1", b"fine", b"broken 2"], cache)
        assert len(cache.get("counting", "1", [content_key(b"broken 1")])) == 0
    assert set(encoded.vectors) == {content_key(b"good"), content_key(b"fine")}
    assert set(encoded.refused) == {content_key(b"broken 1"), content_key(b"broken 2")}
    assert "broken thing" in encoded.refused[content_key(b"broken 1")]


def test_nothing_and_only_broken_things() -> None:
    with VectorCache(None) as cache:
        assert encode_contents(CountingEncoder(), [], cache).vectors == {}
        assert len(encode_contents(CountingEncoder("image"), [b"broken"], cache).refused) == 1


class InTwos(CountingEncoder):
    """Takes things in their order, two at once."""

    at_once = 2


def test_an_encoder_that_takes_things_in_order_gets_each_batch_as_soon_as_it_is_prepared() -> None:
    encoder = InTwos("image")
    with VectorCache(None) as cache:
        encoded = encode_contents(encoder, [b"a", b"broken", b"b", b"c", b"broken too", b"d", b"e"], cache)
    assert [len(batch) for batch in encoder.seen] == [2, 2, 1]
    assert len(encoded.vectors) == 5
    whole = CountingEncoder("image").encode([b"a", b"b", b"c", b"d", b"e"])
    np.testing.assert_array_equal(np.stack(list(encoded.vectors.values())), whole)
