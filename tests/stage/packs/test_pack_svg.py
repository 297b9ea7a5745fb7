from __future__ import annotations

import base64

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.errors import InputError
from duologue.stage.packs.svg import parse_svg
from duologue.stage.packs.view import View

VIEW = View.scaled((100, 100), 1.0)
WHOLE = (0, 0, 100, 100)


def _svg(content: str, attributes: str = 'viewBox="0 0 100 100"') -> bytes:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {attributes}>'
        f"{content}</svg>"
    ).encode()


def _refused(data: bytes) -> InputError:
    with pytest.raises(InputError) as caught:
        parse_svg(data, "a.svg", (100, 100))
    assert caught.value.where == "a.svg"
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg",
        b"\x00\x01\x02",
        b"<html/>",
        b'<svg viewBox="0 0 100 100"/>',
        b'<?xml version="1.0" encoding="utf-99"?><svg/>',
        _svg("", ""),
        _svg("", 'viewBox="0 0 100"'),
        _svg("", 'viewBox="0 0 200 100"'),
        _svg("", 'viewBox="0 0 nan nan"'),
        _svg("", 'width="10cm" height="10cm"'),
        _svg("<text>hi</text>"),
        _svg("<script>1</script>"),
        _svg('<image href="http://example.org/a.png"/>'),
        _svg('<image xlink:href="file:///etc/passwd"/>'),
        _svg('<image href="other.png"/>'),
        _svg('<use href="other.svg#a"/>'),
        _svg('<image href="data:image/svg+xml;base64,AAAA"/>'),
        _svg('<image href="data:image/png;base64,!!!!"/>'),
        _svg("<style>@import 'a.css';</style>"),
        _svg("<style>rect { fill: url(http://example.org/#a) }</style>"),
        _svg("<rect style=\"fill:url( 'a.svg#b' )\"/>"),
        _svg('<rect width="x%"/>'),
        _svg("<g>" * 300 + "</g>" * 300),
        _svg('<g id="a"><use href="#a"/></g>'),
        _svg('<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>'),
    ],
)
def test_what_is_no_safe_svg_is_refused(data: bytes) -> None:
    _refused(data)


def test_entities_are_refused() -> None:
    bomb = b'<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>' + _svg("&b;")
    assert "entity" in _refused(bomb).what
    external = b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + _svg("&x;")
    assert "entity" in _refused(external).what


def test_a_bomb_of_uses_is_refused_quickly() -> None:
    levels = "".join(f'<g id="l{n}">{f"""<use href="#l{n - 1}"/>""" * 10}</g>' for n in range(1, 10))
    error = _refused(_svg(f'<rect id="l0" width="1" height="1"/>{levels}'))
    assert "elements" in error.what


def test_a_20000_pixel_picture_inside_is_refused() -> None:
    header = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x4e\x20\x00\x00\x4e\x20\x08\x06" + bytes(20)
    assert "20000" in _refused(_svg(f'<image href="data:image/png;base64,{base64.b64encode(header).decode()}"/>')).what


@pytest.mark.parametrize("side", [9000, 12000])
def test_a_huge_or_broken_jpeg_inside_is_refused(side: int) -> None:
    done, jpeg = cv2.imencode(".jpg", np.full((8, 8, 3), 200, np.uint8))
    assert done
    data = bytearray(jpeg.tobytes())
    frame = data.index(b"\xff\xc0")  # the frame header: height and width follow at bytes 5 and 7 (ITU-T T.81, B.2.2)
    data[frame + 5 : frame + 9] = side.to_bytes(2, "big") * 2
    for content, what in ((bytes(data), "too large"), (b"JFIF", "broken")):
        text = base64.b64encode(content).decode()
        assert what in _refused(_svg(f'<image href="data:image/jpeg;base64,{text}"/>')).what


@given(st.binary(max_size=12), st.integers(0, 400), st.integers(0, 20))
def test_damaged_svg_is_refused_or_drawn(noise: bytes, at: int, cut: int) -> None:
    sound = _svg(
        '<defs><linearGradient id="g"/></defs><g id="a"><use href="#b"/><rect id="b" fill="url(#g)" width="9%"/></g>'
    )
    try:
        document = parse_svg(sound[:at] + noise + sound[at + cut :], "a.svg", (100, 100))
        picture = document.select([next(iter(document.names), "")]).draw(VIEW, WHOLE)
    except InputError as error:
        assert error.where == "a.svg"
    else:
        assert picture.shape == (100, 100, 4)


