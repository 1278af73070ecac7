"""Layers: what wins, where each value came from, and every mistake at once with its place."""

from pathlib import Path

import pytest

from engine.settings.layers import load_config
from engine.settings.models import Config
from engine.settings.problems import Problems

ROOT = Path(__file__).parents[3]


@pytest.fixture
def site(tmp_path):
    def write(**files):
        (tmp_path / "config").mkdir(exist_ok=True)
        for name, text in files.items():
            (tmp_path / "config" / f"{name}.yaml").write_text(text, encoding="utf-8")
        return tmp_path

    return write


def load(folder, environment=None, environ=()):
    problems = Problems()
    loaded = load_config(folder, environment, dict(environ), problems)
    assert loaded is not None, [str(problem) for problem in problems]
    assert not problems
    return loaded


def findings(folder, environment=None, environ=()):
    problems = Problems()
    assert load_config(folder, environment, dict(environ), problems) is None
    return [str(problem) for problem in problems]


HIS = "systems: {his: {profile: his/acme, url: https://his.intra, limits: {at_once: 4}}}\n"


def test_later_layers_win_value_by_value_and_places_are_kept(site):
    folder = site(default=HIS + "log: {level: info}\n", production="systems:\n  his:\n    limits: {total: 3s}\n")
    loaded = load(folder, "production", {"HISBUS__SYSTEMS__HIS__URL": "https://new.intra"})
    assert loaded.config.systems["his"].url == "https://new.intra"
    assert loaded.config.systems["his"].profile == "his/acme"
    limits = loaded.config.limits("his")
    assert (limits.at_once, limits.total, limits.connect) == (4, 3.0, 2.0)
    assert loaded.origin("systems.his.url") == "$HISBUS__SYSTEMS__HIS__URL"
    assert loaded.origin("systems.his.limits.at_once") == "config/default.yaml:1:78"
    assert loaded.origin("systems.his.limits.total") == "config/production.yaml:3:21"
    assert loaded.origin("stop.grace") == "default"
    assert loaded.config.site.environment == "production"
    assert loaded.origin("site.environment") == "$HISBUS_ENV"


def test_the_environment_a_file_writes_wins_over_the_variable(site):
    assert load(site(live="site: {environment: production}"), "live").config.site.environment == "production"


def test_campus_over_system_over_delivery(site):
    folder = site(
        default="site: {campuses: [main, north]}\n"
        "delivery: {limits: {at_once: 2, idle: 1m, pace: 20/s}, breaker: {after: 9}}\n"
        "systems: {his: {profile: a/b, limits: {at_once: 4}, at: {north: {limits: {total: 1s}}}}}\n"
    )
    config = load(folder).config
    assert (config.limits("his").at_once, config.limits("his").total, config.limits("his").idle) == (4, 10, 60)
    assert (config.limits("his", "north").at_once, config.limits("his", "north").total) == (4, 1)
    assert config.pace("his") == 20
    assert config.breaker("his").after == 9


def test_variables_reach_lists_names_with_dashes_and_words_that_look_like_numbers(site):
    environ = {
        "HISBUS__SITE__CAMPUSES": "[main, north]",
        "HISBUS__SYSTEMS__LIS_2__LISTEN": "127.0.0.1:0",
        "HISBUS__SITE__NAME": '"301"',
        "HISBUS_SECRET_X": "not a setting",
    }
    config = load(site(default="systems: {lis-2: {profile: a/b}}"), None, environ).config
    assert config.site.campuses == ["main", "north"]
    assert config.systems["lis-2"].listen == ("127.0.0.1", 0)
    assert config.site.name == "301"


def test_a_value_is_never_text_that_changes_the_structure(site):
    environ = {"HISBUS__SITE__NAME": "x}\nlog: {level: debug"}
    config = load(site(), None, environ).config
    assert config.site.name == "x}\nlog: {level: debug"
    assert config.log.level == "info"


def test_every_mistake_at_once_with_its_place_and_its_mend(site):
    folder = site(
        default="site: {timezone: Asia/Shangai}\n"
        "systems:\n"
        "  his: {profle: his/acme, limits: {total: 10}}\n"
        "  lis: {profile: a/b, listen: 2575, clients: {app: {secret: 5}}}\n"
        "journal: {commit: lop, url: 'mysql://u:hunter2@x'}\n"
        "secrets: [{}]\n"
    )
    found = findings(folder, None, {"HISBUS__STOP__GRACEE": "5s"})
    assert found == [
        "$HISBUS__STOP__GRACEE: 'gracee' is not known here (did you mean 'grace'?)",
        "config/default.yaml:1:8: this time zone is not known (write it like Asia/Shanghai)",
        "config/default.yaml:3:3: 'profile' is missing (How it speaks: a file below `mappings/`, like `his/acme`)",
        "config/default.yaml:3:9: 'profle' is not known here (did you mean 'profile'?)",
        "config/default.yaml:3:36: a duration needs its unit, 10 could be anything (write 10s, 10m or 10h)",
        "config/default.yaml:4:23: an address to listen on needs its host (write 127.0.0.1:2575, or 0.0.0.0:2575 for all)",
        "config/default.yaml:4:53: 'secret' must be text (put it in quotes)",
        "config/default.yaml:5:11: 'lop' is no value of 'commit' (did you mean 'loop'?)",
        "config/default.yaml:5:24: the journal is SQLite or PostgreSQL (write sqlite:///var/journal.db or postgresql://host/name)",
        "config/default.yaml:6:11: a place for secrets is a folder or a prefix (write {files: /run/secrets} or {env: HISBUS_SECRET_})",
    ]
    assert "hunter2" not in "".join(found)


def test_a_password_written_in_clear_is_refused_and_not_repeated(site):
    folder = site(default="systems: {his: {profile: a/b, login: {user: x, password: hunter2}}}")
    assert findings(folder) == [
        "config/default.yaml:1:48: a secret stands here by its name only (write {secret: its_name})"
    ]


def test_an_unknown_environment_names_those_there_are(site):
    assert findings(site(default="", production=""), "prodction") == [
        "$HISBUS_ENV: the environment 'prodction' is not known (did you mean 'production'?)"
    ]


def test_default_yaml_says_every_setting_with_its_default():
    written = load(ROOT)
    assert written.config == Config()
    unsaid = [setting.path for setting in written.settings() if setting.origin == "default"]
    assert [path for path in unsaid if not path.startswith("secrets.")] == []


def test_the_example_for_production_is_valid(site):
    example = (ROOT / "config/production.example.yaml").read_text(encoding="utf-8")
    loaded = load(site(production=example), "production")
    assert loaded.config.site.environment == "production"


def test_settings_are_shown_as_they_are_written(site):
    shown = {setting.path: setting.value for setting in load(site(default=HIS)).settings()}
    assert shown["journal.reserve"] == "512MB"
    assert shown["journal.key"] == {"secret": "journal_key"}
    assert shown["systems.his.limits.total"] == "10s"


def test_keys_that_outlive_the_answers_they_stand_for_are_found(site):
    folder = site(default="journal: {keep: {bodies: 30d, keys: 30d}}\n", short="journal:\n  keep: {bodies: 7d}\n")
    load(folder)
    (finding,) = findings(folder, "short")
    assert "keys outlive the answers that they stand for" in finding
    assert load(folder, "short", {"HISBUS__JOURNAL__KEEP__KEYS": "7d"}).config.journal.keep.keys == 7 * 86400.0
