"""Writes down how each upstream test ended, a line each, while they run: a plugin of pytest, and unittest's runner when started
as a program. What hangs or dies has then told what ended before. Runs among the package's own code: nothing it says is proof.
"""

import os
import sys

PASSED, FAILED, ERROR, SKIPPED = "PFES"


def note(ending, name):
    """One write to a file opened for appending: lines of several processes do not mix (open(2), O_APPEND)."""
    line = "%s %s\n" % (ending, " ".join(str(name).split())[:200])
    descriptor = os.open(os.environ["RENNET_TEST_RESULTS"], os.O_WRONLY | os.O_APPEND)
    try:
        os.write(descriptor, line.encode("ascii", "backslashreplace"))
    finally:
        os.close(descriptor)


def pytest_runtest_logreport(report):
    """With pytest-xdist the controller hears of every test, so that the workers need not say it too."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    if report.when == "call":
        note(PASSED if report.passed else SKIPPED if report.skipped else FAILED, report.nodeid)
    elif report.failed:
        note(ERROR, report.nodeid)
    elif report.skipped:
        note(SKIPPED, report.nodeid)


def pytest_collectreport(report):
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        note(ERROR, report.nodeid)


def run_unittest(start, top):
    """`python3 -m unittest discover -s start -t top` with a result that notes each ending."""
    import unittest

    class Result(unittest.TextTestResult):
        def addSuccess(self, test):
            super().addSuccess(test)
            note(PASSED, test.id())

        def addFailure(self, test, err):
            super().addFailure(test, err)
            note(FAILED, test.id())

        def addError(self, test, err):
            super().addError(test, err)
            note(ERROR, test.id())

        def addSkip(self, test, reason):
            super().addSkip(test, reason)
            note(SKIPPED, test.id())

        def addExpectedFailure(self, test, err):
            super().addExpectedFailure(test, err)
            note(SKIPPED, test.id())

        def addUnexpectedSuccess(self, test):
            super().addUnexpectedSuccess(test)
            note(FAILED, test.id())

        def addSubTest(self, test, subtest, err):
            super().addSubTest(test, subtest, err)
            if err is not None:
                note(FAILED, subtest.id())

    sys.path[0] = top
    suite = unittest.defaultTestLoader.discover(start, top_level_dir=top)
    return 0 if unittest.TextTestRunner(resultclass=Result).run(suite).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(run_unittest(*sys.argv[1:3]))
