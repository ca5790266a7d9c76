package beamtecton;

import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Finds the native program {@code beam-tecton}. */
final class NativeBinary {
  static final String NAME = "beam-tecton";
  static final String ENVIRONMENT_VARIABLE = "BEAM_TECTON_BINARY";

  private static final long VERSION_SECONDS = 10; // the program prints its version in a millisecond

  /** Somewhere a program may be, and why. */
  record Place(Path path, String origin) {}

  private NativeBinary() {}

  /** The path of the program for this JVM. */
  static Path find() {
    return find(System.getenv(), codeLocation());
  }

  /**
   * The first file found; one that cannot be executed is an error and not passed over, so that a broken installation does not run some
   * other version.
   *
   * @param environment the environment's variables
   * @param code the jar or folder of this class, or null where it has none
   */
  static Path find(Map<String, String> environment, Path code) {
    String named = environment.getOrDefault(ENVIRONMENT_VARIABLE, "");
    if (!named.isEmpty()) {
      return checked(new Place(Path.of(named), "the environment variable " + ENVIRONMENT_VARIABLE + " names it"));
    }
    List<Place> places = places(code);
    for (Place place : places) {
      if (Files.exists(place.path())) {
        return checked(place);
      }
    }
    String searchPath = environment.getOrDefault("PATH", "");
    for (String folder : searchPath.split(File.pathSeparator)) {
      Path path = Path.of(folder, NAME);
      if (!folder.isEmpty() && Files.isRegularFile(path) && Files.isExecutable(path)) {
        return path;
      }
    }
    StringBuilder text = new StringBuilder();
    text.append(String.format("The native program %s was not found. Sought in:%n", NAME));
    text.append(String.format("  the environment variable %s (not set)%n", ENVIRONMENT_VARIABLE));
    for (Place place : places) {
      text.append(String.format("  %s (%s; no such file)%n", place.path(), place.origin()));
    }
    text.append(String.format("  %s in PATH (%s)%n", NAME, searchPath));
    text.append("Install a beam-tecton package that was built for this platform, or build it in a source tree with `bazel build //worker:");
    text.append(NAME).append("`, or set ").append(ENVIRONMENT_VARIABLE).append(" to its path.");
    throw new IllegalStateException(text.toString());
  }

  private static List<Place> places(Path code) {
    List<Place> places = new ArrayList<>();
    if (code == null) {
      return places;
    }
    places.add(new Place(code.resolveSibling(NAME), "beside " + code.getFileName()));
    for (Path folder = code.getParent(); folder != null; folder = folder.getParent()) {
      if (Files.exists(folder.resolve("WORKSPACE")) && Files.isDirectory(folder.resolve("callers/java"))) {
        places.add(new Place(folder.resolve("bazel-bin/worker").resolve(NAME), "the source tree's build output"));
        break;
      }
    }
    return places;
  }

  private static Path checked(Place place) {
    Path path = place.path();
    if (!Files.exists(path)) {
      throw new IllegalStateException(
          String.format("There is no file %s (%s). Correct the path, or unset the variable.", path, place.origin()));
    }
    if (!Files.isRegularFile(path)) {
      throw new IllegalStateException(String.format("%s (%s) is not a file. Name the program itself.", path, place.origin()));
    }
    if (!Files.isExecutable(path)) {
      throw new IllegalStateException(String.format("%s (%s) is not executable. Run: chmod +x %s", path, place.origin(), path));
    }
    return path;
  }

  private static Path codeLocation() {
    try {
      return Path.of(NativeBinary.class.getProtectionDomain().getCodeSource().getLocation().toURI()).toAbsolutePath();
    } catch (URISyntaxException | RuntimeException error) {
      return null; // loaded from somewhere that is no file
    }
  }

  /** Refuses a program of another version than this package's, whose options and outputs may be others. */
  static void checkVersion(Path binary) {
    String answer = askVersion(binary);
    if (!answer.startsWith(NAME + " ")) {
      throw new IllegalStateException(
          String.format(
              "%s is not %s: asked for its version, it answered \"%.60s\". Set %s to the right program.",
              binary, NAME, answer, ENVIRONMENT_VARIABLE));
    }
    String version = answer.substring(NAME.length() + 1);
    if (!version.equals(TectonIO.VERSION)) {
      throw new IllegalStateException(
          String.format(
              "%s is version %s, and this package is version %s. Install both of one version, or set %s to a program of version %s.",
              binary, version, TectonIO.VERSION, ENVIRONMENT_VARIABLE, TectonIO.VERSION));
    }
  }

  private static String askVersion(Path binary) {
    String cure =
        String.format(
            " If the file is damaged or built for another machine, reinstall beam-tecton or set %s to a working program.",
            ENVIRONMENT_VARIABLE);
    try {
      Process process =
          new ProcessBuilder(binary.toString(), "version").redirectError(ProcessBuilder.Redirect.DISCARD).start();
      process.getOutputStream().close();
      if (!process.waitFor(VERSION_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new IllegalStateException(binary + " did not say its version within " + VERSION_SECONDS + " s." + cure);
      }
      String answer = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).trim();
      if (process.exitValue() != 0) {
        throw new IllegalStateException(
            String.format("%s did not say its version, it ended with exit code %d.%s", binary, process.exitValue(), cure));
      }
      return answer;
    } catch (IOException error) {
      throw new IllegalStateException(binary + " could not be started: " + error.getMessage() + "." + cure, error);
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("Interrupted while " + binary + " was asked for its version.", error);
    }
  }
}
