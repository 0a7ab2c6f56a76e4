"""The stores' configuration: what it means, and the one line each mistake in it gets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tessera_catalog.errors import InputError
from tessera_catalog.stores import Stores, load_stores

STORE = '[[stores]]\nname = "a"\nurl = "https://a.example/v1"\n'
OTHER = '[[stores]]\nname = "b_2"\nurl = "https://b.example/v1/"\n'

SECRET = "hunter2"


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str], Stores]:
    def load(text: str) -> Stores:
        path = tmp_path / "stores.toml"
        path.write_text(text, encoding="utf-8")
        return load_stores(path)

    return load


@pytest.fixture(autouse=True)
def _no_configuration_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TESSERA_STORES", raising=False)


def test_the_packaged_configuration() -> None:
    stores = load_stores()
    assert stores.names == ("okavango", "s3", "scaleway")
    assert stores.primary.name == "okavango"
    assert stores.dataset.id == "v1"
    assert stores.get("s3").need_root().startswith("s3://")
    assert all(store.url.startswith("https://") for store in stores.stores)


def test_where_the_configuration_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named, given = tmp_path / "named.toml", tmp_path / "given.toml"
    named.write_text(STORE)
    given.write_text(OTHER)
    monkeypatch.setenv("TESSERA_STORES", str(named))
    assert load_stores().names == ("a",)
    assert load_stores(given).names == ("b_2",)
    monkeypatch.setenv("TESSERA_STORES", "")
    assert load_stores().names == ("okavango", "s3", "scaleway")


def test_order_and_defaults(load: Callable[[str], Stores]) -> None:
    stores = load(OTHER + STORE)
    assert stores.names == ("b_2", "a")
    assert stores.primary.url == "https://b.example/v1"
    assert (stores.primary.title, stores.primary.root) == ("b_2", None)
    assert stores.primary.egress_usd_per_gb == 0
    assert stores.dataset.id == "v1"


def test_collections_of_the_default_dataset_do_not_name_it(load: Callable[[str], Stores]) -> None:
    stores = load('[dataset]\nid = "v2-2B-L~beta1"\n' + STORE)
    assert stores.collection_id("v2-2B-L~beta1", 2024) == "geotessera-2024"
    assert stores.collection_id("v1", 2024) == "geotessera-v1-2024"


@pytest.mark.parametrize(
    "root",
    [
        "file:///data/tessera/v1",
        "file:///mnt/shared tiles/v1@home",
        "s3://bucket",
        "s3://bucket/prefix",
        "https://a.example/v1",
        "http://127.0.0.1:8333/v1",
    ],
)
def test_roots(load: Callable[[str], Stores], root: str) -> None:
    assert load(f'{STORE}root = "{root}/"\n').primary.need_root() == root


def test_addresses_of_several_datasets(load: Callable[[str], Stores]) -> None:
    text = STORE.replace("https://a.example/v1", "https://a.example/{dataset}/x")
    stores = load(text + 'root = "s3://bucket/{dataset}"\n' + OTHER)
    assert stores.stores[0].url == "https://a.example/{dataset}/x"
    assert [store.root for store in stores.rooted("v2").stores] == ["s3://bucket/v2", None]


def test_whom_to_notify(load: Callable[[str], Stores]) -> None:
    notify = '[notify]\ncommand = ["tell", "a b"]\nwebhook = "https://a.example/hook"\n'
    assert load(notify + STORE).notify.command == ("tell", "a b")
    assert load(notify + STORE).notify.webhook == "https://a.example/hook"
    assert load(STORE).notify.webhook is None


def test_a_root_that_is_needed_and_not_there(load: Callable[[str], Stores]) -> None:
    with pytest.raises(InputError, match="store 'a' has no root in the configuration: add one"):
        load(STORE).primary.need_root()


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("okavang", "(did you mean 'okavango'?)"),
        ("scale_way", "(did you mean 'scaleway'?)"),
        ("S3", "(did you mean 's3'?)"),
        ("nothing_like_it", "no store is called 'nothing_like_it'; the stores are okavango, s3"),
        ("", "no store is called ''; the stores are"),
    ],
)
def test_an_unknown_store_is_an_error_that_names_the_nearest(name: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        load_stores().get(name)
    assert part in str(caught.value)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "stores: Field required"),
        ("x =", "is not TOML"),
        (STORE + STORE, "store 'a' is defined twice"),
        ("stores = []", "no store is defined: begin one with [[stores]]"),
        ("stores = 3", "stores: write each store as a table [[stores]]"),
        ('[stores]\nname = "a"\n', "stores: write each store as a table [[stores]]"),
        ("stores = [3]", "stores.0: "),
        ('[[stores]]\nname = "a"\n', "stores.0.url: Field required"),
        ('[[stores]]\nurl = "https://a.example"\n', "stores.0.name: Field required"),
        (STORE.replace('"a"', '"A-b"'), "stores.0.name: "),
        (STORE.replace('"a"', '""'), "stores.0.name: "),
        (STORE.replace('"a"', "3"), "stores.0.name: "),
        (STORE.replace('"a"', '"../a"'), "stores.0.name: "),
        (STORE.replace('"a"', '"a\\n"'), "stores.0.name: "),
        (STORE.replace('"a"', '"a234567890123456789012345678901234"'), "stores.0.name: "),
        (STORE + OTHER + "zone = 1\n", "stores.1.zone: Extra inputs"),
        ('zone = "a"\n' + STORE, "zone: Extra inputs"),
        (STORE + 'secret_access_key = "hunter2"\n', "stores.0.secret_access_key: Extra inputs"),
        (STORE + "title = 3\n", "stores.0.title: "),
        (STORE + 'title = ""\n', "stores.0.title: "),
        (STORE + 'layout = "{tile}"\n', "stores.0.layout: "),
        (STORE + "egress_usd_per_gb = -0.1\n", "stores.0.egress_usd_per_gb: "),
        (STORE + "egress_usd_per_gb = nan\n", "stores.0.egress_usd_per_gb: "),
        (STORE + "egress_usd_per_gb = inf\n", "stores.0.egress_usd_per_gb: "),
        (STORE + 'root = "/data"\n', "'/data' must begin with one of file, http, https, s3"),
        (STORE + 'root = "gs://bucket"\n', "'gs://bucket' must begin with one of"),
        (STORE + 'root = "file://data/x"\n', "must be an absolute path: file:///…"),
        (STORE + 'root = "file:data"\n', "must be an absolute path: file:///…"),
        (STORE + 'root = "file:///"\n', "must be an absolute path: file:///…"),
        (STORE + 'root = "s3:///prefix"\n', "must be a plain address: host and path"),
        (STORE + 'root = "https://[::1/v1"\n', "stores.0.root: "),
        (STORE + 'root = "https://a.example:99999/v1"\n', "stores.0.root: Port"),
        (STORE + 'root = "https://a.example/v 1"\n', "has a space or a control character"),
        (STORE + 'root = "https://a.example/v1\\n"\n', "has a space or a control character"),
        (STORE + "root = 3\n", "stores.0.root: "),
        (STORE + 'endpoint = "s3.example"\n', "'s3.example' must begin with one of http, https"),
        (STORE.replace("https", "s3"), "must begin with one of http, https"),
        (STORE + 'root = "s3://bucket/{year}"\n', "nothing in braces but {dataset}"),
        (STORE + 'root = "s3://bucket/{dataset}}"\n', "nothing in braces but {dataset}"),
        (STORE + 'endpoint = "https://{dataset}.example"\n', "may have nothing in braces"),
        (STORE + '[notify]\ncommand = "tell"\n', "notify.command: "),
        (STORE + '[notify]\nwebhook = "mailto:a"\n', "must begin with one of http, https"),
        (STORE + '[notify]\nwebhook = "https://a.example/?key=1"\n', "credentials do not belong"),
        ("dataset = 1\n" + STORE, "dataset: "),
        ('[dataset]\nid = ""\n' + STORE, "dataset.id: "),
        ('[dataset]\nid = "a/b"\n' + STORE, "dataset.id: "),
        ('[dataset]\nid = "-a"\n' + STORE, "dataset.id: "),
        ('[dataset]\nname = "v1"\n' + STORE, "dataset.name: Extra inputs"),
    ],
)
def test_each_mistake_gets_one_line(
    load: Callable[[str], Stores], tmp_path: Path, text: str, part: str
) -> None:
    with pytest.raises(InputError) as caught:
        load(text)
    message = str(caught.value)
    assert part in message
    assert str(tmp_path / "stores.toml") in message
    assert "\n" not in message
    assert "more)" not in message  # one mistake is counted once
    assert SECRET not in message


def test_several_mistakes_are_counted(load: Callable[[str], Stores]) -> None:
    with pytest.raises(InputError, match=r"stores\.0\.title: .* \(and 1 more\)"):
        load(STORE + "zone = 1\n" + 'title = ""\n')


@pytest.mark.parametrize("key", ["url", "root", "endpoint"])
@pytest.mark.parametrize(
    "address",
    [
        f"https://user:{SECRET}@a.example/v1",
        f"https://{SECRET}@a.example/v1",
        f"https://:{SECRET}@a.example/v1",
        f"s3://KEY:{SECRET}@bucket/v1",
        f"ftp://user:{SECRET}@a.example/v1",
        f"user:{SECRET}@a.example/v1",
        f"https://a.example/v1?X-Amz-Signature={SECRET}",
        f"https://a.example/v1#{SECRET}",
        f"ftp://a.example/v1?sig={SECRET}",
        f"https://user:{SECRET}@a.example:99999/v1",
        f"https://user:{SECRET}@[::1/v1",
        f"https://user:{SECRET}@a.example/v 1",
    ],
)
def test_credentials_are_refused_and_not_repeated(
    load: Callable[[str], Stores], key: str, address: str
) -> None:
    text = STORE if key != "url" else STORE.replace('url = "https://a.example/v1"\n', "")
    with pytest.raises(InputError, match="credentials do not belong") as caught:
        load(f'{text}{key} = "{address}"\n')
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("text", [b"\xff\xfe", b"\x00"])
def test_what_is_no_text(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "stores.toml"
    path.write_bytes(text)
    with pytest.raises(InputError, match="is not TOML"):
        load_stores(path)


def test_a_missing_file_and_a_directory(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.toml: No such file"):
        load_stores(tmp_path / "none.toml")
    with pytest.raises(InputError, match="Is a directory"):
        load_stores(tmp_path)
