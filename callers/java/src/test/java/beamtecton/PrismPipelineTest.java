package beamtecton;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;
import static org.junit.Assume.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.PipelineResult;
import org.apache.beam.sdk.metrics.Counter;
import org.apache.beam.sdk.metrics.MetricResult;
import org.apache.beam.sdk.metrics.Metrics;
import org.apache.beam.sdk.options.PipelineOptionsFactory;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.schemas.Schema.FieldType;
import org.apache.beam.sdk.schemas.logicaltypes.MicrosInstant;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.values.PCollectionRowTuple;
import org.apache.beam.sdk.values.Row;
import org.junit.After;
import org.junit.Before;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;

/** A pipeline on Prism that writes to the emulator of Tecton, with Java's steps in this JVM. */
public class PrismPipelineTest {
  private static final String EMULATOR_CONFIG =
      """
      {"api_keys": {"editor-key": {"roles": {"prod": "editor"}}},
       "workspaces": {"prod": {"live": true}},
       "stream_sources": {"events": {"workspace": "prod", "timestamp": "event_time", "schema": {
         "user_id": "String", "amount": "Float64", "count": "Int64", "place": {"struct": {"city": "String"}},
         "event_time": "Timestamp"}}},
       "feature_views": {"latest": {"workspace": "prod", "source": "events", "join_keys": ["user_id"]}}}
      """;

  private static final Schema PLACE = Schema.builder().addStringField("city").build();
  private static final Schema EVENT =
      Schema.builder()
          .addStringField("user_id")
          .addNullableField("amount", FieldType.DOUBLE)
          .addInt64Field("count")
          .addRowField("place", PLACE)
          .addLogicalTypeField("event_time", new MicrosInstant())
          .build();

  private static final int START_MS = 10_000;
  private static final HttpClient HTTP = HttpClient.newBuilder().proxy(HttpClient.Builder.NO_PROXY).build();

  @Rule public final TemporaryFolder folder = new TemporaryFolder();
  private Process emulator;
  private Process prism;
  private String emulatorUrl;
  private int prismPort;

  @Before
  public void start() throws IOException, InterruptedException {
    SourceTree.beamTecton();
    assumeTrue("run by Maven, which sets the key", "editor-key".equals(System.getenv("TECTON_API_KEY")));
    Path prismProgram = SourceTree.prism();
    Path config = Files.writeString(folder.getRoot().toPath().resolve("emulator.json"), EMULATOR_CONFIG);
    emulator =
        new ProcessBuilder(SourceTree.emulator().toString(), "--config", config.toString(), "--port", "0", "--exit-with-stdin")
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    BufferedReader output = new BufferedReader(new InputStreamReader(emulator.getInputStream(), StandardCharsets.UTF_8));
    emulatorUrl = output.readLine().replace("listening on ", "").trim();
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      prismPort = free.getLocalPort();
    }
    prism =
        new ProcessBuilder(prismProgram.toString(), "--job_port=" + prismPort, "--serve_http=false")
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    waitUntilPrismListens();
  }

  private void waitUntilPrismListens() throws InterruptedException {
    for (long end = System.currentTimeMillis() + START_MS; System.currentTimeMillis() < end; Thread.sleep(20)) {
      try {
        new Socket("localhost", prismPort).close();
        return;
      } catch (IOException error) {
        assertTrue("Prism ended", prism.isAlive());
      }
    }
    throw new AssertionError("Prism does not listen");
  }

  @After
  public void stop() throws IOException, InterruptedException {
    if (prism != null) {
      prism.destroy();
      prism.waitFor();
    }
    if (emulator != null) {
      emulator.getOutputStream().close();
      emulator.waitFor();
    }
  }

  private static final class CountRecords extends DoFn<Row, Void> {
    private final Counter records = Metrics.counter("test", "written");

    @ProcessElement
    public void process(@Element Row written) {
      records.inc(written.getInt64("records"));
    }
  }

  private static final class CheckFailed extends DoFn<Row, Void> {
    private final Counter failed = Metrics.counter("test", "failed");

    @ProcessElement
    public void process(@Element Row refused) {
      Row row = refused.getRow("failed_row");
      if (row.getString("user_id").equals("user-3")
          && row.getLogicalTypeValue("event_time", Instant.class).equals(time(3))
          && refused.getString("error_message").contains("amount")) {
        failed.inc();
      }
    }
  }

  private static Instant time(int n) {
    return Instant.ofEpochSecond(1_700_000_000L + n, 500_000_000);
  }

  private static Row event(int n, Double amount) {
    return Row.withSchema(EVENT)
        .addValues("user-" + n, amount, (long) -n, Row.withSchema(PLACE).addValue("Köln").build(), time(n))
        .build();
  }

  @Test
  public void rowsArriveWithNullsTimesAndNestedValuesAndRefusedOnesComeBack() throws IOException, InterruptedException {
    Pipeline pipeline =
        Pipeline.create(
            PipelineOptionsFactory.fromArgs(
                    "--runner=PortableRunner", "--jobEndpoint=localhost:" + prismPort, "--defaultEnvironmentType=LOOPBACK")
                .create());
    PCollectionRowTuple result =
        pipeline
            .apply(Create.of(event(1, 1.5), event(2, null), event(3, Double.NaN)).withRowSchema(EVENT))
            .apply(
                TectonIO.writeRows()
                    .withEndpointUrl(emulatorUrl + "/ingest")
                    .withApiKey("env:TECTON_API_KEY")
                    .withWorkspaceName("prod")
                    .withStreamSourceName("events")
                    .withErrorHandling("errors"));
    result.get(TectonIO.WRITTEN).apply(ParDo.of(new CountRecords()));
    result.get("errors").apply(ParDo.of(new CheckFailed()));
    PipelineResult ran = pipeline.run();
    assertEquals(PipelineResult.State.DONE, ran.waitUntilFinish());

    assertEquals(2, counter(ran, "test", "written"));
    assertEquals(1, counter(ran, "test", "failed"));
    assertEquals(2, counter(ran, "tecton_stream_ingest", "records_written"));
    JsonNode rows = stored();
    assertEquals(2, rows.size());
    for (JsonNode row : rows) {
      int n = Integer.parseInt(row.get("user_id").asText().substring(5));
      assertEquals("Köln", row.get("place").get("city").asText());
      assertEquals(-n, row.get("count").asInt());
      assertEquals("2023-11-14T22:13:2" + n + ".500Z", row.get("event_time").asText());
      assertEquals(n == 2, row.get("amount").isNull());
    }
  }

  private JsonNode stored() throws IOException, InterruptedException {
    HttpRequest request = HttpRequest.newBuilder(URI.create(emulatorUrl + "/__emulator/rows?view=latest&limit=100")).build();
    return new ObjectMapper().readTree(HTTP.send(request, HttpResponse.BodyHandlers.ofString()).body());
  }

  private static long counter(PipelineResult ran, String namespace, String name) {
    long sum = 0;
    for (MetricResult<Long> counter : ran.metrics().allMetrics().getCounters()) {
      if (counter.getName().getNamespace().equals(namespace) && counter.getName().getName().equals(name)) {
        sum += counter.getAttempted();
      }
    }
    return sum;
  }
}
