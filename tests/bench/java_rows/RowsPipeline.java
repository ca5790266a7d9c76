import beamtecton.TectonIO;
import java.util.stream.IntStream;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.metrics.Counter;
import org.apache.beam.sdk.metrics.Metrics;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.beam.sdk.options.PipelineOptionsFactory;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.transforms.Reshuffle;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.Row;

/** Java's pipeline of {@code ./run bench engines}: makes rows and writes them, or counts and drops them. */
public final class RowsPipeline {
  private static final int CHUNKS = 100; // bundles' worth of rows, spread over what runs side by side

  private static final Schema ROW =
      Schema.builder()
          .addStringField("user_id")
          .addDoubleField("amount")
          .addInt64Field("count")
          .addBooleanField("active")
          .addStringField("name")
          .addStringField("ts")
          .build();

  /** The arguments, beside those of Beam. */
  public interface Options extends PipelineOptions {
    int getRows();

    void setRows(int value);

    /** Where to write; without it rows are dropped. */
    String getEndpointUrl();

    void setEndpointUrl(String value);

    String getExpansionService();

    void setExpansionService(String value);
  }

  private static final class MakeRows extends DoFn<Integer, Row> {
    private final int rows;

    MakeRows(int rows) {
      this.rows = rows;
    }

    @ProcessElement
    public void process(@Element Integer chunk, OutputReceiver<Row> out) {
      for (int i = (int) ((long) chunk * rows / CHUNKS); i < (int) ((chunk + 1L) * rows / CHUNKS); i++) {
        out.output(
            Row.withSchema(ROW)
                .addValues(
                    String.format("user-%05d", i % 100000),
                    i * 0.5,
                    i * 3L,
                    i % 2 == 0,
                    String.format("name-%07d", i % 10000000),
                    String.format("2026-03-01T%02d:%02d:%02d.000250Z", i / 3600 % 24, i / 60 % 60, i % 60))
                .build());
      }
    }
  }

  private static final class Drop extends DoFn<Row, Void> {
    private final Counter rows = Metrics.counter("null_sink", "rows");

    @ProcessElement
    public void process(@Element Row row) {
      rows.inc();
    }
  }

  private RowsPipeline() {}

  public static void main(String[] arguments) {
    PipelineOptionsFactory.register(Options.class);
    Options options = PipelineOptionsFactory.fromArgs(arguments).withValidation().as(Options.class);
    Pipeline pipeline = Pipeline.create(options);
    PCollection<Row> rows =
        pipeline
            .apply(Create.of(IntStream.range(0, CHUNKS).boxed().toList()))
            .apply(Reshuffle.viaRandomKey())
            .apply(ParDo.of(new MakeRows(options.getRows())))
            .setRowSchema(ROW);
    if (options.getEndpointUrl() == null) {
      rows.apply(ParDo.of(new Drop()));
    } else {
      rows.apply(
          TectonIO.writeRows()
              .withEndpointUrl(options.getEndpointUrl())
              .withApiKey("env:TECTON_API_KEY")
              .withWorkspaceName("prod")
              .withStreamSourceName("events")
              .withExpansionService(options.getExpansionService())
              .withEnvironmentType("EXTERNAL"));
    }
    pipeline.run().waitUntilFinish();
    System.exit(0); // the loopback worker's threads would keep the JVM for a while
  }
}
