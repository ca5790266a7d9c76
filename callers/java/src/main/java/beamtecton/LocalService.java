package beamtecton;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One running service process. It is also the pool that starts workers for local runners, so it has to live as long as the pipelines do:
 * until the JVM ends, or dies in any other way, which closes the service's standard input.
 */
final class LocalService {
  private static final Logger LOG = LoggerFactory.getLogger(LocalService.class);
  private static final Pattern READY = Pattern.compile("listening on (localhost:\\d+)\\s*");

  private static final long START_SECONDS = 30; // from start to the line that names the port; it takes a few milliseconds
  private static final long STOP_SECONDS = 10; // the polite part of an end; the service gives bundles that run 8 s of it
  private static final long READERS_END_SECONDS = 1; // for what it wrote last; its pipes close with its last worker
  private static final int LAST_LINES = 20; // lines of its log quoted in errors

  private static LocalService shared;
  private static boolean hooked;

  private final Path binary;
  private final Process process;
  private final CompletableFuture<String> ready = new CompletableFuture<>(); // its address
  private final Deque<String> lastLines = new ArrayDeque<>(); // guarded by itself
  private final Thread logReader;
  private volatile boolean stopping;

  /** The JVM's service, started now if there is none that runs. */
  static synchronized LocalService shared() {
    Path binary = NativeBinary.find();
    if (shared != null && shared.process.isAlive() && shared.binary.equals(binary)) {
      return shared;
    }
    NativeBinary.checkVersion(binary);
    shared = new LocalService(binary, List.of("expansion-service", "--port", "0", "--exit-with-stdin"));
    if (!hooked) {
      hooked = true;
      Runtime.getRuntime().addShutdownHook(new Thread(LocalService::stopShared, "beam-tecton-stop"));
    }
    return shared;
  }

  private static synchronized void stopShared() {
    if (shared != null) {
      shared.stop();
      shared = null;
    }
  }

  /** Starts a program and waits until it says where it listens; an IllegalStateException quotes its last lines. */
  LocalService(Path binary, List<String> arguments) {
    this.binary = binary;
    List<String> command = new ArrayList<>(List.of(binary.toString()));
    command.addAll(arguments);
    try {
      process = new ProcessBuilder(command).start();
    } catch (IOException error) {
      throw new IllegalStateException(
          String.format(
              "%s could not be started: %s. If the file is damaged or built for another machine, reinstall beam-tecton or set %s to a"
                  + " working program.",
              binary, error.getMessage(), NativeBinary.ENVIRONMENT_VARIABLE),
          error);
    }
    logReader = reader("beam-tecton-log", process.getErrorStream(), this::takeLogLine);
    reader("beam-tecton-output", process.getInputStream(), this::takeOutputLine);
    process.onExit().thenAccept(ended -> noteEnd());
    waitUntilReady();
  }

  /** host:port of the expansion service. */
  String address() {
    return ready.join();
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** The end of its log, for error messages. */
  String lastLines() {
    synchronized (lastLines) {
      return lastLines.isEmpty() ? "  (it logged nothing)" : lastLines.stream().collect(Collectors.joining("\n  ", "  ", ""));
    }
  }

  /** Ends the service and its workers: by closing its input and SIGTERM, after STOP_SECONDS by SIGKILL. */
  void stop() {
    stopping = true;
    try {
      process.getOutputStream().close();
    } catch (IOException error) {
      // It has ended.
    }
    process.destroy();
    try {
      if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
        LOG.warn("The beam-tecton service did not end within {} s and is killed.", STOP_SECONDS);
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
      }
    } catch (InterruptedException error) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }

  private void waitUntilReady() {
    String what;
    try {
      ready.get(START_SECONDS, TimeUnit.SECONDS);
      return;
    } catch (TimeoutException error) {
      what = "it did not say within " + START_SECONDS + " s where it listens";
    } catch (ExecutionException error) {
      what = error.getCause().getMessage();
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
      what = "interrupted while waiting for it";
    }
    stop();
    throw new IllegalStateException(
        String.format("%s could not be started as expansion service: %s. Its last lines:%n%s", binary, what, lastLines()));
  }

  private void noteEnd() {
    try {
      logReader.join(TimeUnit.SECONDS.toMillis(READERS_END_SECONDS));
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
    }
    String how = "it ended with exit code " + process.exitValue();
    boolean wasReady = !ready.completeExceptionally(new IllegalStateException(how + " before it said where it listens"));
    if (wasReady && !stopping) {
      LOG.error(
          "The beam-tecton service was in use when {}; pipelines that need its workers may fail. Its last lines:\n{}", how, lastLines());
    }
  }

  private void takeOutputLine(String line) {
    Matcher match = READY.matcher(line);
    if (match.matches()) {
      ready.complete(match.group(1));
    }
  }

  private void takeLogLine(String line) {
    synchronized (lastLines) {
      lastLines.addLast(line);
      if (lastLines.size() > LAST_LINES) {
        lastLines.removeFirst();
      }
    }
    if (line.startsWith("ERROR ")) {
      LOG.error("beam-tecton: {}", line);
    } else if (line.startsWith("WARN ")) {
      LOG.warn("beam-tecton: {}", line);
    } else {
      LOG.debug("beam-tecton: {}", line);
    }
  }

  private static Thread reader(String name, InputStream from, Consumer<String> take) {
    Thread thread =
        new Thread(
            () -> {
              try (BufferedReader lines = new BufferedReader(new InputStreamReader(from, StandardCharsets.UTF_8))) {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                  take.accept(line);
                }
              } catch (IOException error) {
                // The pipe closed with the process.
              }
            },
            name);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }
}
