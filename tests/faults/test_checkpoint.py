"""Checkpoints under attack: truncations, flipped bits, foreign files. Nothing bad loads and nothing is executed."""

import json
import pickle
import re
import struct
import zipfile

import numpy as np
import pytest
import safetensors.torch
import torch

from core import card
from core import checkpoint as room
from core.checkpoint import load, read_manifest, save, seal
from core.types import Checkpoint
from tests.faults.checkpoints import MANIFEST, tensors


def refused(path, pattern=None):
    """The file is refused by a sentence that names it, says what is wrong and what to do."""
    with pytest.raises(ValueError, match=pattern) as caught:
        load(path)
    text = str(caught.value)
    assert path.name in text and "python train.py two_phase/" in text
    return text


def test_round_trip(path):
    loaded = load(path)
    assert loaded.tensors.keys() == tensors().keys()
    for name, tensor in tensors().items():
        assert loaded.tensors[name].dtype == tensor.dtype and torch.equal(loaded.tensors[name], tensor)
    assert loaded.manifest == json.loads(json.dumps(MANIFEST)) == read_manifest(path)
    assert loaded.digest == seal(tensors(), loaded.manifest) and re.fullmatch("[0-9a-f]{32}", loaded.digest)
    assert [f.name for f in path.parent.iterdir()] == [path.name]


def test_same_content_same_bytes(path, tmp_path):
    views = {name: t.t().contiguous().t() if t.ndim == 2 else t for name, t in reversed(tensors().items())}
    other = tmp_path / "again.safetensors"
    assert save(other, Checkpoint(views, MANIFEST)) == load(path).digest
    assert other.read_bytes() == path.read_bytes()


def test_digest_covers_names_types_shapes_bytes_and_manifest(path):
    digest, base = load(path).digest, tensors()
    moved = {("other" if n == "step" else n): t for n, t in base.items()}
    changed = [
        seal(moved, load(path).manifest),
        seal(base, {**load(path).manifest, "preset": "length"}),
        seal({**base, "step": torch.tensor(7.0, dtype=torch.float64)}, load(path).manifest),
        seal({**base, "double": base["double"].reshape(2, 1)}, load(path).manifest),
        seal({**base, "double": base["double"] + 1}, load(path).manifest),
    ]
    assert len({digest, *changed}) == 6


def test_header_alone_gives_the_manifest_even_when_the_tensors_are_damaged(path):
    blob = bytearray(path.read_bytes())
    blob[-1] ^= 1
    path.write_bytes(blob)
    assert read_manifest(path)["preset"] == "fraction"
    refused(path, "altered")


def test_every_truncation_is_refused(path):
    blob = path.read_bytes()
    for size in range(len(blob)):
        path.write_bytes(blob[:size])
        text = refused(path)
        assert ("truncated" if size else "is empty") in text, (size, text)
        with pytest.raises(ValueError):
            read_manifest(path)


def test_appended_bytes_are_refused(path):
    path.write_bytes(path.read_bytes() + b"\0")
    refused(path, "damaged")


