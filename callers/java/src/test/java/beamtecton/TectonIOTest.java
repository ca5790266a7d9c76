package beamtecton;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.beam.sdk.options.PipelineOptionsFactory;
import org.apache.beam.sdk.options.PortablePipelineOptions;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.schemas.Schema.FieldType;
import org.apache.beam.sdk.schemas.logicaltypes.EnumerationType;
import org.apache.beam.sdk.schemas.logicaltypes.PassThroughLogicalType;
import org.apache.beam.sdk.testing.CrashingRunner;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.transforms.display.DisplayData;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionRowTuple;
import org.apache.beam.sdk.values.Row;
import org.junit.Test;

public class TectonIOTest {
  private static final Schema EVENT = Schema.builder().addStringField("user_id").addDoubleField("amount").build();

  /** A logical type of which Beam's other languages know nothing. */
  private static final class Celsius extends PassThroughLogicalType<Double> {
    Celsius() {
      super("celsius", FieldType.STRING, "", FieldType.DOUBLE);
    }
  }

  private static TectonIO.WriteRows whole() {
    return TectonIO.writeRows()
        .withTectonInstance("acme.tecton.ai")
        .withApiKey("env:K")
        .withWorkspaceName("prod")
        .withStreamSourceName("events");
  }

  /** Of a runner that never runs: these tests build pipelines. */
  private static PipelineOptions options() {
    PipelineOptions options = PipelineOptionsFactory.create();
    options.setRunner(CrashingRunner.class);
    return options;
  }

  private static PCollectionRowTuple apply(TectonIO.WriteRows write, Schema schema) {
    Pipeline pipeline = Pipeline.create(options());
    return pipeline.apply(Create.empty(schema)).apply(write);
  }

  private static String refused(TectonIO.WriteRows write, Schema schema) {
    return assertThrows(IllegalArgumentException.class, () -> apply(write, schema)).getMessage();
  }

  private static void assertContains(String text, String... words) {
    for (String word : words) {
      assertTrue(text + "\ndoes not say: " + word, text.contains(word));
    }
  }

  @Test
  public void whatIsMissingIsNamed() {
    assertContains(refused(TectonIO.writeRows(), EVENT), "api_key is missing", "withApiKey");
    assertContains(refused(TectonIO.writeRows().withApiKey("env:K"), EVENT), "workspace_name is missing");
    TectonIO.WriteRows almost = TectonIO.writeRows().withApiKey("env:K").withWorkspaceName("w").withStreamSourceName("s");
    assertContains(refused(almost, EVENT), "tecton_instance is missing", "withEndpointUrl");
  }

  @Test
  public void anOptionIsGivenOnceAndAsAPlainValue() {
    String text = assertThrows(IllegalArgumentException.class, () -> whole().withBatchSize(3).withOption("BatchSize", 4)).getMessage();
    assertContains(text, "batch_size is given twice");
    assertContains(assertThrows(IllegalArgumentException.class, () -> whole().withCaFile(null)).getMessage(), "ca_file is null");
    text = assertThrows(IllegalArgumentException.class, () -> whole().withOption("proxy", List.of("a"))).getMessage();
    assertContains(text, "proxy is a java.util");
    text = assertThrows(IllegalArgumentException.class, () -> whole().withOption("a b", "c")).getMessage();
    assertContains(text, "\"a b\" is not the name of an option");
    assertThrows(IllegalArgumentException.class, () -> whole().withExpansionService(""));
  }

  @Test
  public void aBuilderLeavesTheOneItCameFromAsItWas() {
    TectonIO.WriteRows first = whole();
    TectonIO.WriteRows second = first.withBatchSize(3);
    assertEquals(null, first.option("batch_size"));
    assertEquals(3L, second.option("batch_size"));
  }

  @Test
  public void theServiceRefusesAtConstructionAndNamesTheOption() {
    SourceTree.beamTecton();
    assertContains(refused(whole().withOption("batch_sise", 5), EVENT), "batch_sise", "batch_size");
    assertContains(refused(whole().withBatchSize(11), EVENT), "batch_size", "1 to 10");
    assertContains(refused(whole().withNonFinite("zero"), EVENT), "non_finite", "reject, null, string");
    assertContains(refused(whole().withOption("timeout", "soon"), EVENT), "timeout");
    assertContains(refused(whole().withTimestampField("when"), EVENT), "timestamp_field", "when");
    assertContains(refused(whole().withErrorHandling("written"), EVENT), "error_handling.output");
    assertFalse(refused(whole().withBatchSize(11), EVENT).contains("expansion service error"));
  }

  @Test
  public void fieldsThatOnlyJavaKnowsAreRefusedByPath() {
    FieldType celsius = FieldType.logicalType(new Celsius());
    Schema inner = Schema.of(Schema.Field.of("degrees", FieldType.array(celsius)));
    Schema outer = Schema.of(Schema.Field.of("place", FieldType.row(inner)));
    assertContains(
        refused(whole(), outer), "Field place.degrees[]", "celsius", "TectonIOTest$Celsius", "base type DOUBLE", "representation");
    Schema keyed = Schema.of(Schema.Field.of("counts", FieldType.map(FieldType.INT32, FieldType.STRING)));
    assertContains(refused(whole(), keyed), "Field counts has keys of type INT32", "STRING");
  }

