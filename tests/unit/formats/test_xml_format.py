"""XML: what attacks is refused at once, what the field sends is read, what is written is exact."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from refused import refusal_of

from engine.base.errors import BusError, Code
from engine.formats.format import Hints, PathError
from engine.formats.xml import Xml
from tests.corpora import CORPORA, need

XML = Xml()

need()
ATTACKS = sorted((CORPORA / "xml-attacks-defusedxml").glob("*.x*"))
HARMLESS = {"simple.xml", "simple-ns.xml", "schema-include.xsd", "xalan_exec.xsl", "xalan_write.xsl"}
REPLY = """<?xml version="1.0"?>
<Response><!-- note --><Head><ResultCode>0</ResultCode><ResultMsg><![CDATA[a < b]]></ResultMsg><Blank>  </Blank><Empty/></Head>
<Body id="7"><Item no="1"><Code>A</Code><Name>甲</Name></Item><Item no="2"><Code>B</Code><Sub><X>1</X><X>2</X></Sub></Item></Body></Response>""".encode()


def read(path, raw=REPLY, form=XML):
    code = form.read(path)
    return eval(code.code.replace("{d}", "doc"), {**code.names, "doc": form.parse(raw, Hints())})


def each(path, inner, raw=REPLY, form=XML):
    code, own = form.each(path), form.read_in(path, inner)
    items = eval(code.code.replace("{d}", "doc"), {**code.names, "doc": form.parse(raw, Hints())})
    return [eval(own.code.replace("{d}", "item"), {**own.names, "item": item}) for item in items]


# --- attacks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ATTACKS, ids=lambda file: file.name)
def test_the_corpus_of_attacks(file):
    raw = file.read_bytes()
    start = time.process_time()
    error = refusal_of(XML.parse, raw, Hints())
    assert time.process_time() - start < 5  # milliseconds of work; an attack that works takes for ever
    assert (error is None) == (file.name in HARMLESS)
    assert error is None or error.code is Code.NOT_READABLE


def test_the_corpus_is_there():
    assert len(ATTACKS) >= 13


@pytest.mark.parametrize(
    "raw",
    [
        b"<!DOCTYPE a><a/>",
        b"<?xml version='1.0'?><!-- x --><?pi?> <!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
        "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>".encode("utf-16"),
        "<!DOCTYPE a><a/>".encode("utf-16-le"),
        b"<a>&x;</a>",
        b"<a>&#0;</a>",
        b"<a b='1' b='2'/>",
        b"<a><b></a></b>",
        b"<a>" * 65 + b"</a>" * 65,
        b"<a>" * 300_000,
        b"<" + b"a" * 200_000,
        b"<!--" * 50_000,
        b"",
        b"\xff\xfe",
        b"\x00" * 1000,
        b"<a/><b/>",
    ],
)
def test_what_is_refused_at_once(raw):
    start = time.process_time()
    with pytest.raises(BusError) as caught:
        XML.parse(raw, Hints())
    assert caught.value.code is Code.NOT_READABLE
    assert time.process_time() - start < 5  # milliseconds of work; an attack that works takes for ever


def test_size_and_depth_are_limits():
    with pytest.raises(BusError) as caught:
        XML.parse(b"<a/>", Hints(size=3))
    assert caught.value.code is Code.TOO_LARGE
    assert XML.parse(b"<a>" * 64 + b"</a>" * 64, Hints()).tag == "a"
    with pytest.raises(BusError, match="deeper than 2"):
        XML.parse(b"<a><b><c/></b></a>", Hints(depth=2))


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=50)
    | st.text(st.sampled_from("<>/?!a-[]CDATA&;#x\"'= 张\x00"), max_size=40).map(lambda text: text.encode())
)
def test_any_bytes_are_read_or_refused(raw):
    error = refusal_of(XML.parse, raw, Hints())
    assert error is None or error.code is Code.NOT_READABLE


# --- character sets -------------------------------------------------------------------------------


@pytest.mark.parametrize("declared", ["", "<?xml version='1.0' encoding='%s'?>"])
@pytest.mark.parametrize(
    ("says", "written"),
    [
        ("utf-8", "utf-8"), ("GB2312", "gb18030"), ("GBK", "gb18030"), ("GB18030", "gb18030"), ("GB2312", "utf-8"),
        ("utf-16", "utf-8"), ("utf-16", "gb18030"), ("UTF-8", "gb18030"), ("utf-8", "utf-8-sig"), ("utf-16", "utf-16"),
        ("utf-8", "utf-16"), ("nonsense", "utf-8"), ("nonsense", "gb18030"),
    ],
)  # fmt: skip
def test_the_bytes_are_believed_more_than_what_they_declare(declared, says, written):
    raw = ((declared % says if declared else "") + "<a><b>张三，检验科</b></a>").encode(written)
    assert read("a/b", raw) == "张三，检验科"


def test_the_transport_and_the_profile_are_believed_before_the_declaration():
    raw = "<?xml version='1.0' encoding='utf-8'?><a><b>模</b></a>".encode("gbk")
    assert XML.parse(raw, Hints(charset="gbk")).findtext("b") == "模"
    assert Xml({"charset": "gb2312"}).parse(raw, Hints()).findtext("b") == "模"


def test_a_short_text_in_a_declared_set_is_not_taken_for_another():
    raw = "<?xml version='1.0' encoding='GB2312'?><a><b>模</b></a>".encode("gbk")
    assert raw.decode("utf-8")  # by chance these bytes are UTF-8 too
    assert read("a/b", raw) == "模"


# --- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("Response/Head/ResultCode", "0"),
        ("Response/Head/ResultMsg", "a < b"),
        ("Response/Head/Blank", None),
        ("Response/Head/Empty", None),
        ("Response/Head/None", None),
        ("Response/None/None", None),
        ("Other/Head/ResultCode", None),
        ("Response/Body/@id", "7"),
        ("Response/Body/@none", None),
        ("Response/Body/Item/Code", "A"),
        ("Response/Body/Item(1)/Code", "B"),
        ("Response/Body/Item(9)/Code", None),
        ("Response/Body/Item(Code=B)/@no", "2"),
        ("Response/Body/Item(@no=1)/Name", "甲"),
        ("Response/Body/Item(@no=3)/Name", None),
        ("Response/Head/ResultCode/text()", "0"),
    ],
)
def test_paths(path, value):
    assert read(path) == value


def test_repeats():
    assert each("Response/Body/Item", "Code") == ["A", "B"]
    assert each("Response/Body/Item", "@no") == ["1", "2"]
    assert each("Response/Body/Item", "Sub/X") == [None, "1"]
    assert each("Response/Nothing/Item", "Code") == []


def test_blanks_around_a_text_are_kept_unless_they_are_not_wanted():
    raw = "<R><A> 内科　</A><B>  </B></R>".encode()
    assert [read(path, raw) for path in ("R/A", "R/B")] == [" 内科　", None]
    assert [read(path, raw, Xml({"blanks": "trim"})) for path in ("R/A", "R/B")] == ["内科", None]


def test_what_is_closed_wrongly_inside_is_mended_where_the_profile_says_so():
    raw = "<R><Items><Item>甲</Item><Item>乙</Item><Items><N>1&nbsp;</N></R>  ".encode()
    form = Xml({"mend": True})
    assert each("R/Items/Item", ".", raw, form) == ["甲", "乙"]
    for broken in (raw, raw[:-8], b"<R><Items><Item>12", b"<R><A>12</A>", b"R>", b""):
        assert refusal_of(XML.parse, broken, Hints()).code is Code.NOT_READABLE
    for broken in (
        raw[:-8],
        b"<R><Items><Item>12",
        b"<R><A>12</A>",
        b"<R><A>1</A></B>",
        b"R>",
        b"",
        b"<1></1>",
        b"<<></<>",
    ):
        assert refusal_of(form.parse, broken, Hints()).code is Code.NOT_READABLE


def test_namespaces_stripped_or_named():
    raw = b"<s:E xmlns:s='urn:s' xmlns='urn:d'><s:B><R>1</R></s:B></s:E>"
    assert read("E/B/R", raw) == read("x:E/y:B/R", raw) == "1"
    named = Xml({"namespaces": {"q": "urn:s", "": "urn:d"}})
    assert read("q:E/q:B/R", raw, named) == "1"
    assert read("q:E/B/R", raw, named) is None
    with pytest.raises(PathError, match="prefix 'z' is not named"):
        named.read("z:E/R")
    assert (
        named.render({"q:E": {"q:B": {"R": "1"}}}).decode()
        == '<q:E xmlns:q="urn:s" xmlns="urn:d"><q:B><R>1</R></q:B></q:E>'
    )


def test_a_misspelt_root_is_read_as_the_right_one():
    form = Xml({"roots": {"Reponse": "Response"}})
    for raw in (
        b"<Reponse><A>1</A></Reponse>",
        b"<n:Reponse xmlns:n='u'><A>1</A></n:Reponse>",
        b"<Response><A>1</A></Response>",
    ):
        assert read("Response/A", raw, form) == "1"
    assert read("Response/A", b"<Other><A>1</A></Other>", form) is None


@pytest.mark.parametrize(
    "path", ["", "/a", "a//b", "a/", "a b", "a/@", "@a/b", "a(x)/b", "a(-1)", "a[1]", ".", "a/*", "<a>", "a/b(c=1"]
)
def test_what_is_no_path(path):
    with pytest.raises(PathError):
        XML.read(path)


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab/@()=1'\"{}d:. 张"), max_size=12))
def test_any_text_is_a_path_or_refused(path):
    for compile_path in (XML.read, XML.each, lambda path: XML.read_in("a/b", path), XML.target):
        try:
            found = compile_path(path)
        except PathError:
            continue
        if hasattr(found, "code"):
            compile(found.code.replace("{d}", "doc"), "path", "eval")


# --- writing --------------------------------------------------------------------------------------


def test_what_is_written():
    tree = {"Q": {"@v": "1", "A": "<&>\"'", "B": None, "L": {"I": ["x", {"@no": 2, "text()": "y"}]}, "C": True, "D": 7}}
    assert XML.render(tree).decode() == (
        '<Q v="1"><A>&lt;&amp;&gt;"\'</A><B/><L><I>x</I><I no="2">y</I></L><C>true</C><D>7</D></Q>'
    )
    gbk = Xml({"charset": "gb2312", "declaration": True}).render({"a": "张😀"})
    assert gbk == "<?xml version='1.0' encoding='gb2312'?>\n<a>张&#128512;</a>".encode("gb2312")


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=10)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["A", "B", "名"]), TEXT, min_size=1, max_size=3),
    st.sampled_from(["utf-8", "gb18030"]),
)
def test_what_is_written_is_read_back(values, charset):
    form = Xml({"charset": charset})
    root = form.parse(form.render({"R": values}), Hints())
    assert {child.tag: child.text or "" for child in root} == values


@pytest.mark.parametrize(
    "tree", [{}, {"a": "1", "b": "2"}, {"a": ["1", "2"]}, {"a": "\x01"}, {"a": {"b": object()}}, {"a": {"1b": "x"}}]
)
def test_what_cannot_be_written_is_refused(tree):
    with pytest.raises(BusError) as caught:
        XML.render(tree)
    assert caught.value.code is Code.VALIDATION_FAILED


def test_places_to_build():
    assert XML.target("A/B(1)/@c").keys == ("A", "B", 1, "@c")
    assert XML.target("A/B/text()").keys == ("A", "B", "text()")
    for path in ("A/B(C=1)", ".", "A/1b"):
        with pytest.raises(PathError):
            XML.target(path)


@pytest.mark.parametrize("options", [{}, {"namespaces": {"a": "urn:a"}}, {"namespaces": {"": "urn:d"}}])
def test_an_acknowledgement_is_xml(options):
    said = Xml(options).acknowledge(b"", [(b"", BusError(Code.BUSY, "later"))], {"id": "t1"}, batch=False)
    root = etree.fromstring(said[0])
    assert [(etree.QName(each).localname, each.text) for each in root] == [
        ("code", "BUSY"),
        ("message", "系统繁忙，请稍后再试"),
        ("detail", "later"),
        ("traceId", "t1"),
    ]