def test_every_flipped_bit_is_refused(path):
    blob = path.read_bytes()
    rng = np.random.default_rng(0)
    for at in range(len(blob)):
        bad = bytearray(blob)
        bad[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(bad)
        refused(path)


class Bomb:
    """Unpickling this writes a file."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (open, (str(self.mark), "w"))


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_pickle_is_refused_and_not_executed(path, tmp_path, protocol):
    mark = tmp_path / "executed"
    path.write_bytes(pickle.dumps(Bomb(mark), protocol=protocol))
    refused(path, "a pickle" if protocol else "not a checkpoint")
    assert not mark.exists()
    pickle.loads(path.read_bytes()).close()
    assert mark.exists()  # the bomb does work


def test_a_torch_save_file_is_refused_and_not_executed(path, tmp_path):
    mark = tmp_path / "executed"
    torch.save({"weights": torch.ones(2), "bomb": Bomb(mark)}, path)
    refused(path, r"zip archive, perhaps from torch\.save")
    assert not mark.exists()


def test_a_zip_is_refused(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", b"b" * 100)
    refused(path, "zip archive")


def test_lengths_that_look_like_a_pickle_or_a_zip_are_no_reason_to_refuse(path):
    wanted = {0x0480, 0x4B50}  # 1152: first bytes 80 04; 19280: "PK"
    for length in wanted:
        blob, note = b"", ""
        while int.from_bytes(blob[:2], "little") != length:
            note += "x" * max(1, length - int.from_bytes(blob[:2], "little") - 8) if blob else "x"
            save(path, Checkpoint({"step": torch.tensor(7)}, {**MANIFEST, "note": note}))
            blob = path.read_bytes()
            assert int.from_bytes(blob[:8], "little") <= length
        assert load(path).manifest["note"] == note


@pytest.mark.parametrize(
    "blob", [b"", b"{}", b"hello world", bytes(1000), b"\x89HDF\r\n\x1a\n" + bytes(99), b"\xff" * 64]
)
def test_foreign_files_are_refused(path, blob):
    path.write_bytes(blob)
    refused(path, "empty|truncated|not a checkpoint of this project")


def test_a_foreign_safetensors_is_refused(path):
    safetensors.torch.save_file({"a": torch.ones(3)}, path, {"format": "pt"})
    refused(path, "without the 'invnet' entry")
    safetensors.torch.save_file({"a": torch.ones(3)}, path)
    refused(path, "without the 'invnet' entry")


@pytest.mark.parametrize("length", [room.MAX_HEADER + 1, 2**31, 2**40, 2**63, 2**64 - 1])
def test_a_hostile_header_length_is_refused(path, length):
    path.write_bytes(struct.pack("<Q", length) + path.read_bytes()[8:])
    refused(path, "announces a header|truncated")


def entry_of(path):
    blob = path.read_bytes()
    length = struct.unpack("<Q", blob[:8])[0]
    header = json.loads(blob[8 : 8 + length])
    return header, json.loads(header["__metadata__"]["invnet"]), blob[8 + length :]


def forge(path, header, entry, body):
    """A file in the right form with any header and entry: what a careful vandal would write."""
    header["__metadata__"] = {"invnet": room.canonical(entry)}
    raw = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    raw += b" " * (-len(raw) % 8)
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + body)


def test_the_forger_can_write_a_good_file(path):
    good = path.read_bytes()
    forge(path, *entry_of(path))
    assert path.read_bytes() == good


def test_hostile_offsets_and_shapes_are_refused(path):
    header, entry, body = entry_of(path)
    for change in [
        {"data_offsets": [0, 2**62]},
        {"data_offsets": [8, 4]},
        {"data_offsets": [-8, 0]},
        {"data_offsets": "x"},
        {"data_offsets": []},
        {"shape": [2**62, 2**62]},
        {"shape": [-1]},
        {"shape": [1e300]},
        {"dtype": "F8_E4M3"},
        {"dtype": 3},
    ]:
        forge(path, {**header, "step": {**header["step"], **change}}, entry, body)
        refused(path)
    forge(path, {**header, "step": 3}, entry, body)
    refused(path)


def test_a_deeply_nested_header_is_refused(path):
    raw = b"[" * 100_000
    path.write_bytes(struct.pack("<Q", len(raw)) + raw)
    refused(path, "header is not readable")


def test_a_newer_version_says_so(path):
    header, entry, body = entry_of(path)
    forge(path, header, {**entry, "schema": room.SCHEMA + 1}, body)
    text = refused(path, "newer version of InvNet Explorer")
    assert "Update InvNet Explorer" in text


@pytest.mark.parametrize(
    "broken", [{"schema": "1"}, {"schema": 0}, {"digest": 3}, {"manifest": []}, {"manifest": None}]
)
def test_a_broken_entry_is_refused(path, broken):
    header, entry, body = entry_of(path)
    forge(path, header, {**entry, **broken}, body)
    refused(path)


@pytest.mark.parametrize("name", list(room.REQUIRED))
@pytest.mark.parametrize("value", [None, 3, "absent"])
def test_an_incomplete_manifest_is_neither_loaded_nor_saved(path, name, value):
    manifest = {**MANIFEST, name: value}
    if value == "absent":
        del manifest[name]
    header, entry, body = entry_of(path)
    forge(
        path, header, {**entry, "manifest": room.plain(manifest), "digest": seal(tensors(), room.plain(manifest))}, body
    )
    refused(path, f"no '{name}'")
    with pytest.raises(ValueError, match=f"was not written: its manifest has no '{name}'"):
        save(path, Checkpoint(tensors(), manifest))


@pytest.mark.parametrize(
    "change",
    [
        {"problem": "../etc"},
        {"preset": "A B"},
        {"data": {"images": 3}},
        {"metrics": {"t": [3]}},
        {"metrics": {"t": 3}},
        {"limits": "none"},
        {"note": float("nan")},
        {"note": object()},
    ],
)
def test_a_senseless_manifest_is_not_saved(path, change):
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"manifest|not a name"):
        save(path, Checkpoint(tensors(), {**MANIFEST, **change}))
    assert path.read_bytes() == before


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_numbers_that_are_not_finite_are_neither_loaded_nor_saved(path, bad, dtype):
    poisoned = {"a": torch.ones(3), "b": torch.tensor([1.0, bad]).to(dtype)}
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"b has values that are not finite\. Keep the last good"):
        save(path, Checkpoint(poisoned, MANIFEST))
    assert path.read_bytes() == before
    entry = {"schema": room.SCHEMA, "digest": seal(poisoned, room.plain(MANIFEST)), "manifest": room.plain(MANIFEST)}
    path.write_bytes(safetensors.torch.save(poisoned, {"invnet": room.canonical(entry)}))
    refused(path, "b has values that are not finite")


def test_a_type_that_no_checkpoint_has_is_refused(path):
    strange = {"b": torch.ones(2, dtype=torch.complex64)}
    with pytest.raises(ValueError, match=r"b is of type torch\.complex64"):
        save(path, Checkpoint(strange, MANIFEST))
    entry = {"schema": room.SCHEMA, "digest": seal(strange, room.plain(MANIFEST)), "manifest": room.plain(MANIFEST)}
    path.write_bytes(safetensors.torch.save(strange, {"invnet": room.canonical(entry)}))
    refused(path, "no checkpoint has")


def test_too_large_a_file_is_refused_unread(path, monkeypatch):
    with open(path, "ab") as file:
        file.truncate(room.MAX_BYTES + 1)
    refused(path, "so it was not read")
    monkeypatch.setattr(room, "MAX_BYTES", 500)
    with pytest.raises(ValueError, match="more than the 500"):
        save(path, Checkpoint(tensors(), MANIFEST))


def test_the_advice_fits_the_file(path):
    path.write_bytes(b"x" * 9)
    text = refused(path.rename(path.with_name("length.safetensors")))
    assert text.endswith("make it again: python train.py two_phase/length") and "git checkout" in text
    state = path.parent / "fraction" / "state.safetensors"
    state.parent.mkdir()
    state.write_bytes(b"x" * 9)
    text = refused(state)
    assert text.endswith("Delete it and make it again: python train.py two_phase/fraction")


def test_a_missing_file_a_folder_and_a_locked_file(path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"python train\.py two_phase/absent"):
        load(path.with_name("absent.safetensors"))
    (path.parent / "folder.safetensors").mkdir()
    refused(path.parent / "folder.safetensors", "is a folder")
    monkeypatch.setattr(
        "builtins.open", lambda *a, **k: (_ for _ in ()).throw(PermissionError(13, "Permission denied"))
    )
    refused(path, "cannot be read .Permission denied")


def test_the_card_is_written_from_the_manifest(path):
    target = card.write(path)
    text = target.read_text()
    assert target == path.with_suffix(".md") and text == card.render(read_manifest(path), load(path).digest)
    assert "| name | value | unit | bar | rival | note |" in text
    assert "| S2 error | 0.001235 |  | 0.002 | 0.0018 | a \\| b |" in text
    assert "Only for λ > 0." in text and "python train.py two_phase/fraction" in text and load(path).digest in text
    assert (
        "learned from its equations alone" in card.render({**MANIFEST, "data": {}})
        and "learned from its equations" not in text
    )
