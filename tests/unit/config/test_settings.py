import socket
from pathlib import Path

import pytest
from pydantic import ValidationError

from config.settings import load


@pytest.fixture(autouse=True)
def _no_ambient_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UPTAKE_CONFIG", raising=False)


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "uptake.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_without_a_file_the_node_listens_on_loopback_only() -> None:
    assert load().listener.host == "127.0.0.1"


def test_a_file_names_destinations_as_a_pacs_form_does(tmp_path: Path) -> None:
    file = write(tmp_path, '[[destinations]]\nname = "main"\nae_title = "PACS"\nhost = "10.0.0.5"\nport = 104\n')
    (destination,) = load(file).destinations
    assert (destination.ae_title, destination.host, destination.port) == ("PACS", "10.0.0.5", 104)


def test_a_destination_says_what_its_viewers_show(tmp_path: Path) -> None:
    table = '[[destinations]]\nname = "{0}"\nae_title = "PACS"\nhost = "10.0.0.5"\nport = 104\n'
    slicer = table.format("slicer") + 'profile = "slicer"\noutlines = true\n'
    file = write(tmp_path, table.format("main") + slicer + "[results]\norgan_map = true\n")
    main, second = load(file).destinations
    kinds = [[str(kind) for kind in load(file).kinds_for(one)] for one in (main, second)]
    assert kinds == [
        ["SEG", "organ map", "SR", "picture", "key images", "KOS"],
        ["SEG", "organ map", "SR measurements", "SR regions", "picture", "key images", "GSPS", "KOS"],
    ]


@pytest.mark.parametrize(("line", "asked"), [("", None), ("true", True), ("false", False)])
def test_a_destination_is_asked_to_commit_itself_as_it_offers_unless_it_is_said(
    tmp_path: Path, line: str, asked: bool | None
) -> None:
    table = '[[destinations]]\nname = "main"\nae_title = "PACS"\nhost = "10.0.0.5"\nport = 104\n'
    (destination,) = load(write(tmp_path, table + (line and f"storage_commitment = {line}\n"))).destinations
    assert destination.storage_commitment is asked


PACS = '[[destinations]]\nname = "main"\nae_title = "PACS"\nhost = "10.0.0.5"\nport = 104\n'


def test_a_source_has_a_quiet_time_and_an_archive_that_is_a_destination(tmp_path: Path) -> None:
    file = write(tmp_path, PACS + '[[sources]]\nae_title = "CT1"\nquiet_time_s = 20\narchive = "main"\n')
    (source,) = load(file).sources
    assert (source.ae_title, source.quiet_time_s, source.archive) == ("CT1", 20.0, "main")


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ('[[sources]]\nae_title = "CT1"\narchive = "mian"\n', "the archive mian is not the name of a destination"),
        ('[[sources]]\nae_title = "CT1"\n' * 2, "the AE title CT1 is used twice"),
        ('[[sources]]\nae_title = "CT1"\nquiet_time_s = -1\n', "greater than or equal to 0"),
    ],
)
def test_a_source_that_can_not_be_meant_so_is_refused(tmp_path: Path, sources: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        load(write(tmp_path, PACS + sources))


def test_the_environment_overrides_one_setting_and_leaves_its_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path, '[listener]\nae_title = "NODE7"\nport = 104\n')
    monkeypatch.setenv("UPTAKE_LISTENER__PORT", "11119")
    assert (load(file).listener.ae_title, load(file).listener.port) == ("NODE7", 11119)


@pytest.mark.parametrize(
    "text",
    [
        "[listner]\n",
        "[listener]\nport = 70000\n",
        '[listener]\nae_title = "A TITLE THAT IS FAR TOO LONG"\n',
        '[listener]\nallowed_addresses = ["10.0.0.300"]\n',
        '[listener.certificate_names]\nCT1 = "ct1.hospital"\n',
        '[analysis]\nthreshold = "guess"\n',
        '[models]\ncaptioning = "../elsewhere"\n',
        '[results]\nsegmentation_grid = "mri"\n',
        "[results]\nmaximum_frames = 0\n",
        f'[results]\nmanufacturer = "{"A" * 65}"\n',
        "[results]\nlabel = 'A\\B'\n",
        '[analysis]\nindication = "cough"\n',
        '[[destinations]]\nname = "a"\nae_title = "A"\nhost = "h"\nport = 104\nprofile = "fancy"\n',
    ],
)
def test_what_is_unknown_or_out_of_range_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValidationError):
        load(write(tmp_path, text))


def test_a_named_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "absent.toml")


def test_the_database_password_is_not_shown(tmp_path: Path) -> None:
    settings = load(write(tmp_path, '[database]\nurl = "postgresql+psycopg://u:secret@db/uptake"\n'))
    assert "secret" not in repr(settings)
    assert "secret" not in settings.model_dump_json()
    assert "secret" in settings.database_url


def test_the_bundles_in_use_are_all_that_the_settings_name_each_once(tmp_path: Path) -> None:
    text = '[models]\nlesion_segmentation = { FDG = "b", PSMA = "b" }\nlocation_retrieval = "c"\ncaptioning = "a"\n'
    assert load(write(tmp_path, text)).models.bundles == ("a", "b", "c")


def test_without_a_name_no_bundle_is_in_use(tmp_path: Path) -> None:
    text = '[models]\nlocation_retrieval = ""\ncaptioning = ""\n'
    assert load(write(tmp_path, text)).models.bundles == ()


def test_secrets_may_be_files_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, '[listener]\nae_title = "NODE7"\n')
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "UPTAKE_DATABASE__URL").write_text("postgresql://uptake:hunter2@db/uptake\n")
    (credentials / "node.key").write_text("another's")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    settings = load(file)
    assert settings.database_url == "postgresql://uptake:hunter2@db/uptake"
    assert settings.listener.ae_title == "NODE7"
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump(mode='json')}"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "uptake.hospital", ""])
def test_other_machines_reach_the_listener_by_tls_or_by_a_decision(tmp_path: Path, host: str) -> None:
    with pytest.raises(ValidationError, match="other machines, unencrypted"):
        load(write(tmp_path, f'[listener]\nhost = "{host}"\n'))
    assert load(write(tmp_path, f'[listener]\nhost = "{host}"\nallow_plain = true\n')).listener.host == host
    files = 'certificate = "node.pem"\nprivate_key = "node.key"\nauthorities = "ca.pem"\n'
    assert load(write(tmp_path, f'[listener]\nhost = "{host}"\n[listener.tls]\n{files}')).listener.tls is not None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_needs_no_tls(tmp_path: Path, host: str) -> None:
    assert load(write(tmp_path, f'[listener]\nhost = "{host}"\n')).listener.tls is None


CLUSTER = '[database]\nurl = "postgresql://db/uptake"\n[cluster]\nenabled = true\n'


def test_a_node_of_several_is_named_after_its_host_unless_it_is_said(tmp_path: Path) -> None:
    assert load(write(tmp_path, CLUSTER)).cluster.node == socket.gethostname()
    assert load(write(tmp_path, f'{CLUSTER}node = "pet-1"\n')).cluster.node == "pet-1"


@pytest.mark.parametrize("name", ["../b", "a/b", ".", "", "a b", "a\\n", "ä", "a" * 65])
def test_a_name_that_is_no_name_of_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValidationError, match="node"):
        load(write(tmp_path, f'{CLUSTER}node = "{name}"\n'))


def test_several_nodes_need_a_database_that_they_can_share(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="PostgreSQL"):
        load(write(tmp_path, "[cluster]\nenabled = true\n"))