  @Test
  public void theyAreWrittenAsTheirBaseTypeWhenThatIsAskedFor() {
    SourceTree.beamTecton();
    Schema schema = Schema.of(Schema.Field.of("degrees", FieldType.logicalType(new Celsius())));
    apply(whole().withUnknownLogicalTypes("representation"), schema);
    apply(whole(), Schema.of(Schema.Field.of("color", FieldType.logicalType(EnumerationType.create("RED", "BLUE")))));
  }

  @Test
  public void rowsWithoutASchemaAreRefused() {
    Pipeline pipeline = Pipeline.create(options());
    @SuppressWarnings({"unchecked", "rawtypes"}) // what a pipeline does that forgets the schema
    PCollection<Row> rows = (PCollection) pipeline.apply(Create.of("text"));
    String text = assertThrows(IllegalArgumentException.class, () -> rows.apply(whole())).getMessage();
    assertContains(text, "setRowSchema");
  }

  @Test
  public void outputsHaveTheirTagsAndSchemas() {
    SourceTree.beamTecton();
    PCollectionRowTuple plain = apply(whole(), EVENT);
    assertEquals(Set.of("written"), plain.getAll().keySet());
    assertEquals(FieldType.INT64, plain.get(TectonIO.WRITTEN).getSchema().getField("records").getType());
    PCollectionRowTuple both = apply(whole().withErrorHandling("errors"), EVENT);
    assertEquals(Set.of("written", "errors"), both.getAll().keySet());
    Schema failed = both.get("errors").getSchema();
    assertEquals(EVENT.getFieldNames(), failed.getField("failed_row").getType().getRowSchema().getFieldNames());
  }

  @Test
  public void anAddressWhereNothingListensIsNamed() {
    TectonIO.WriteRows write = whole().withExpansionService("localhost:1");
    String text = assertThrows(IllegalStateException.class, () -> apply(write, EVENT)).getMessage();
    assertContains(text, "localhost:1 did not answer", "Check that it runs");
  }

  @Test
  public void theKeyIsInNoErrorAndNoDisplayData() {
    SourceTree.beamTecton();
    TectonIO.WriteRows write =
        TectonIO.writeRows()
            .withTectonInstance("acme.tecton.ai")
            .withApiKey("a-very-secret-key")
            .withWorkspaceName("prod")
            .withStreamSourceName("events");
    String text = refused(write.withBatchSize(11), EVENT) + write + DisplayData.from(write);
    assertFalse(text, text.contains("very-secret"));
    assertContains(text, "acme.tecton.ai", "prod", "events");
  }

  @Test
  public void theOptionForLoopbackWorkersStaysAsItWas() {
    SourceTree.beamTecton();
    PortablePipelineOptions options = options().as(PortablePipelineOptions.class);
    options.setDefaultEnvironmentType("LOOPBACK");
    Pipeline.create(options).apply(Create.empty(EVENT)).apply(whole());
    assertEquals("LOOPBACK", options.getDefaultEnvironmentType());
  }

  @Test
  public void theOptionsAreThoseOfTheProgram() throws IOException, ReflectiveOperationException {
    Process process = new ProcessBuilder(SourceTree.beamTecton().toString(), "options", "--format=json").start();
    JsonNode table = new ObjectMapper().readTree(process.getInputStream());
    Map<String, String> theirs =
        StreamSupport.stream(table.spliterator(), false)
            .collect(Collectors.toMap(option -> option.get("name").asText(), option -> option.get("type").asText()));
    Map<Class<?>, Object> samples = new HashMap<>();
    samples.put(String.class, "text");
    samples.put(String[].class, new String[] {"a", "b"});
    samples.put(int.class, 1);
    samples.put(double.class, 0.5);
    samples.put(boolean.class, true);
    samples.put(Duration.class, Duration.ofMillis(1500));
    TectonIO.WriteRows write = TectonIO.writeRows();
    for (Method method : TectonIO.WriteRows.class.getMethods()) {
      if (method.getName().startsWith("with")
          && method.getParameterCount() == 1
          && method.getReturnType() == TectonIO.WriteRows.class
          && !method.getName().equals("withExpansionService")) {
        write = (TectonIO.WriteRows) method.invoke(write, samples.get(method.getParameterTypes()[0]));
      }
    }
    Map<String, Class<?>> types =
        Map.of("text", String.class, "choice", String.class, "integer", Long.class, "number", Double.class, "flag", Boolean.class);
    Map<String, Object> ours = write.options();
    assertEquals(theirs.keySet(), ours.keySet());
    theirs.forEach((name, type) -> assertEquals(name, types.get(type), ours.get(name).getClass()));
    assertEquals(1.5, ours.get("timeout"));
    assertEquals("a,b", ours.get("key_fields"));
  }
}
