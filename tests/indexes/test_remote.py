"""Galleries at addresses: in memory, in files, and in an S3 that moto plays where it is installed."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import fsspec
import numpy as np
import pytest

from likebut.indexes import remote
from likebut.indexes.build import build
from likebut.indexes.contents import changed_files
from likebut.indexes.decode import load_image, size_of
from likebut.indexes.errors import GalleryError, NoImages
from likebut.indexes.scan import scan
from likebut.indexes.store import Index


@pytest.fixture
def memory(gallery):
    """The address of a copy of the gallery in memory."""
    system = fsspec.filesystem("memory")
    system.put(f"{gallery}/", "/bucket/photos", recursive=True)
    system.pipe("/bucket/photos/.hidden/x.png", b"none of them")
    system.pipe("/bucket/photos/notes.txt", b"none of them")
    yield "memory://bucket/photos"
    system.rm("/bucket", recursive=True)


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("s3://bucket/a b.jpg", "s3://bucket/a b.jpg"),
        (Path("s3://bucket/a.jpg"), "s3://bucket/a.jpg"),
        (Path("memory:///bucket/a.jpg"), "memory:///bucket/a.jpg"),
        (Path("file:///home/a.jpg"), "file:///home/a.jpg"),
        ("/home/s3://a.jpg", ""),
        ("C:/a.jpg", ""),
        ("photos/a.jpg", ""),
        ("", ""),
    ],
)
def test_an_address_is_known_even_where_pathlib_took_a_slash(path, address):
    assert remote.as_address(path) == address


def test_only_addresses_of_other_machines_need_a_network():
    assert remote.is_elsewhere("s3://bucket/photos")
    assert not any(map(remote.is_elsewhere, ("memory://bucket", "file:///home", "/home", "photos")))


def test_ids_are_names_below_the_address_and_rows_those_of_the_same_files_here(
    gallery, memory, encoder, tmp_path
):
    here, there = tmp_path / "here", tmp_path / "there"
    build([gallery], here, encoder)
    report = build([memory + "/"], there, encoder)
    assert (report.items, report.encoded, report.failed) == (3, 3, ())
    one, other = Index.open(here), Index.open(there)
    assert [item.id for item in other.all_items()] == ["deep/blue.png", "green.png", "red.png"]
    assert other.items([0])[0].path == "memory:///bucket/photos/deep/blue.png"
    assert one.manifest.rows_sha256 == other.manifest.rows_sha256
    assert one.manifest.shards == other.manifest.shards
    assert np.array_equal(one.vectors()[0], other.vectors()[0])
    assert other.manifest.roots == (memory,)


def test_a_second_build_reads_nothing_and_a_replaced_object_alone(memory, encoder, tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr("likebut.indexes.reading.read", lambda one: read.append(one) or remote.read(one))
    build([memory], tmp_path / "out", encoder)
    assert len(read) == 3
    assert not build([memory], tmp_path / "out", encoder).news
    system = fsspec.filesystem("memory")
    system.pipe("/bucket/photos/red.png", system.cat("/bucket/photos/green.png"))
    report = build([memory], tmp_path / "out", encoder)
    assert (report.items, report.reused, report.encoded, report.duplicates) == (3, 2, 0, 1)
    assert read[3:] == ["memory:///bucket/photos/red.png"]
    assert changed_files(tmp_path / "out") == ()


def test_an_object_that_goes_while_it_is_read_fails_alone(memory, encoder, tmp_path, monkeypatch):
    def gone(address):
        if address.endswith("red.png"):
            fsspec.filesystem("memory").rm("/bucket/photos/red.png")
        return remote.read(address)

    monkeypatch.setattr("likebut.indexes.reading.read", gone)
    report = build([memory], tmp_path / "out", encoder)
    assert report.items == 2
    assert [(path, why.partition(" at ")[0]) for path, why in report.failed] == [
        ("memory:///bucket/photos/red.png", "nothing lies")
    ]


def test_files_by_address_have_the_ids_that_they_have_here(gallery, encoder, tmp_path):
    build([f"file://{gallery}"], tmp_path / "out", encoder)
    assert [f.id for f in scan([f"file://{gallery}"]).files] == [f.id for f in scan([gallery]).files]
    items = list(Index.open(tmp_path / "out").all_items())
    assert items[-1].path == f"file://{gallery}/red.png"
    assert load_image(Path(items[-1].path)).getpixel((0, 0)) == (255, 0, 0)
    assert size_of(Path(items[-1].path)) == (8, 8)


def test_one_picture_by_address_and_folders_beside_it_are_one_gallery(gallery, memory):
    found = scan([f"{memory}/red.png", gallery]).files
    ids = [file.id for file in found]
    assert ids == ["gallery/deep/blue.png", "gallery/green.png", "gallery/red.png", "red.png"]


def test_tags_tell_what_times_do_not():
    assert remote._entry(_Plain(), "b", "b/x.png", {"size": 1, "ETag": '"1"'}).tag != 0
    tagged = [remote._entry(_Plain(), "b", "b/x.png", {"size": 1, "ETag": tag}) for tag in ("1", "1", "2")]
    assert tagged[0] == tagged[1] != tagged[2]
    untold = [remote._entry(_Plain(), "b", "b/x.png", {"size": 1}) for _ in range(2)]
    assert untold[0] != untold[1]


class _Plain:
    def unstrip_protocol(self, name):
        return f"plain://{name}"


@pytest.mark.parametrize(
    ("address", "message", "code"),
    [
        ("memory://nothing", "nothing lies at memory://nothing", 3),
        ("nosuch://bucket", "no way to read nosuch://", 2),
    ],
)
def test_what_cannot_be_listed_is_one_line(address, message, code, encoder, tmp_path):
    with pytest.raises(GalleryError) as problem:
        build([address], tmp_path / "out", encoder)
    assert (problem.value.message, problem.value.exit_code) == (message, code)
    assert not (tmp_path / "out").exists()


def test_a_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(GalleryError, match=r"gs:// needs a package that is not here .*gcsfs") as problem:
        remote.listed("gs://bucket/photos")
    assert "likebut[remote]" in problem.value.hint
    assert problem.value.exit_code == 4


def test_an_address_without_pictures_is_an_empty_gallery(encoder, tmp_path):
    fsspec.filesystem("memory").pipe("/words/notes.txt", b"none")
    with pytest.raises(NoImages, match="no pictures in memory://words"):
        build(["memory://words"], tmp_path / "out", encoder)


@pytest.fixture(scope="module")
def s3():
    """Where an S3 of this machine answers."""
    pytest.importorskip("s3fs", reason="needs the extra remote")
    pytest.importorskip("moto.server", reason="needs moto[server], which stands in for S3")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in given.items():
            patch.setenv(name, value)
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
            while socket.socket().connect_ex(("127.0.0.1", port)):
                time.sleep(0.05)
            yield patch
            server.kill()


def test_s3_is_a_gallery_like_any_other(s3, gallery, encoder, tmp_path):
    system = fsspec.filesystem("s3")
    system.mkdir("bucket")
    system.put(f"{gallery}/", "bucket/photos", recursive=True)
    report = build(["s3://bucket/photos"], tmp_path / "out", encoder)
    assert (report.items, report.encoded) == (3, 3)
    item = Index.open(tmp_path / "out").items([0])[0]
    assert (item.id, item.path) == ("deep/blue.png", "s3://bucket/photos/deep/blue.png")
    assert item.mtime_ns > 0
    assert item.inode > 0
    assert not build(["s3://bucket/photos"], tmp_path / "out", encoder).news
    system.pipe("bucket/photos/new.png", system.cat("bucket/photos/red.png"))
    assert build(["s3://bucket/photos"], tmp_path / "out", encoder).duplicates == 1


def test_a_bucket_that_there_is_not_and_missing_credentials_are_one_line_each(s3):
    with pytest.raises(GalleryError, match="nothing lies at s3://no-such-bucket/x"):
        remote.listed("s3://no-such-bucket/x")
    with s3.context() as nobody:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            nobody.delenv(name)
        fsspec.filesystem("s3").clear_instance_cache()
        with pytest.raises(GalleryError, match="cannot read s3://bucket: ") as problem:
            remote.listed("s3://bucket")
    fsspec.filesystem("s3").clear_instance_cache()
    assert "AWS_ACCESS_KEY_ID" in problem.value.hint
