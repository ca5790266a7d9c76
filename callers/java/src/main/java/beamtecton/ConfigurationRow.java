package beamtecton;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import org.apache.beam.model.pipeline.v1.ExternalTransforms.ExternalConfigurationPayload;
import org.apache.beam.sdk.coders.RowCoder;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.schemas.Schema.FieldType;
import org.apache.beam.sdk.schemas.SchemaTranslation;
import org.apache.beam.sdk.util.CoderUtils;
import org.apache.beam.sdk.util.VarInt;
import org.apache.beam.sdk.values.Row;

/** The options as what an expansion request carries: a Beam row with its schema. */
final class ConfigurationRow {
  // Field `payload` of ExternalConfigurationPayload, bytes: number 2, wire type 2. Source: external_transforms.proto.
  private static final int PAYLOAD_TAG = 2 << 3 | 2;

  private ConfigurationRow() {}

  /**
   * A serialized ExternalConfigurationPayload that has the given options and no others, so that the service's defaults hold for the rest.
   */
  static byte[] payload(Map<String, Object> options) {
    Schema.Builder fields = Schema.builder();
    options.forEach((name, value) -> fields.addField(name, typeOf(value)));
    Schema schema = fields.build();
    Row row = Row.withSchema(schema).addValues(options.values().toArray()).build();
    try {
      ByteArrayOutputStream message = new ByteArrayOutputStream();
      message.write(
          ExternalConfigurationPayload.newBuilder().setSchema(SchemaTranslation.schemaToProto(schema, true)).build().toByteArray());
      // By hand: the setter takes a ByteString, whose package differs between releases of Beam.
      byte[] encoded = CoderUtils.encodeToByteArray(RowCoder.of(schema), row);
      message.write(PAYLOAD_TAG);
      VarInt.encode(encoded.length, message);
      message.write(encoded);
      return message.toByteArray();
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  private static FieldType typeOf(Object value) {
    if (value instanceof Long) {
      return FieldType.INT64;
    }
    if (value instanceof Double) {
      return FieldType.DOUBLE;
    }
    return value instanceof Boolean ? FieldType.BOOLEAN : FieldType.STRING;
  }
}
