package beamtecton;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/** Shell scripts that stand in for the native program. */
final class FakeProgram {
  private FakeProgram() {}

  static Path in(Path folder, String body) throws IOException {
    Path path = folder.resolve(NativeBinary.NAME);
    Files.writeString(path, "#!/bin/sh\n" + body + "\n");
    return Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwx------"));
  }
}
