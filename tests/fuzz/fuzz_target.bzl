"""One fuzz target, with two mains: an ordinary test over its corpus, and libFuzzer's."""

load("//sdk_harness/bazel:c_flags.bzl", "COPTS", "beam_c_library")

def fuzz_target(name, deps, dict = None, rounds = 20000):
    """NAME_fuzz.c with NAME_corpus/: the test NAME_fuzz_test, and NAME_fuzz for clang (`./run fuzz`)."""
    corpus = native.glob([name + "_corpus/**"])
    words = [dict] if dict else []
    beam_c_library(
        name = name + "_fuzz_target",
        testonly = True,
        srcs = [name + "_fuzz.c"],
        alwayslink = True,
        deps = deps + [":fuzz_must"],
    )
    native.cc_test(
        name = name + "_fuzz_test",
        size = "small",
        args = ["--rounds=%d" % rounds] +
               ["--dict=$(location %s)" % word for word in words] +
               ["$(location %s)" % one for one in corpus],
        copts = COPTS,
        data = corpus + words,
        deps = [
            ":fuzz_driver",
            ":" + name + "_fuzz_target",
        ],
    )
    native.cc_binary(
        name = name + "_fuzz",
        testonly = True,
        linkopts = ["-fsanitize=fuzzer"],
        tags = ["manual"],
        deps = [":" + name + "_fuzz_target"],
    )
