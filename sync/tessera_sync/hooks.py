"""Whom `notify` tells: a program that reads the report from stdin, or a web address it is sent to.

Neither a program's arguments nor a web address' path, user and query are ever repeated in a
message: that is where people put their tokens.
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import (
    HTTPError,
    LocationParseError,
    MaxRetryError,
    NewConnectionError,
    TimeoutError,  # noqa: A004
)
from urllib3.util import Retry, Timeout, Url, make_headers, parse_url

from tessera_catalog.errors import InputError

TRIES = 4
"""Times a webhook is tried, with pauses of 0, 2 and 4 s between."""


class HookError(Exception):
    """A hook that did not take the report, in one line."""


class Hook(Protocol):
    """Somebody to tell."""

    @property
    def name(self) -> str:
        """What it is called in messages."""

    def tell(self, report: bytes) -> None:
        """Hand over the report, JSON; HookError when it was not taken."""


@dataclass(frozen=True)
class Program:
    """A program given the report on stdin; what it prints goes to stderr. It must exit with 0."""

    words: Sequence[str] = field(repr=False)
    seconds: float

    def __post_init__(self) -> None:
        if not self.words or shutil.which(self.words[0]) is None:
            what = self.words[0] if self.words else ""
            raise InputError(f"the command '{what}' of notify is no program that can be run here")

    @property
    def name(self) -> str:
        """Without its arguments."""
        return f"command {self.words[0]}"

    def tell(self, report: bytes) -> None:
        """Run it to its end, and end whatever it started when it takes too long."""
        try:
            process = subprocess.Popen(
                self.words, stdin=subprocess.PIPE, stdout=sys.stderr, start_new_session=True
            )
        except OSError as error:
            raise HookError(f"cannot be run: {error.strerror}") from error
        try:
            process.communicate(report, timeout=self.seconds)
        except subprocess.TimeoutExpired as error:
            raise HookError(f"not done after {self.seconds:g} s, and ended") from error
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        if process.returncode < 0:
            raise HookError(f"killed by {signal.Signals(-process.returncode).name}")
        if process.returncode:
            raise HookError(f"exit code {process.returncode}")


@dataclass(frozen=True)
class Webhook:
    """A web address that the report is sent to by POST. Any 2xx is success."""

    url: str = field(repr=False)
    seconds: float
    pause: float = 1.0
    """Seconds that the pauses between the tries grow from."""

    def __post_init__(self) -> None:
        self._parsed()

    @property
    def name(self) -> str:
        """Its host alone."""
        return f"webhook {_place(self._parsed())}"

    def tell(self, report: bytes) -> None:
        """Send it, again when the server is not well.

        Redirects are not followed: another host is not whom the operator has named.
        """
        try:
            status = self._post(report)
        except HTTPError as error:
            raise HookError(_why(error, self.seconds)) from error
        if 300 <= status < 400:
            raise HookError(f"answers {status}, elsewhere: give the address it moved to")
        if not 200 <= status < 300:
            raise HookError(f"answers {status}")

    def _post(self, report: bytes) -> int:
        """Send it; the status of the last answer."""
        url = self._parsed()
        headers = {"Content-Type": "application/json", "User-Agent": "tessera-sync"}
        if url.auth:
            headers |= make_headers(basic_auth=url.auth)
        retries = Retry(
            total=TRIES - 1,
            allowed_methods=None,
            status_forcelist=(429, 500, 502, 503, 504),
            backoff_factor=self.pause,
            backoff_max=30,
            respect_retry_after_header=False,
            raise_on_status=False,
        )
        with _manager(url) as manager:
            answer = manager.request(
                "POST",
                url._replace(auth=None).url,
                body=report,
                headers=headers,
                redirect=False,
                retries=retries,
                timeout=Timeout(self.seconds),
                preload_content=False,
            )
            answer.release_conn()
        return int(answer.status)

    def _parsed(self) -> Url:
        """Its parts; InputError unless it is https, or http to this machine."""
        try:
            url = parse_url(self.url)
        except LocationParseError:
            url = Url()
        if url.host and (url.scheme == "https" or (url.scheme == "http" and _is_here(url.host))):
            return url
        raise InputError(
            "the webhook of notify must be an address https://…, or http://… of this machine"
        )


def _manager(url: Url) -> urllib3.PoolManager:
    """Connections to the host, or to the proxy that the environment names for it."""
    proxy = None if proxy_bypass(url.host or "") else getproxies().get(url.scheme or "")
    if proxy is None:
        return urllib3.PoolManager()
    auth = parse_url(proxy).auth
    return urllib3.ProxyManager(
        proxy, proxy_headers=make_headers(proxy_basic_auth=auth) if auth else None
    )


def _place(url: Url) -> str:
    return Url(scheme=url.scheme, host=url.host, port=url.port).url


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _why(error: HTTPError, seconds: float) -> str:
    """What went wrong at the last try; urllib3's own words have the address in them."""
    reason = error.reason if isinstance(error, MaxRetryError) else error
    # A refused connection counts as a timeout there.
    if isinstance(reason, TimeoutError) and not isinstance(reason, NewConnectionError):
        return f"no answer within {seconds:g} s"
    causes = [*getattr(reason, "args", ()), getattr(reason, "__cause__", None)]
    for cause in causes:
        if isinstance(cause, OSError):
            return f"cannot be reached: {cause.strerror or type(cause).__name__}"
    return f"cannot be reached: {type(reason).__name__}"
