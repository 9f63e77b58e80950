"""What all Python tests of the repository share: a skip can be made a failure."""

import os
import tempfile
from collections.abc import Generator

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Keep what daemons remember during tests out of the home of who runs them."""
    scratch = tempfile.TemporaryDirectory(prefix="bridged-state-")
    config.add_cleanup(scratch.cleanup)
    os.environ["XDG_STATE_HOME"] = scratch.name


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--no-skips`, for runs where everything that a test needs is expected to be there."""
    parser.addoption("--no-skips", action="store_true", help="a skipped test fails")


def _refuse_skip(config: pytest.Config, report: pytest.TestReport | pytest.CollectReport) -> None:
    expected_failure = hasattr(report, "wasxfail")
    if report.skipped and not expected_failure and config.getoption("--no-skips"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and --no-skips was given: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that skips itself."""
    report = yield
    _refuse_skip(item.config, report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Fail a module that skips itself while it is collected."""
    report = yield
    _refuse_skip(collector.config, report)
    return report
