"""The problem in core/README.md ("A new problem in ten minutes") works as printed, with no edit elsewhere."""

import json
import re
from pathlib import Path

import pytest

import core
import core.problems
import train
from core import discovery, sampling
from explorer.live import protocol
from explorer.live.models import ModelCache
from explorer.live.service import Service

README = Path(core.__file__).parent / "README.md"


@pytest.fixture
def blobs(tmp_path, monkeypatch):
    """The folder of its checkpoints, the file among the problems."""
    code = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S).group(1)
    folder = tmp_path / "problems"
    folder.mkdir()
    (folder / "blobs.py").write_text(code, encoding="utf-8")
    core.problems.__path__.append(str(folder))
    monkeypatch.setattr(sampling, "CHECKPOINTS", tmp_path / "out")
    discovery.names.cache_clear()
    yield tmp_path
    core.problems.__path__.remove(str(folder))
    discovery.names.cache_clear()


def test_it_is_trained_sampled_and_dragged(blobs, capsys):
    folders = ["--runs", str(blobs / "runs"), "--out", str(blobs / "out")]
    assert train.main(["blobs", "--device", "cpu", "--samples", "16", *folders]) == 0, capsys.readouterr().err
    lines = [json.loads(line) for line in (blobs / "runs/blobs/fraction/metrics.jsonl").read_text().splitlines()]
    losses = [line["projection.loss"] for line in lines]
    assert len(losses) == 200 and sum(losses[-20:]) < 0.5 * sum(losses[:20])
    assert "blobs" in core.problems()
    sample = core.load("blobs").sample({"volume_fraction": 0.3}, n=3)
    assert [int(labels.sum()) for labels in sample.labels] == [round(0.3 * 64 * 64)] * 3
    request = {"id": 1, "model": "blobs/fraction", "conditions": {"volume_fraction": 0.6}}
    header, arrays = protocol.decode(Service(ModelCache()).answer(json.dumps(request)))
    assert header["measured"]["volume_fraction"] == pytest.approx(0.6, abs=1 / 64**2)
    assert arrays["picture"].shape == (64, 64)
