package beamtecton;

import static org.junit.Assume.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;

/** Programs that the source tree built; a test that needs one is skipped where it is not built. */
final class SourceTree {
  private static final Path ROOT = Path.of("").toAbsolutePath().getParent().getParent(); // Maven runs in callers/java

  private SourceTree() {}

  static Path beamTecton() {
    return built("bazel-bin/worker/beam-tecton", "bazel build //worker:beam-tecton");
  }

  static Path emulator() {
    return built("bazel-bin/tests/emulator/beam-tecton-emulator", "bazel build //tests/emulator:beam-tecton-emulator");
  }

  static Path prism() {
    String named = System.getenv().getOrDefault("PRISM", "");
    return named.isEmpty() ? built("build/bin/prism", "./run test") : Path.of(named);
  }

  private static Path built(String path, String command) {
    Path built = ROOT.resolve(path);
    assumeTrue(built + " is not built: run " + command, Files.isExecutable(built));
    return built;
  }
}
