package beamtecton.examples;

import beamtecton.TectonIO;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.PipelineResult;
import org.apache.beam.sdk.metrics.Counter;
import org.apache.beam.sdk.metrics.MetricKey;
import org.apache.beam.sdk.metrics.MetricResult;
import org.apache.beam.sdk.metrics.Metrics;
import org.apache.beam.sdk.options.Default;
import org.apache.beam.sdk.options.Description;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.beam.sdk.options.PipelineOptionsFactory;
import org.apache.beam.sdk.options.Validation;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.schemas.Schema.FieldType;
import org.apache.beam.sdk.schemas.logicaltypes.MicrosInstant;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.Impulse;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionRowTuple;
import org.apache.beam.sdk.values.Row;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes typed rows, with nulls, times and nested values, to a stream source of Tecton.
 *
 * <pre>{@code
 * prism --job_port=8073 &
 * export TECTON_API_KEY=...
 * mvn -q compile exec:exec -Dpurchases="--runner=PortableRunner --jobEndpoint=localhost:8073 --defaultEnvironmentType=LOOPBACK \
 *     --tectonInstance=acme.tecton.ai --workspaceName=prod --streamSourceName=purchases"
 * }</pre>
 *
 * <p>The API key is the one in the environment variable TECTON_API_KEY, which only the worker reads. Refused rows are counted and do not
 * stop the others. The last line of the output has the counters of the write and what its two outputs held, as JSON.
 */
public final class Purchases {
  private static final Logger LOG = LoggerFactory.getLogger(Purchases.class);

  private static final Schema SHOP = Schema.builder().addStringField("city").addDoubleField("lat").build();

  /** The columns of the stream source. */
  private static final Schema PURCHASE =
      Schema.builder()
          .addStringField("user_id")
          .addNullableField("amount", FieldType.DOUBLE)
          .addInt64Field("items")
          .addInt32Field("small")
          .addBooleanField("paid")
          .addArrayField("tags", FieldType.STRING)
          .addMapField("labels", FieldType.STRING, FieldType.STRING)
          .addRowField("shop", SHOP)
          .addLogicalTypeField("event_time", new MicrosInstant())
          .build();

  /** The arguments of the program, beside those of Beam. */
  public interface Options extends PipelineOptions {
    @Description("Host name of the Tecton account.")
    String getTectonInstance();

    void setTectonInstance(String value);

    @Description("Whole URL to send to, in place of the one made from tectonInstance.")
    String getEndpointUrl();

    void setEndpointUrl(String value);

    @Description("Live workspace that holds the stream source.")
    @Validation.Required
    String getWorkspaceName();

    void setWorkspaceName(String value);

    @Description("Stream source that takes the purchases.")
    @Validation.Required
    String getStreamSourceName();

    void setStreamSourceName(String value);

    @Description("host:port of an expansion service that runs; by default one is started.")
    String getExpansionService();

    void setExpansionService(String value);

    @Description("How many purchases to write.")
    @Default.Integer(100)
    int getCount();

    void setCount(int value);

    @Description("How many purchases to add that are refused: their amount is not a number.")
    @Default.Integer(0)
    int getBroken();

    void setBroken(int value);

    @Description("How the runner starts the worker: PROCESS, EXTERNAL or DOCKER.")
    String getSinkEnvironmentType();

    void setSinkEnvironmentType(String value);

    @Description("The command, address or image that belongs to sinkEnvironmentType.")
    String getSinkEnvironmentConfig();

    void setSinkEnvironmentConfig(String value);
  }

  private Purchases() {}

