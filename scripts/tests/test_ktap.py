# SPDX-License-Identifier: GPL-2.0-only
"""How the kernel's unit tests are counted."""

from rig.ktap import Ktap


def test_ktap_is_counted():
    """The count itself: a failure, a skip and a pass are told apart."""
    seen = Ktap('TAP version 14\n1..1\n    # Subtest: s\n    1..3\n'
                '    ok 1 a\n    not ok 2 b\n    ok 3 c # SKIP d\n'
                'not ok 1 s\n')
    assert (seen.passed, seen.skipped, seen.suites) == (1, 1, 1)
    assert seen.failed == ['not ok 2 b', 'not ok 1 s']
