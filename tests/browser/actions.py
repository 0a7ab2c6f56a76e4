"""What visitors do and wait for."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, Request, expect


def visit(page: Page, site: str, query: str = "") -> None:
    """Open the map and wait until its coverage is drawn."""
    page.goto(f"{site}/{'?' if query else ''}{query}")
    settle(page)


def show(page: Page, query: str) -> None:
    """Show another view on a page that is open, as going back does: a visit takes longer."""
    page.evaluate(
        """query => {
            history.pushState(null, "", query);
            dispatchEvent(new PopStateEvent("popstate"));
        }""",
        f"?{query}",
    )
    settle(page)


def settle(page: Page) -> None:
    """Wait until the picture of the year is there and nothing moves any more."""
    expect(page.locator(".legend li, .legend .ages").first).to_be_visible()
    expect(page.locator("#map[aria-busy=false]")).to_be_attached()


def choose_mode(page: Page, title: str) -> None:
    page.get_by_role("radio", name=title).check()
    settle(page)


def choose_year(page: Page, year: int) -> None:
    """By keys, as the slider is a slider for everybody."""
    slider = page.get_by_role("slider", name="Year")
    slider.focus()
    for key in ("ArrowLeft", "ArrowRight"):
        for _ in range(12):
            if f"{year}:" in (slider.get_attribute("aria-valuetext") or ""):
                settle(page)
                return
            slider.press(key)
    raise AssertionError(f"no year {year}")


def requests_of(page: Page) -> list[str]:
    """A list that grows with what this page asks the API for, except its look at the summary."""
    seen: list[str] = []

    def note(request: Request) -> None:
        path = urlsplit(request.url).path
        if path.startswith("/api/") and path != "/api/summary":
            seen.append(request.url)

    page.on("request", note)
    return seen


def choice(page: Page, label: str) -> Locator:
    """What is chosen from a list, by its label."""
    return page.locator("label", has_text=re.compile(f"^{label}")).locator("select")


def choose_list(page: Page, title: str) -> None:
    """What is to be taken away of an area."""
    choice(page, "List").select_option(label=title)


def saved(page: Page, folder: Path, title: str) -> Path:
    """The list of that title, saved as a file."""
    choose_list(page, title)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path
