"""Mended XML: slips inside go, nothing that was said is lost, and what was cut off stays refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from refused import refusal_of

from engine.base.errors import Code
from engine.formats.format import Hints
from engine.formats.xml import Xml

STRICT = Xml()
FORM = Xml({"mend": True, "roots": {"Reponse": "Response"}})
NAMES = st.sampled_from(["Item", "Items", "Code", "Name", "名称"])
TEXT = st.text(st.sampled_from("甲a1 -;#x"), max_size=6)


def shape(element):
    """An element as nested tuples."""
    return element.tag, (element.text or "").strip(), tuple(shape(child) for child in element)


def parsed(body, form=FORM):
    return shape(form.parse(body.encode(), Hints()))


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("<R><L><I>1</I><I>2</I><L></R>", "<R><L><I>1</I><I>2</I><L/></L></R>"),
        ("<R><A>1</B></A><D>ok</D></R>", "<R><A>1</A><D>ok</D></R>"),
        ("<R><A>1<D>ok</D></R>", "<R><A>1<D>ok</D></A></R>"),
        ("<R><A>x<无>y</A><B>1</B></R>", "<R><A>x<无>y</无></A><B>1</B></R>"),
        ("<R><A>1&nbsp;2&copy;&LT;&nothing;</A></R>", "<R><A>1\u00a02©&lt;&amp;nothing;</A></R>"),
        ("<R><A>a & b < c <5 x=1></A></R>", "<R><A>a &amp; b &lt; c &lt;5 x=1></A></R>"),
        ("<R><A>a\x0bb&#11;c&#65;</A></R>", "<R><A>abcA</A></R>"),
        ('<R><A v="1 & 2&quot;"/><B></R>', '<R><A v="1 &amp; 2&quot;"/><B/></R>'),
        ("<R><A><![CDATA[a & b <L>&nbsp;]]></A><B></R>", "<R><A>a &amp; b &lt;L>&amp;nbsp;</A><B/></R>"),
        ("<Reponse><A>1</A></Response>", "<Response><A>1</A></Response>"),
        ("<Response><A>1</A></Reponse>", "<Response><A>1</A></Response>"),
    ],
)
def test_slips(slip, meant):
    assert refusal_of(STRICT.parse, slip.encode(), Hints()).code is Code.NOT_READABLE
    assert parsed(slip) == parsed(meant, STRICT)


@pytest.mark.parametrize(
    "body",
    [
        "<R><A>12", "<R><A>12</A>", "<R><A>12</A></", "<R><A>1</A></B>", "<R><A>1</R><B>2", "<R><A>1</R></R><B>",
        "<R><A><![CDATA[12</A></R>", "<R><!-- </R>", "R>", "", " ", "{}", "$ZE <UNDEFINED>", "<R/><B/>", "x<R><A></R>",
        "<R" + "><R" * 300 + ">" + "</R>" * 200, "<!DOCTYPE R><R><A></R>",
    ],
)  # fmt: skip
def test_what_is_never_mended(body):
    assert refusal_of(FORM.parse, body.encode(), Hints()).code is Code.NOT_READABLE


@st.composite
def documents(draw, depth=3):
    name = draw(NAMES)
    inner = draw(st.lists(documents(depth - 1), max_size=3)) if depth else []
    return f"<{name}>{draw(TEXT)}{''.join(inner)}</{name}>"


@given(documents())
def test_what_is_well_formed_is_read_as_it_is(inner):
    body = f"<Response>{inner}</Response>"
    assert parsed(body) == parsed(body, STRICT)


@settings(max_examples=300, deadline=None)
@given(documents(), st.data())
def test_a_lost_end_loses_no_element(inner, data):
    """Each end that is not the root's may go: the elements and their order stay."""
    body = f"<Response>{inner}</Response>"
    parts = body.split("</")
    gone = data.draw(st.integers(1, len(parts) - 2))
    parts[gone] = parts[gone].partition(">")[2]
    broken = "".join([parts[0], *(part if at == gone else "</" + part for at, part in enumerate(parts) if at)])
    whole, mended = (form.parse(text.encode(), Hints()) for form, text in ((STRICT, body), (FORM, broken)))
    assert [each.tag for each in mended.iter()] == [each.tag for each in whole.iter()]
    assert "".join(mended.itertext()) == "".join(whole.itertext())


@settings(max_examples=200, deadline=None)
@given(documents(), st.data())
def test_what_was_cut_off_is_refused(inner, data):
    body = f"<Response>{inner}</Response>"
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    assert refusal_of(FORM.parse, cut.encode(), Hints()).code is Code.NOT_READABLE


@settings(max_examples=500, deadline=None)
@given(st.text(st.sampled_from("<>/?!a-[]CDATA&;#xnbsp\"'= 张\x00"), max_size=60))
def test_any_text_is_read_or_refused(text):
    error = refusal_of(FORM.parse, text.encode(), Hints())
    assert error is None or error.code is Code.NOT_READABLE


def test_what_is_mended_is_told_without_data(capsys):
    etree.tostring(FORM.parse("<R><A>秘密<B></R>".encode(), Hints()))
    said = capsys.readouterr()
    assert "xml_mended" in said.out + said.err
    assert "秘密" not in said.out + said.err


@pytest.mark.parametrize("part", ["<![CDATA[", "<!--", "<?", "&", "<a ", "<a>", "</a>", "<a b='", "&#x", "]]>"])
def test_a_large_body_of_slips_is_soon_refused(part):
    """Linear: a quadratic walk over two megabytes would not end within the suite's limit."""
    body = f"<R>{part * (2_000_000 // len(part))}</R>"
    refusal_of(FORM.parse, body.encode(), Hints())
