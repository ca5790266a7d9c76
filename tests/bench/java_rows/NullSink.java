import java.io.IOException;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.metrics.Counter;
import org.apache.beam.sdk.metrics.Metrics;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.Impulse;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.util.construction.PipelineTranslation;
import org.apache.beam.sdk.values.Row;

/**
 * A null sink in Beam's Java SDK, for comparison: it decodes rows, counts them and drops them. The program prints its pipeline, whose
 * last step is the sink, as a serialised proto; Beam's own harness runs it.
 */
public final class NullSink {
  private static final Schema ROW =
      Schema.builder()
          .addStringField("user_id")
          .addDoubleField("amount")
          .addInt64Field("count")
          .addBooleanField("active")
          .addStringField("name")
          .addInt64Field("ts")
          .build();

  private static final class MakeRow extends DoFn<byte[], Row> {
    @ProcessElement
    public void process(OutputReceiver<Row> out) {
      out.output(Row.withSchema(ROW).addValues("", 0.0, 0L, false, "", 0L).build());
    }
  }

  private static final class Drop extends DoFn<Row, Void> {
    private final Counter rows = Metrics.counter("null_sink", "rows");

    @ProcessElement
    public void process(@Element Row row) {
      rows.inc();
    }
  }

  private NullSink() {}

  public static void main(String[] arguments) throws IOException {
    Pipeline pipeline = Pipeline.create();
    pipeline
        .apply(Impulse.create())
        .apply(ParDo.of(new MakeRow()))
        .setRowSchema(ROW)
        .apply("Measured", ParDo.of(new Drop()));
    PipelineTranslation.toProto(pipeline).writeTo(System.out);
    System.out.flush();
  }
}
