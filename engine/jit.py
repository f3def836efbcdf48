"""The one door to numba: where compiled kernels are cached, and how kernels are compiled.

numba's cache notices an edited file, not an edited callee in another file. So the cache folder carries a hash of
all of ``engine/`` and of what else decides the machine code.
"""

import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from llvmlite import binding

from engine.version import code_hash

CACHE_ROOT = Path(__file__).resolve().parent.parent / ".cache" / "numba"


def cache_dir() -> Path:
    """Return the folder of this code's kernels: a hash of engine/, requirements, Python, processor and place.

    The place, because numba looks its kernels up by the path of their source: in a checkout that was moved or copied
    along with its cache none would be found, and what is marked as warm would compile in the first scan.
    """
    machine = (platform.python_version(), platform.machine(), _cpu_name())
    return CACHE_ROOT / code_hash(*machine, str(CACHE_ROOT), requirements=True)


def _cpu_name() -> str:
    """Return the processor's model and flags where Linux tells them; elsewhere what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return "".join(sorted({line for line in lines if line.startswith(("model name", "flags"))}))


def _cpu_features() -> str:
    """Return what the processor can do. LLVM leaves half of a 512-bit register empty, for fear of a slower clock."""
    features = binding.get_host_cpu_features()
    return str(features.flatten()) + (",-prefer-256-bit" if features.get("avx512f") else "")


# Before the import: numba reads them once.
os.environ["NUMBA_CACHE_DIR"] = str(cache_dir())
if platform.machine() in ("x86_64", "AMD64"):
    os.environ.setdefault("NUMBA_CPU_FEATURES", _cpu_features())

import numba  # noqa: E402
import numba.core.cpu  # noqa: E402
import numba.extending  # noqa: E402

# An array that a kernel makes begins at a line of the cache, as long as the longest register: of one that began
# in the middle of a line (numba: at 32 bytes) every register would be read and written in two halves, a tenth slower.
numba.core.cpu.CPUContext.get_preferred_array_alignment = lambda _context, _type: 64  # type: ignore[method-assign]

F = TypeVar("F", bound=Callable[..., Any])

# numpy's error model: x/0 is inf, not an exception, which would keep the loops scalar.
# No fastmath: the order of operations is the same in every loop shape, so are the bits.
kernel = numba.njit(cache=True, nogil=True, error_model="numpy")
# What is over sooner than the interpreter's lock is given away and taken back.
brief = numba.njit(cache=True, error_model="numpy")
# For what is ranked and never stored: a product and the sum that takes it may be rounded once, in one instruction.
ranked = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
formula = numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")


@numba.extending.intrinsic
def _pointer(_typing: Any, address: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return numba.types.CPointer(numba.types.float64)(address), build


@formula
def float64_at(address, size):
    """Return the float64 array (size,) that lies at an address. Its owner must outlive the call."""
    return numba.carray(_pointer(address), size)  # type: ignore[call-arg]


def usable_in_kernels(function: F) -> F:
    """Return a plain Python function as it is, and let kernels compile it where they call it.

    So one source serves a caller that has one case and no wish to wait for a compiler, and a kernel that has a million.
    """
    decorate: Callable[[F], F] = numba.extending.register_jitable(error_model="numpy")
    return decorate(function)
