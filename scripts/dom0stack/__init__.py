# SPDX-License-Identifier: GPL-2.0-only
"""The parts behind scripts/base, scripts/stack, scripts/kernel, scripts/lint and scripts/check."""
