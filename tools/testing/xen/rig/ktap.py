# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel says of its unit tests."""

import re


class Ktap:
    """Counts the test cases in KTAP text."""

    LINE = re.compile(r"^\s*(not ok|ok) \d+ ?(.*)$")

    def __init__(self, text):
        self.passed, self.failed, self.skipped, self.suites = 0, [], 0, 0
        for line in text.splitlines():
            found = self.LINE.match(line)
            if not found:
                continue
            if not line.startswith(" " * 4):
                self.suites += 1
                if found[1] == "not ok":
                    self.failed.append(line.strip())
            elif found[1] == "not ok":
                self.failed.append(line.strip())
            elif "# SKIP" in found[2]:
                self.skipped += 1
            else:
                self.passed += 1
