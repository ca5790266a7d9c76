"""Stand-ins for the repositories that Bazel 4.2 would fetch before it builds anything in C.

Each one only re-exports the rules that are built into Bazel, so that a build needs no network.
"""

_CC_RULES = ["cc_library", "cc_binary", "cc_test", "cc_import", "cc_toolchain", "cc_toolchain_suite"]

_JAVA_RULES = [
    "java_library",
    "java_binary",
    "java_import",
    "java_plugin",
    "java_test",
    "java_toolchain",
    "java_runtime",
    "java_package_configuration",
    "java_proto_library",
    "java_lite_proto_library",
]

def _native_rules(names):
    return "".join(["{0} = native.{0}\n".format(name) for name in names])

def _stand_in_impl(repository_ctx):
    repository_ctx.file("WORKSPACE", "workspace(name = \"{}\")\n".format(repository_ctx.name))
    repository_ctx.file("BUILD", repository_ctx.attr.build)
    if repository_ctx.attr.rules:
        repository_ctx.file(repository_ctx.attr.package + "/BUILD", "")
        repository_ctx.file(repository_ctx.attr.package + "/defs.bzl", _native_rules(repository_ctx.attr.rules))

_stand_in = repository_rule(
    implementation = _stand_in_impl,
    attrs = {
        "build": attr.string(),
        "package": attr.string(),
        "rules": attr.string_list(),
    },
)

def offline_repos():
    """Declares every repository that the built-in WORKSPACE suffix would otherwise download."""
    _stand_in(name = "rules_cc", package = "cc", rules = _CC_RULES)
    _stand_in(name = "rules_java", package = "java", rules = _JAVA_RULES)
    _stand_in(name = "rules_proto")
    _stand_in(
        name = "remote_coverage_tools",
        build = "filegroup(name = \"coverage_report_generator\", visibility = [\"//visibility:public\"])\n",
    )
