package beamtecton;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertSame;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.util.List;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;

public class LocalServiceTest {
  @Rule public final TemporaryFolder folder = new TemporaryFolder();

  private LocalService start(String body) throws IOException {
    return new LocalService(FakeProgram.in(folder.getRoot().toPath(), body), List.of());
  }

  @Test
  public void itIsReadyWhenItSaysWhereItListensAndEndsWhenStopped() throws IOException {
    LocalService service = start("echo a line before; echo listening on localhost:7; exec cat");
    assertEquals("localhost:7", service.address());
    assertTrue(service.isAlive());
    service.stop();
    assertFalse(service.isAlive());
  }

  @Test
  public void oneThatEndsAtOnceIsQuoted() {
    String text = assertThrows(IllegalStateException.class, () -> start("echo 'ERROR no port left' >&2; exit 4")).getMessage();
    assertTrue(text, text.contains("exit code 4") && text.contains("no port left"));
  }

  @Test
  public void oneThatIsNoProgramIsNamed() {
    String text =
        assertThrows(IllegalStateException.class, () -> new LocalService(folder.getRoot().toPath(), List.of())).getMessage();
    assertTrue(text, text.contains("could not be started") && text.contains("BEAM_TECTON_BINARY"));
  }

  @Test
  public void aServiceOfAnotherVersionIsRefusedWithBoth() throws Exception {
    ServiceVersion.check("host:7", "Writes rows. Served by beam-tecton " + TectonIO.VERSION);
    String[][] refused = {
      {"Writes rows. Served by beam-tecton 9.8.7", "is version 9.8.7", "version " + TectonIO.VERSION},
      {"Writes rows.", "does not say its version", "version " + TectonIO.VERSION}
    };
    for (String[] one : refused) {
      String text = assertThrows(IllegalStateException.class, () -> ServiceVersion.check("host:7", one[0])).getMessage();
      assertTrue(text, text.contains("host:7") && text.contains(one[1]) && text.contains(one[2]));
    }
  }

  @Test
  public void theServiceOfThisTreeSaysItsVersion() throws Exception {
    SourceTree.beamTecton();
    ServiceVersion.check(LocalService.shared().address());
  }

  @Test
  public void allPipelinesShareOne() {
    SourceTree.beamTecton();
    LocalService service = LocalService.shared();
    assertSame(service, LocalService.shared());
    service.stop();
    LocalService next = LocalService.shared();
    assertTrue(next != service && next.isAlive());
  }
}
