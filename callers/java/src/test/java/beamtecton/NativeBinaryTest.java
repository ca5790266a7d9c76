package beamtecton;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;

public class NativeBinaryTest {
  @Rule public final TemporaryFolder folder = new TemporaryFolder();

  private static String refusal(Map<String, String> environment, Path code) {
    return assertThrows(IllegalStateException.class, () -> NativeBinary.find(environment, code)).getMessage();
  }

  private static void assertContains(String text, String... words) {
    for (String word : words) {
      assertTrue(text + "\ndoes not say: " + word, text.contains(word));
    }
  }

  @Test
  public void theVariableNamesTheProgram() throws IOException {
    Path root = folder.getRoot().toPath();
    Path program = FakeProgram.in(root, "exit 0");
    assertEquals(program, NativeBinary.find(Map.of("BEAM_TECTON_BINARY", program.toString()), null));
    assertContains(refusal(Map.of("BEAM_TECTON_BINARY", root + "/none"), null), "There is no file", "BEAM_TECTON_BINARY names it");
    assertContains(refusal(Map.of("BEAM_TECTON_BINARY", root.toString()), null), "is not a file");
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rw-------"));
    assertContains(refusal(Map.of("BEAM_TECTON_BINARY", program.toString()), null), "chmod +x " + program);
  }

  @Test
  public void withoutItThePlacesAreSoughtInOrder() throws IOException {
    Path root = folder.getRoot().toPath();
    Path jar = root.resolve("lib/beam-tecton.jar");
    Path onPath = folder.newFolder("bin").toPath();
    folder.newFolder("lib");
    folder.newFolder("callers", "java");
    folder.newFile("WORKSPACE");
    folder.newFolder("bazel-bin", "worker");
    Map<String, String> environment = Map.of("PATH", "/nowhere:" + onPath);

    assertContains(
        refusal(environment, jar),
        "BEAM_TECTON_BINARY (not set)",
        "beside beam-tecton.jar",
        "bazel-bin/worker/beam-tecton (the source tree's build output",
        "in PATH (/nowhere:",
        "bazel build //worker:beam-tecton");
    Path last = FakeProgram.in(onPath, "exit 0");
    assertEquals(last, NativeBinary.find(environment, jar));
    Path built = FakeProgram.in(root.resolve("bazel-bin/worker"), "exit 0");
    assertEquals(built, NativeBinary.find(environment, jar));
    Path beside = FakeProgram.in(root.resolve("lib"), "exit 0");
    assertEquals(beside, NativeBinary.find(environment, jar));
  }

  @Test
  public void anotherVersionIsRefusedWithBoth() throws IOException {
    Path root = folder.getRoot().toPath();
    NativeBinary.checkVersion(FakeProgram.in(root, "echo beam-tecton " + TectonIO.VERSION));
    for (String[] one :
        new String[][] {
          {"echo beam-tecton 9.8.7", "version 9.8.7", "version " + TectonIO.VERSION},
          {"echo something else", "is not beam-tecton", "something else"},
          {"exit 3", "did not say its version", "exit code 3"},
        }) {
      Path program = FakeProgram.in(root, one[0]);
      String text = assertThrows(IllegalStateException.class, () -> NativeBinary.checkVersion(program)).getMessage();
      assertContains(text, one[1], one[2], "BEAM_TECTON_BINARY");
    }
  }

  @Test
  public void theProgramOfTheSourceTreeIsFoundAndHasThisVersion() {
    Path built = SourceTree.beamTecton();
    NativeBinary.checkVersion(built);
    if (System.getenv(NativeBinary.ENVIRONMENT_VARIABLE) == null) {
      assertEquals(built, NativeBinary.find());
    }
  }
}
