"""The C standard, the warnings and the test library, said once for every target of the project."""

_WARNINGS = [
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wconversion",
    "-Wshadow",
    "-Wstrict-prototypes",
    "-Wmissing-prototypes",
    "-Wpointer-arith",
    "-Wvla",
]

COPTS = ["-std=c11", "-D_GNU_SOURCE", "-fno-strict-overflow", "-I."] + _WARNINGS

# Generated sources keep the standard but not our warnings beyond -Wall.
GENERATED_COPTS = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Werror"]

def beam_c_library(name, copts = [], **kwargs):
    """A library in C11 under the project's warnings."""
    native.cc_library(name = name, copts = COPTS + copts, **kwargs)

def beam_c_binary(name, copts = [], **kwargs):
    """An executable in C11 under the project's warnings."""
    native.cc_binary(name = name, copts = COPTS + copts, **kwargs)

def beam_c_test(name, copts = [], deps = [], size = "small", **kwargs):
    """A cmocka test program: one binary a module."""
    native.cc_test(
        name = name,
        copts = COPTS + copts,
        size = size,
        deps = deps + ["//:system_cmocka"],
        **kwargs
    )
