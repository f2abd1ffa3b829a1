"""Salt's filters, tests and globals, all of them, by name."""

from saltern.sls.jinja.filters import data, formats, here, lists, network, randoms, text, times

FILTERS = {
    **data.FILTERS,
    **formats.FILTERS,
    **here.FILTERS,
    **lists.FILTERS,
    **network.FILTERS,
    **randoms.FILTERS,
    **text.FILTERS,
    **times.FILTERS,
}
TESTS = {**text.TESTS, **data.TESTS}
GLOBALS = {**data.GLOBALS, **text.GLOBALS}

__all__ = ["FILTERS", "GLOBALS", "TESTS"]
