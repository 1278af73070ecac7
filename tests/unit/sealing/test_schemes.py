"""Seal texts: presets prove themselves, findings have places, secrets stay inside."""

import hashlib
import hmac

import pytest

from engine.sealing.schemes import load_seal, preset, presets
from engine.sealing.sign import make_signer
from engine.sealing.template import Parts
from engine.settings.nodes import parse
from engine.settings.problems import Problems

SECRET = "demo-secret-0123456789abcdef"
CALL = Parts("POST", "/v1/messages?dry=1", b'{"to":"P1"}', "1767225600", "n-1", "demo-app", SECRET)


def load(text):
    problems = Problems()
    node = parse(text, "gateway.yaml", problems)
    scheme = load_seal(node.get("seal"), problems)
    return scheme, [str(problem) for problem in problems]


@pytest.mark.parametrize("name", sorted(presets()))
def test_every_preset_carries_known_answers_and_meets_them(name):
    assert presets()[name].known
    assert preset(name).headers  # asserts inside that no answer differs
    assert load(f"seal: {name}\n")[1] == []


def test_the_scheme_of_channel_and_gateway_spelled_out():
    string = "POST\n/v1/messages?dry=1\n1767225600\nn-1\n" + hashlib.sha256(CALL.body).hexdigest()
    assert preset("app-hmac").headers_for(CALL) == {
        "X-App-Id": "demo-app",
        "X-Timestamp": "1767225600",
        "X-Nonce": "n-1",
        "X-Signature": hmac.new(SECRET.encode(), string.encode(), "sha256").hexdigest(),
    }


def test_verify_takes_either_of_two_secrets_and_nothing_else():
    scheme = preset("app-hmac")
    headers = {name.lower(): value for name, value in scheme.headers_for(CALL).items()}
    shown = scheme.presented(headers)
    assert (shown.user, shown.timestamp, shown.nonce) == ("demo-app", "1767225600", "n-1")
    told = Parts(CALL.method, CALL.path, CALL.body, shown.timestamp, shown.nonce, shown.user, "", shown.signature)
    assert scheme.verify(told, [SECRET])
    assert scheme.verify(told, ["new", SECRET])
    assert scheme.verify(told, [SECRET, "old"])
    assert not scheme.verify(told, ["new", "old"])
    assert not scheme.verify(told, [])


@pytest.mark.parametrize(
    "change",
    [{"method": "GET"}, {"path": "/v1/messages?dry=2"}, {"body": b"{}"}, {"timestamp": "1767225601"}, {"nonce": "n-2"}],
)
def test_everything_that_is_signed_is_covered(change):
    scheme = preset("app-hmac")
    signature = scheme.signature(CALL)
    fields = {name: getattr(CALL, name) for name in ("method", "path", "body", "timestamp", "nonce", "user")}
    assert scheme.verify(Parts(**fields, signature=signature), [SECRET])
    assert not scheme.verify(Parts(**{**fields, **change}, signature=signature), [SECRET])


def test_a_header_that_is_missing_presents_nothing():
    headers = {name.lower(): value for name, value in preset("app-hmac").headers_for(CALL).items()}
    for name in headers:
        assert preset("app-hmac").presented({key: value for key, value in headers.items() if key != name}) is None


def test_a_scheme_of_a_partner_as_data():
    # values joined by | and the key behind them, MD5 in upper case: a form seen at registration platforms
    scheme, found = load(
        """
        seal:
          algorithm: md5
          string: "{user}|{timestamp}|{body}|{secret}"
          encoding: hex-upper
          headers: {Sign: "{signature}", App: "{user}", Time: "{timestamp}"}
          known:
            - {user: u1, timestamp: "1", body: "b", secret: s, headers: {Sign: B6829FBDFC10E8697BD8CBB7C5CF880A}}
        """
    )
    assert found == []
    made = scheme.headers_for(Parts(user="u2", timestamp="7", body=b"b", secret="s"))
    assert made == {"Sign": hashlib.md5(b"u2|7|b|s").hexdigest().upper(), "App": "u2", "Time": "7"}


@pytest.mark.parametrize(("how", "written"), [("hex", "00ff10"), ("base64", "AP8Q"), ("text", "\x00")])
def test_the_key_is_read_as_it_is_written(how, written):
    key = b"\x00\xff\x10" if how != "text" else b"\x00"
    answer = hmac.new(key, b"x", "sha256").hexdigest()
    scheme, found = load(
        f"""
seal:
  algorithm: hmac-sha256
  string: "x"
  secret: {how}
  headers: {{S: "{{signature}}"}}
  known: [{{timestamp: "0", secret: "{written if how != "text" else chr(92) + "0"}", headers: {{S: {answer}}}}}]
"""
    )
    assert found == []
    assert scheme.headers_for(Parts(secret=written)) == {"S": answer}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("seal: app-hmak", "1:7: the signature 'app-hmak' is not known (did you mean 'app-hmac'?)"),
        ("seal: {like: app-hmac, headrs: {}}", "1:24: 'headrs' is not known here (did you mean 'headers'?)"),
        ("seal: {algorithm: md5}", "a signature needs 'algorithm', 'string' and 'headers'"),
        (
            'seal: {like: app-hmac, string: "{body.sha265}"}',
            "{body.sha265} is not known here (did you mean 'body.sha256'?)",
        ),
        ('seal: {like: app-hmac, string: "{nonce}"}', "a signature of your own needs a known answer"),
        ('seal: {like: app-hmac, headers: {A: "{secret}"}}', "the header A would carry the secret or the body itself"),
        ('seal: {like: app-hmac, string: "{secret}"}', "the secret is the key here"),
        (
            'seal: {like: app-hmac, encoding: base64, known: [{timestamp: "1", secret: s, headers: {X-Signature: abc}}]}',
            "the known answer differs: X-Signature comes out as",
        ),
        (
            'seal: {like: app-hmac, secret: hex, known: [{timestamp: "1", secret: zz, headers: {}}]}',
            "the secret of a known answer is not written as 'secret' says",
        ),
    ],
)
def test_findings_say_where_what_and_what_to_do(text, says):
    found = load(text + "\n")[1]
    assert any(says in one and one.startswith("gateway.yaml:1:") for one in found), found


def test_nothing_prints_a_secret():
    scheme = preset("app-hmac")
    signer = make_signer(scheme, {"user": "demo-app", "secret": SECRET}.__getitem__)
    headers = signer("GET", "/", b"", "1", "n")
    assert headers["X-App-Id"] == "demo-app"
    for thing in (CALL, scheme, signer, headers, presets()["app-hmac"].known[0]):
        assert SECRET not in repr(thing)
    assert "P1" not in repr(CALL)


def test_a_preset_proves_itself_again_wherever_a_text_names_it(monkeypatch):
    monkeypatch.setattr("engine.sealing.sign.keyed", lambda *_: b"a library that computes something else")
    assert any("the known answer differs: X-Signature" in one for one in load("seal: app-hmac")[1])
    assert any("the known answer differs" in one for one in load("seal: {like: app-hmac, values: {a: b}}")[1])
