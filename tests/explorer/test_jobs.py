"""Work in the background: progress, failure in a sentence, cancelling, limits, and nothing left behind."""

import os
import signal
import subprocess
import sys
import time

import pytest

from explorer import jobs
from explorer.jobs import Jobs

STEPS = "import time\nfor i in range(4):\n    print(i + 1, 4, sep='/', flush=True)\n    time.sleep({pause})"


@pytest.fixture
def mine():
    made = Jobs()
    yield made
    made.close()


def program(text, **change):
    return lambda folder: ["-c", text.format(**change) if change else text]


def wait(job, patience=60.0):
    end = time.monotonic() + patience
    while job.state == "running" and time.monotonic() < end:
        time.sleep(0.02)
    return job.state


def test_progress_is_followed_to_the_end(mine):
    job = mine.start("a", program(STEPS, pause=0.15))
    assert job.state == "running" and job.folder.is_dir() and job.share < 1
    seen = set()
    while job.state == "running":
        seen.add(job.share)
        time.sleep(0.02)
    assert job.state == "done" and job.share == 1 and len(seen) > 1 and mine.get("a") is job
    assert job.seconds > 0.5


def test_a_job_writes_into_its_own_folder_at_low_priority(mine):
    text = (
        "import os, sys, time; time.sleep(.3); open(sys.argv[1] + '/made', "
        "'w').write(str(os.getpriority(os.PRIO_PROCESS, 0)))"
    )
    made = [mine.start(name, lambda folder: ["-c", text, str(folder)]) for name in "ab"]
    assert [wait(job) for job in made] == ["done", "done"] and made[0].folder != made[1].folder
    assert all((job.folder / "made").read_text() == str(jobs.PRIORITY) for job in made)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("raise SystemExit('There is no such model. Train it.')", "There is no such model. Train it."),
        ("import sys; sys.exit(3)", "status 3 and no message"),
        ("import os; os.kill(os.getpid(), 9)", "ended by signal 9 ("),
        ("print('x/y')\nprint('1/0')\nraise SystemExit('a' * 9999)", "aaa"),
    ],
)
def test_a_failure_is_a_sentence(mine, text, words):
    job = mine.start("a", program(text))
    assert wait(job) == "failed" and words in job.sentence and len(job.sentence) <= jobs.LONGEST_ERROR
    assert job.share == 0


def test_cancelling_ends_the_process_and_deletes_its_folder(mine):
    job = mine.start("a", program(STEPS, pause=60))
    process = job._process.pid
    mine.drop("a")
    assert job.state == "cancelled" and not job.folder.exists() and mine.get("a") is None
    with pytest.raises(ProcessLookupError):
        os.kill(process, signal.SIG_DFL)


def test_the_same_name_replaces_what_was_made(mine):
    first = mine.start("a", program("pass"))
    wait(first)
    second = mine.start("a", program("pass"))
    assert not first.folder.exists() and wait(second) == "done"


def test_only_a_few_run_at_once_in_all_sessions(mine, monkeypatch):
    monkeypatch.setattr(jobs, "MOST", 2)
    other = Jobs()
    other.start("a", program(STEPS, pause=60))
    mine.start("a", program(STEPS, pause=60))
    with pytest.raises(ValueError, match="2 jobs run already"):
        mine.start("b", program("pass"))
    other.close()
    assert wait(mine.start("b", program("pass"))) == "done"


def test_what_is_old_is_thrown_away(mine):
    now = [time.monotonic()]
    aging = Jobs(clock=lambda: now[0])
    job = aging.start("a", program("pass"))
    wait(job)
    now[0] += jobs.KEPT + 1
    assert aging.get("a") is None and not job.folder.exists()


def test_a_page_that_comes_back_finds_its_jobs(mine):
    job = mine.start("a", program(STEPS, pause=60))
    mine.leave(0.3)
    mine.stay()
    time.sleep(0.5)
    assert job.state == "running"
    mine.leave(0.05)
    assert wait(job) == "cancelled"
    mine._leaving.join(10)
    assert not job.folder.exists()


def test_nothing_outlives_the_explorer(mine):
    made = [one.start("a", program(STEPS, pause=60)) for one in (mine, Jobs())]
    Jobs.close_all()
    assert [job.state for job in made] == ["cancelled"] * 2 and not any(job.folder.exists() for job in made)


def test_what_killed_explorers_left_is_deleted(tmp_path):
    old, new, foreign = (tmp_path / name for name in (f"{jobs.PREFIX}old", f"{jobs.PREFIX}new", "other"))
    for folder in (old, new, foreign):
        folder.mkdir()
    for folder in (old, foreign):
        os.utime(folder, (0, 0))
    jobs.forget(tmp_path)
    assert not old.exists() and new.exists() and foreign.exists()


def test_without_room_it_is_a_sentence(mine, monkeypatch):
    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(jobs.tempfile, "mkdtemp", full)
    with pytest.raises(ValueError, match="could not be started"):
        mine.start("a", program("pass"))


def test_a_job_ends_soon_after_its_explorer(tmp_path):
    """Its pipe has no reader any more: the next line of progress ends it."""
    explorer = """
import sys, time
from pathlib import Path
from explorer.jobs import Job
work = "import os, time\\nprint(str(os.getpid()) + '/9', flush=True)\\n"
work += "while True: time.sleep(.1); print('1/9', flush=True)"
job = Job(["-c", work], Path(sys.argv[1]))
while not job.done: time.sleep(.02)
print(job.done, flush=True)
time.sleep(60)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", explorer, str(tmp_path)], cwd=jobs.ROOT, stdout=subprocess.PIPE, text=True
    )
    with process:
        worker = int(process.stdout.readline())
        process.kill()
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            os.kill(worker, signal.SIG_DFL)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError("the job outlives its explorer")
