"""The environment that processes of tests are started with: that of the tests, as it was when they began.

A process whose environment is not named gets what stands in ours while it is started. pytest changes ours
before and after each test (PYTEST_CURRENT_TEST), in its main thread; where another thread starts a process
meanwhile, the system reads what is being changed, and refuses it now and then: "Bad address" (EFAULT).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType

ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
)
