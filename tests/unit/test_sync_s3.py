"""Where an S3 client's credentials come from: what was told comes first, boto3 finds the rest."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tessera_catalog.errors import InputError
from tessera_catalog.stores import Store
from tessera_sync import s3
from tessera_sync.storage import open_storage

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
HERE = {"AWS_REGION": "here"}


def store(**values: object) -> Store:
    return Store.model_validate(
        {"name": "s3", "url": "https://s3.test", "root": "s3://bucket/v1"}
        | {"endpoint": "http://127.0.0.1:1"}
        | values
    )


def test_keys_endpoint_and_region_are_all_there_is_to_know() -> None:
    told = {
        "endpoint": "http://127.0.0.1:1",
        "region": "here",
        "access_key_id": "key",
        "secret_access_key": "secret",
    }
    assert s3._told(store(), KEYS | HERE) == told
    assert s3._told(store(), KEYS | {"AWS_DEFAULT_REGION": "here"}) == told
    assert s3._told(store(region="there"), KEYS | HERE) == told | {"region": "there"}
    token = {"AWS_SESSION_TOKEN": "token"}
    assert s3._told(store(), KEYS | HERE | token) == told | {"session_token": "token"}


def test_a_public_bucket_needs_no_keys() -> None:
    told = s3._told(store(anonymous=True), HERE)
    assert told == {"endpoint": "http://127.0.0.1:1", "region": "here", "skip_signature": True}


@pytest.mark.parametrize(
    "environment",
    [
        KEYS,
        HERE,
        HERE | {"AWS_ACCESS_KEY_ID": "key"},
        HERE | KEYS | {"AWS_SECRET_ACCESS_KEY": ""},
        HERE | KEYS | {"TESSERA_AWS_PROFILE_S3": "theirs"},
    ],
)
def test_what_is_not_told_whole_is_looked_for(environment: dict[str, str]) -> None:
    assert s3._told(store(), environment) is None


def test_an_endpoint_not_told_may_be_in_a_profile() -> None:
    assert s3._told(store(endpoint=None), KEYS | HERE) is None


def test_a_profile_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSERA_AWS_PROFILE_S3", "nobody")
    with pytest.raises(InputError, match=r"store 's3': .*nobody") as caught:
        open_storage(store())
    assert "\n" not in str(caught.value)


def test_who_tells_all_does_not_wait_for_boto3() -> None:
    code = (
        "import sys; from tessera_catalog.stores import Store;"
        "from tessera_sync.storage import open_storage;"
        "open_storage(Store(name='s3', url='https://s3.test', root='s3://b',"
        " endpoint='http://127.0.0.1:1'));"
        "sys.exit('boto3' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], env=KEYS | HERE, check=True)
