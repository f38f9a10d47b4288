"""The picture of an import tree."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from awslambdaric_lite.packaging.flame import flame_html, flame_svg, milliseconds
from awslambdaric_lite.packaging.import_tree import Imported

SVG = "{http://www.w3.org/2000/svg}"
TREE = Imported(
    "app.handler",
    1_000,
    10_000,
    [
        Imported("boto3", 1_000, 6_000, [Imported("botocore.session", 5_000, 5_000)]),
        Imported("tiny", 0, 0),
        Imported("json", 3_000, 3_000),
    ],
)


def boxes(text: str) -> dict[str, ElementTree.Element]:
    """Return the boxes of a picture, by the names of their modules."""
    root = ElementTree.fromstring(text)
    return {group.attrib["data-label"]: group for group in root.iter(f"{SVG}g")}


def test_boxes_have_width_and_place() -> None:
    """A box is as wide as its time and below its importer; a module without time has no box."""
    found = boxes(flame_svg(TREE, title="Imports"))
    assert set(found) == {"app.handler", "boto3", "botocore.session", "json"}
    place = {
        name: (float(group.attrib["data-x"]), float(group.attrib["data-w"]), int(group.attrib["data-row"]))
        for name, group in found.items()
    }
    assert place == {
        "app.handler": (0, 1200, 0),
        "boto3": (0, 720, 1),
        "botocore.session": (0, 600, 2),
        "json": (720, 360, 1),
    }
    for name, group in found.items():
        rect = group.find(f"{SVG}rect")
        assert rect is not None
        assert float(rect.attrib["x"]) == place[name][0]
        assert float(rect.attrib["width"]) == place[name][1]


def test_boxes_have_tooltips() -> None:
    """A tooltip has the name, the time with and without children, and the share."""
    title = boxes(flame_svg(TREE, title="Imports"))["boto3"].find(f"{SVG}title")
    assert title is not None
    assert title.text == "boto3: 6.0 ms (60.0 %), itself 1.0 ms"


def test_the_picture_depends_on_nothing_else() -> None:
    """The picture has no references to other files, and colours for dark pages."""
    for text in (flame_svg(TREE, title="Imports"), flame_html(TREE, title="Imports")):
        assert not re.search(r"(href|src|url\(|@import)", text)
        assert set(re.findall(r"https?://[^\"']+", text)) == {"http://www.w3.org/2000/svg"}
        assert "prefers-color-scheme: dark" in text


def test_any_name_can_be_written() -> None:
    """Names with markup, quotes, control characters and lone surrogates can be drawn."""
    name = "<b>&\"'\x00\x1b]]>\udc80</script>"
    tree = Imported(name, 5, 5, [Imported(name, 5, 5)])
    text = flame_svg(tree, title=name)
    assert len(list(ElementTree.fromstring(text).iter(f"{SVG}g"))) == 2
    text.encode()
    assert "<b>" not in text
    assert text.count("</script>") == 1


def test_extreme_trees_are_drawn() -> None:
    """A tree of a thousand levels, and a root without time, can be drawn."""
    deep = tree = Imported("m0", 1, 1000)
    for level in range(1, 1000):
        child = Imported(f"m{level}", 1, 1000 - level)
        tree.children.append(child)
        tree = child
    assert len(boxes(flame_svg(deep, title="deep"))) == 1000
    assert set(boxes(flame_svg(Imported("nothing", 0, 0), title="nothing"))) == {"nothing"}


def test_rounding_does_not_let_boxes_overlap() -> None:
    """Children that add up to more than their parent stay inside of it."""
    tree = Imported("a", 0, 100, [Imported("b", 60, 60), Imported("c", 60, 60)])
    found = boxes(flame_svg(tree, title="sum"))
    assert float(found["c"].attrib["data-x"]) + float(found["c"].attrib["data-w"]) <= 1200


def test_times_for_people() -> None:
    """Times have milliseconds with as many digits as matter."""
    assert [milliseconds(each) for each in (0, 40, 999, 1_000, 1_234_567)] == [
        "0.00 ms",
        "0.04 ms",
        "1.00 ms",
        "1.0 ms",
        "1,234.6 ms",
    ]
