"""Clients of an S3 bucket, with the credentials and the endpoint that S3 tools would find.

Credentials come from where every S3 tool looks for them (AWS_* variables, AWS_PROFILE, the files in
~/.aws, a machine's role) and stay inside the client: nothing here prints or logs them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from obstore.store import S3Store

from tessera_catalog.errors import InputError
from tessera_catalog.stores import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    import boto3
    from obstore.store import ClientConfig, RetryConfig

_KEYS = {
    "access_key_id": "AWS_ACCESS_KEY_ID",
    "secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "session_token": "AWS_SESSION_TOKEN",
}
"""The client's name of each part of a key, and the variable it is in."""


def profile_variable(store: Store) -> str:
    """Variable that names the AWS profile of this one store, where AWS_PROFILE is another's."""
    return f"TESSERA_AWS_PROFILE_{store.name.upper()}"


def open_bucket(
    store: Store,
    bucket: str,
    prefix: str,
    options: Callable[[str], ClientConfig],
    retries: RetryConfig,
) -> S3Store:
    """The bucket below the prefix; `options` are those of a client of an endpoint.

    InputError when there are no credentials, or the profile or configuration makes no sense.
    """
    config = _told(store, os.environ) or _found(store)
    return S3Store(
        bucket,
        prefix=prefix.strip("/") or None,
        client_options=options(config["endpoint"]),
        retry_config=retries,
        **config,
    )


def open_client(store: Store) -> Any:
    """boto3's client of the same server, for what the other one cannot do. InputError likewise."""
    import boto3
    import botocore
    from botocore.config import Config

    config = _told(store, os.environ) or _found(store)
    signed = {"signature_version": botocore.UNSIGNED} if store.anonymous else {}
    profile = os.environ.get(profile_variable(store)) or None
    return boto3.Session(profile_name=profile).client(
        "s3",
        endpoint_url=config["endpoint"],
        region_name=config["region"],
        config=Config(
            # In the path, as the other client has it: not every server knows its buckets' names.
            s3={"addressing_style": "path"},
            connect_timeout=10,
            read_timeout=60,
            retries={"total_max_attempts": 3},
            **signed,
        ),
    )


def _told(store: Store, environment: Mapping[str, str]) -> dict[str, Any] | None:
    """What the configuration and the environment say; None when that is not all there is to know.

    It spares importing boto3, which takes longer than listing a small bucket.
    """
    region = store.region or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if not (store.endpoint and region):
        return None
    told: dict[str, Any] = {"endpoint": store.endpoint, "region": region}
    if store.anonymous:
        return told | {"skip_signature": True}
    if environment.get(profile_variable(store)):
        return None
    keys = {ours: environment[name] for ours, name in _KEYS.items() if environment.get(name)}
    if not {"access_key_id", "secret_access_key"} <= keys.keys():
        return None
    return told | keys


def _found(store: Store) -> dict[str, Any]:
    """What boto3 finds: profiles, their endpoints and regions, logins, a machine's role."""
    import boto3
    import botocore.exceptions
    from obstore.auth.boto3 import Boto3CredentialProvider

    try:
        session = boto3.Session(profile_name=os.environ.get(profile_variable(store)) or None)
        region = store.region or os.environ.get("AWS_REGION") or session.region_name or "us-east-1"
        found = {"endpoint": store.endpoint or _endpoint(session, region), "region": region}
        if store.anonymous:
            return found | {"skip_signature": True}
        return found | {"credential_provider": Boto3CredentialProvider(session)}
    except botocore.exceptions.BotoCoreError as error:
        raise InputError(f"store '{store.name}': {error}") from error
    except ValueError as error:
        raise InputError(
            f"store '{store.name}': no S3 credentials found; set AWS_PROFILE or "
            f"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (for this store alone "
            f"{profile_variable(store)}), or anonymous = true in the configuration"
        ) from error


def _endpoint(session: boto3.Session, region: str) -> str:
    endpoint: str = session.client("s3", region_name=region).meta.endpoint_url
    return endpoint
