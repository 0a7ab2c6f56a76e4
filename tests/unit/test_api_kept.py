"""Answers kept in memory."""

from __future__ import annotations

import asyncio

from tessera_api.kept import Kept


def test_a_value_is_made_once_for_all_who_wait() -> None:
    made = []

    async def make() -> str:
        made.append(1)
        await asyncio.sleep(0)
        return f"value {len(made)}"

    async def ask() -> list[str]:
        kept: Kept[str] = Kept(2)
        return await asyncio.gather(*(kept.get("a", 1, make) for _ in range(5)))

    assert asyncio.run(ask()) == ["value 1"] * 5


def test_another_version_is_made_anew_and_the_value_asked_for_longest_ago_goes() -> None:
    made: list[str] = []

    async def ask() -> None:
        kept: Kept[str] = Kept(2)

        async def get(key: str, version: int) -> None:
            async def make() -> str:
                made.append(f"{key}{version}")
                return made[-1]

            assert await kept.get(key, version, make) == f"{key}{version}"

        for key, version in (("a", 1), ("b", 1), ("a", 1), ("c", 1), ("a", 1), ("b", 1), ("a", 2)):
            await get(key, version)

    asyncio.run(ask())
    # "b" had to go when "c" came, for "a" was asked for after it.
    assert made == ["a1", "b1", "c1", "b1", "a2"]


def test_a_failure_is_not_kept() -> None:
    async def fail() -> str:
        raise OSError("no database")

    async def make() -> str:
        return "value"

    async def ask() -> str:
        kept: Kept[str] = Kept(1)
        failures = await asyncio.gather(
            *(kept.get("a", 1, fail) for _ in range(2)), return_exceptions=True
        )
        assert [type(failure) for failure in failures] == [OSError, OSError]
        return await kept.get("a", 1, make)

    assert asyncio.run(ask()) == "value"