def test_a_plain_doctype_and_an_embedded_png_are_fine() -> None:
    done, png = cv2.imencode(".png", np.full((4, 4, 3), 255, np.uint8))
    assert done
    image = f'<image width="100" height="100" href="data:image/png;base64,{base64.b64encode(png.tobytes()).decode()}"/>'
    doctype = b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
    document = parse_svg(doctype + _svg(image), "a.svg", (100, 100))
    assert document.select([""]).draw(VIEW, WHOLE)[50, 50, 3] == 255


def test_a_part_brings_what_it_refers_to_and_nothing_else() -> None:
    document = parse_svg(
        _svg(
            '<g fill="#00ff00" transform="translate(10 0)">'
            '<linearGradient id="g"><stop stop-color="#0000ff"/></linearGradient>'
            '<rect id="a" width="10" height="10" fill="url(#g)"/><use id="b" xlink:href="#shape" y="50"/>'
            '<rect id="c" x="40" width="10" height="10"/></g>'
            '<rect id="shape" x="20" width="10" height="10" fill="#ff0000"/>'
        ),
        "a.svg", (100, 100),
    )  # fmt: skip
    a = document.select(["a"]).draw(VIEW, WHOLE)
    assert tuple(a[5, 15]) == (0, 0, 255, 255)
    assert a[..., 3].sum() == 100 * 255
    b = document.select(["b"]).draw(VIEW, WHOLE)
    assert tuple(b[55, 35]) == (255, 0, 0, 255)
    assert b[..., 3].sum() == 100 * 255
    both = document.select(["c", "a"]).draw(VIEW, WHOLE)
    assert tuple(both[5, 55]) == (0, 255, 0, 255), "the ancestor's fill"
    assert both[..., 3].sum() == 200 * 255


def test_a_stylesheet_reaches_a_part() -> None:
    svg = _svg(
        '<style>#top .red { fill: #ff0000 }</style><g id="top"><rect id="a" class="red" width="10" height="10"/></g>'
    )
    picture = parse_svg(svg, "a.svg", (100, 100)).select(["a"]).draw(VIEW, WHOLE)
    assert tuple(picture[5, 5]) == (255, 0, 0, 255)


def test_inkscape_layers_are_found_by_their_label() -> None:
    svg = _svg(
        '<g id="layer3" i:label="mouth-a" style="display:none;opacity:1"><rect width="10" height="10"/></g>',
        'xmlns:i="http://www.inkscape.org/namespaces/inkscape" viewBox="0 0 100 100"',
    )
    document = parse_svg(svg, "a.svg", (100, 100))
    assert document.select(["mouth-a"]).draw(VIEW, WHOLE)[5, 5, 3] == 255


def test_a_crop_is_the_same_pixels_as_the_whole() -> None:
    svg = _svg('<circle cx="37.3" cy="41.7" r="20.2" fill="#ff8800"/><rect x="50%" y="70%" width="25%" height="10%"/>')
    picture = parse_svg(svg, "a.svg", (100, 100)).select([""])
    view = View.scaled((100, 100), 2.37)
    whole = picture.draw(view, (0, 0, *view.size))
    part = picture.draw(view, (31, 50, 207, 195))
    np.testing.assert_allclose(part.astype(int), whole[50:195, 31:207].astype(int), atol=1)
    box = picture.visible(view)
    assert box is not None
    outside = whole.copy()
    outside[box[1] : box[3], box[0] : box[2]] = 0
    assert outside[..., 3].max() == 0


def test_a_view_box_that_does_not_begin_at_zero() -> None:
    svg = _svg('<rect x="-50" y="-50" width="50" height="50"/>', 'viewBox="-50 -50 200 200"')
    picture = parse_svg(svg, "a.svg", (100, 100)).select([""]).draw(VIEW, WHOLE)
    assert picture[..., 3].sum() == 25 * 25 * 255


def test_an_unknown_part_names_the_file() -> None:
    document = parse_svg(_svg('<rect id="a" width="1" height="1"/>'), "a.svg", (100, 100))
    with pytest.raises(InputError) as caught:
        document.select(["b"])
    assert caught.value.where == "a.svg"
