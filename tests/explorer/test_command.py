"""The command `invnet`: which command it starts, with which words and settings."""

import os
import signal
import subprocess
import sys
import time
import tomllib

import pytest
from streamlit import config

from explorer import command

SETTINGS = tomllib.loads(command.settings_file().read_text(encoding="utf-8"))


@pytest.fixture
def started(monkeypatch):
    """What would have been run: (words, variables), in order."""
    runs = []

    def run(words, variables):
        runs.append((list(words), dict(variables)))
        return 5

    monkeypatch.setattr(command, "run", run)
    return runs


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["train"], ["-m", "train"]),
        (["train", "two_phase/fraction", "--budget", "3"], ["-m", "train", "two_phase/fraction", "--budget", "3"]),
        (["train", "--help"], ["-m", "train", "--help"]),
        (
            ["sample", "burgers", "-n", "4", "--out", "a b.h5"],
            ["-m", "core.sampling", "burgers", "-n", "4", "--out", "a b.h5"],
        ),
    ],
)
def test_words_after_a_command_go_there_unchanged(started, given, words):
    assert command.main(given) == 5
    assert started[0][0] == words


def test_without_a_command_the_explorer_opens(started):
    script = str(command.HERE / "app.py")
    assert command.main([]) == 5
    assert command.main(["--no-browser", "--port", "8600"]) == 5
    assert started[0][0] == ["-m", "streamlit", "run", script]
    assert started[1][0] == [*started[0][0], "--server.port", "8600", "--server.headless", "true"]


def test_an_unknown_command_is_one_sentence(started, capsys):
    assert command.main(["tarin", "two_phase"]) == 2
    said = capsys.readouterr()
    assert said.err == "There is no command 'tarin'. Use invnet, invnet train or invnet sample; see invnet --help.\n"
    assert not said.out and not started


@pytest.mark.parametrize(
    ("given", "say"),
    [
        (["--port", "0"], "--port must be a number from 1 to 65535; got 0."),
        (["--port", "x"], "invalid int value: 'x'"),
        (["--prot", "1"], "unrecognized arguments"),
    ],
)
def test_wrong_options_are_refused(started, capsys, given, say):
    with pytest.raises(SystemExit) as ended:
        command.main(given)
    assert ended.value.code == 2 and say in capsys.readouterr().err and not started


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(["--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(text in said for text in ("--port", "--no-browser", *(f"invnet {word}" for word in command.MODULES)))


def test_nothing_heavy_is_imported():
    code = "import sys; from explorer import command; print({'torch', 'streamlit', 'numpy', 'core'} & set(sys.modules))"
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=command.HERE.parent, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "set()"


def test_settings_become_the_variables_that_streamlit_reads():
    names = {f"{section}.{key}" for section in ("server", "browser", "client", "runner") for key in SETTINGS[section]}
    expected = {config._config_options_template[name].env_var for name in names}
    found = command.variables(SETTINGS)
    assert expected == {name for name in found if not name.startswith("STREAMLIT_THEME_")}
    assert found["STREAMLIT_SERVER_ADDRESS"] == "127.0.0.1"
    assert found["STREAMLIT_SERVER_ALLOWED_HOSTS"] == "localhost 127.0.0.1"
    assert found["STREAMLIT_RUNNER_POST_SCRIPT_GC"] == found["STREAMLIT_BROWSER_GATHER_USAGE_STATS"] == "false"
    assert found["STREAMLIT_THEME_LIGHT_CHART_CATEGORICAL_COLORS"].startswith('["#0072B2", ')


def test_variables_of_the_caller_come_before_the_settings():
    given = {"STREAMLIT_SERVER_ADDRESS": "0.0.0.0", "HOME": "x"}
    found = command.environment(given)
    assert found["STREAMLIT_SERVER_ADDRESS"] == "0.0.0.0" and found["HOME"] == "x"
    assert found["STREAMLIT_SERVER_MAX_UPLOAD_SIZE"] == str(SETTINGS["server"]["maxUploadSize"])


def test_the_folder_of_models_becomes_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert command.environment({"INVNET_CHECKPOINTS": "mine"})["INVNET_CHECKPOINTS"] == str(tmp_path / "mine")


def test_settings_lie_inside_an_installed_package(tmp_path):
    package = tmp_path / "explorer"
    (tmp_path / ".streamlit").mkdir()
    assert command.settings_file(package) == tmp_path / ".streamlit" / "config.toml"
    (package / "settings").mkdir(parents=True)
    (package / "settings" / "config.toml").touch()
    assert command.settings_file(package) == package / "settings" / "config.toml"


def test_a_plain_checkout_is_put_on_the_path(started, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    command.main(["train"])
    assert started[0][1]["PYTHONPATH"] == f"{command.HERE.parent}{os.pathsep}elsewhere"


PROGRAM = "import sys\nfrom explorer import command\nsys.exit(command.{way}([{python}'-c', {code!r}], {{}}))"


def child(way, code, **more):
    """A process that runs `code` by `command.run` or `command.attend`."""
    text = PROGRAM.format(way=way, python="" if way == "run" else "sys.executable, ", code=code)
    words = [sys.executable, "-c", text]
    return subprocess.Popen(words, cwd=command.HERE.parent, text=True, preexec_fn=heed_interrupts, **more)


def heed_interrupts():
    """What a background job of a shell inherits is that Ctrl-C is ignored; here it is not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("way", ["run", "attend"])
def test_the_exit_status_and_interrupts_are_the_childs(way):
    assert child(way, "raise SystemExit(7)").wait(20) == 7
    waits = (
        "import sys, time\ntry:\n print('ready', flush=True)\n time.sleep(20)\nexcept KeyboardInterrupt:\n sys.exit(42)"
    )
    with child(way, waits, stdout=subprocess.PIPE, start_new_session=True) as running:
        assert running.stdout.readline() == "ready\n"
        time.sleep(0.1)
        os.killpg(running.pid, signal.SIGINT)
        assert running.wait(20) == 42