  public static void main(String[] arguments) {
    PipelineOptionsFactory.register(Options.class);
    Options options = PipelineOptionsFactory.fromArgs(arguments).withValidation().as(Options.class);
    Pipeline pipeline = Pipeline.create(options);
    TectonIO.WriteRows write =
        TectonIO.writeRows()
            .withApiKey("env:TECTON_API_KEY")
            .withWorkspaceName(options.getWorkspaceName())
            .withStreamSourceName(options.getStreamSourceName())
            .withTimestampField("event_time")
            .withErrorHandling("errors");
    if (options.getTectonInstance() != null) {
      write = write.withTectonInstance(options.getTectonInstance());
    }
    if (options.getEndpointUrl() != null) {
      write = write.withEndpointUrl(options.getEndpointUrl());
    }
    if (options.getExpansionService() != null) {
      write = write.withExpansionService(options.getExpansionService());
    }
    if (options.getSinkEnvironmentType() != null) {
      write = write.withEnvironmentType(options.getSinkEnvironmentType());
    }
    if (options.getSinkEnvironmentConfig() != null) {
      write = write.withEnvironmentConfig(options.getSinkEnvironmentConfig());
    }
    PCollection<Row> purchases =
        pipeline
            .apply("Start", Impulse.create())
            .apply("Purchases", ParDo.of(new MakePurchases(options.getCount(), options.getBroken())))
            .setRowSchema(PURCHASE);
    PCollectionRowTuple result = purchases.apply(write);
    result.get(TectonIO.WRITTEN).apply("CountWritten", ParDo.of(new CountWritten()));
    result.get("errors").apply("CountFailed", ParDo.of(new CountFailed()));

    PipelineResult ran = pipeline.run();
    ran.waitUntilFinish();
    System.out.println(counters(ran));
  }

  /** Emits purchases of as many users, the last ones with an amount that JSON cannot hold. */
  private static final class MakePurchases extends DoFn<byte[], Row> {
    private final int count;
    private final int broken;

    MakePurchases(int count, int broken) {
      this.count = count;
      this.broken = broken;
    }

    @ProcessElement
    public void process(OutputReceiver<Row> output) {
      IntStream.range(0, count + broken).forEach(n -> output.output(purchase(n, count)));
    }
  }

  /** The nth purchase; from `broken` on with an amount that JSON cannot hold. */
  private static Row purchase(int n, int broken) {
    Double amount = n >= broken ? Double.valueOf(Double.NaN) : n % 3 == 0 ? null : Double.valueOf(n + 0.5);
    return Row.withSchema(PURCHASE)
        .withFieldValue("user_id", "user-" + n)
        .withFieldValue("amount", amount)
        .withFieldValue("items", n % 4 == 0 ? -(long) n : (long) n) // below zero: given back
        .withFieldValue("small", -n)
        .withFieldValue("paid", n % 2 == 0)
        .withFieldValue("tags", List.of("a", "b"))
        .withFieldValue("labels", Map.of("channel", "web"))
        .withFieldValue("shop", Row.withSchema(SHOP).addValues("Köln", 50.9375).build())
        .withFieldValue("event_time", Instant.ofEpochSecond(1_700_000_000L + n, 250_000_000))
        .build();
  }

  private static final class CountWritten extends DoFn<Row, Void> {
    private final Counter written = Metrics.counter("purchases", "written");

    @ProcessElement
    public void process(@Element Row request) {
      written.inc(request.getInt64("records"));
    }
  }

  private static final class CountFailed extends DoFn<Row, Void> {
    private final Counter failed = Metrics.counter("purchases", "failed");

    @ProcessElement
    public void process(@Element Row refused) {
      failed.inc();
      LOG.warn("{} was refused: {}", refused.getRow("failed_row").getString("user_id"), refused.getString("error_message"));
    }
  }

  /** The counters of all steps by name. Beam's PortableRunner lists a step's counter twice where the runner gives it as committed too. */
  private static String counters(PipelineResult ran) {
    Map<MetricKey, Long> ofSteps = new HashMap<>();
    for (MetricResult<Long> counter : ran.metrics().allMetrics().getCounters()) {
      String namespace = counter.getName().getNamespace();
      if (namespace.equals("purchases") || namespace.equals("tecton_stream_ingest")) {
        ofSteps.merge(counter.getKey(), counter.getAttempted(), Math::max);
      }
    }
    Map<String, Long> counters = new TreeMap<>();
    ofSteps.forEach((key, value) -> counters.merge(key.metricName().getName(), value, Long::sum));
    return counters.entrySet().stream()
        .map(entry -> "\"" + entry.getKey() + "\":" + entry.getValue())
        .collect(Collectors.joining(",", "{", "}"));
  }
}
