"""Secrets by reference, the rules of production, and keys that software holds."""

import pytest

from engine.settings.keys import KeysUnavailable, SoftKeys
from engine.settings.layers import load_config
from engine.settings.models import SecretSource
from engine.settings.problems import Problems
from engine.settings.rules import check_rules
from engine.settings.secrets import SecretMissing, Secrets, check_secrets

SECRET = "correct-horse-battery-staple-0123456789"


@pytest.fixture
def secrets(tmp_path):
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/from_file").write_text(SECRET + "\n", encoding="utf-8")
    (tmp_path / "outside").write_text("x", encoding="utf-8")
    sources = [SecretSource(files="keys"), SecretSource(env="HISBUS_SECRET_")]
    return Secrets(sources, tmp_path, {"HISBUS_SECRET_FROM_ENV": "e", "HISBUS_SECRET_FROM_FILE": "later place"})


def test_the_first_place_that_has_it_wins_and_line_ends_are_not_part(secrets):
    assert secrets.open("from_file") == SECRET
    assert secrets.open("from-env") == "e"


def test_a_missing_one_names_the_places_and_printing_shows_no_value(secrets):
    with pytest.raises(SecretMissing, match=r"keys/gone, \$HISBUS_SECRET_GONE"):
        secrets.open("gone")
    assert SECRET not in repr(secrets)


def test_a_name_does_not_lead_out_of_its_folder(secrets):
    assert not secrets.has("../outside")


def loaded_from(folder, text):
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config/default.yaml").write_text(text, encoding="utf-8")
    problems = Problems()
    loaded = load_config(folder, None, {}, problems)
    assert loaded is not None, list(problems)
    return loaded


def test_check_finds_all_missing_secrets_and_a_short_key(secrets, tmp_path):
    loaded = loaded_from(
        tmp_path,
        "journal: {key: {secret: from_env}}\n"
        "systems:\n"
        "  his: {profile: a/b, login: {password: {secret: his_password}}}\n"
        "  app: {profile: a/b, clients: {x: {secret: app_key}}}\n",
    )
    problems = Problems()
    check_secrets(loaded, secrets, problems)
    assert [str(problem) for problem in problems] == [
        "config/default.yaml:1:17: the secret 'from_env' is too short for a key (make one with: openssl rand -hex 32)",
        "config/default.yaml:3:42: the secret 'his_password' is nowhere (looked at keys/his_password, $HISBUS_SECRET_HIS_PASSWORD)",
        "config/default.yaml:4:37: the secret 'app_key' is nowhere (looked at keys/app_key, $HISBUS_SECRET_APP_KEY)",
    ]


def test_production_refuses_what_is_only_for_a_sandbox(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config/sandbox.yaml").write_text("systems: {m: {url: 'http://sim.intra:7000'}}", encoding="utf-8")
    text = (
        "site: {environment: production}\n"
        "systems:\n"
        "  lis:  {profile: a/b, listen: '0.0.0.0:2575', accept_processing_ids: [P, T]}\n"
        "  his:  {profile: a/b, url: 'http://127.0.0.1:9001', tls: {verify: false}}\n"
        "  sms:  {profile: a/b, url: 'http://sim.intra:7000/x', at: {main: {url: 'http://localhost:9002'}}}\n"
        "  tlcp: {profile: a/b, url: 'http://127.0.0.1:18443'}\n"
    )
    problems = Problems()
    check_rules(loaded_from(tmp_path, text), tmp_path, problems)
    assert [(problem.where.line, problem.what) for problem in problems] == [
        (3, "production takes no test messages (MSH-11 T)"),
        (4, "production does not call the simulated hospital"),
        (4, "production checks certificates"),
        (5, "production does not call the simulated hospital"),
        (5, "production does not call the simulated hospital"),
    ]
    problems = Problems()
    check_rules(loaded_from(tmp_path, text.replace("production", "staging")), tmp_path, problems)
    assert not problems


def test_campuses_that_are_not_there(tmp_path):
    loaded = loaded_from(
        tmp_path, "systems: {his: {profile: a/b, at: {noth: {}}, clients: {x: {secret: y, campuses: [man]}}}}"
    )
    problems = Problems()
    check_rules(loaded, tmp_path, problems)
    assert [problem.what for problem in problems] == [
        "the campus 'noth' is not known",
        "the campus 'man' is not known",
    ]


async def test_software_keys_give_long_secrets_only(secrets):
    keys = SoftKeys(secrets)
    assert await keys.master("from_file") == SECRET.encode()
    assert "not a certified" in keys.info.product
    for name, why in (("gone", "nowhere"), ("from_env", "too short")):
        with pytest.raises(KeysUnavailable, match=why):
            await keys.master(name)
