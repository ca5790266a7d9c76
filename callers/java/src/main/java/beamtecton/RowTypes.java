package beamtecton;

import java.util.Set;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.schemas.Schema.FieldType;
import org.apache.beam.sdk.schemas.Schema.LogicalType;
import org.apache.beam.sdk.schemas.SchemaTranslation;

/**
 * Refuses field types of which only Java knows what they are: the expansion service sees no more of them than a general name. All other
 * types are judged by the service.
 */
final class RowTypes {
  static final String UNKNOWN_LOGICAL_TYPES = "unknown_logical_types";

  // Java's own logical types get URNs that begin so; these four of them the sink knows.
  private static final String JAVA_ONLY = "beam:logical_type:javasdk";
  private static final Set<String> KNOWN =
      Set.of(
          "beam:logical_type:javasdk_enum:v1",
          "beam:logical_type:javasdk_oneof:v1",
          "beam:logical_type:javasdk_date:v1",
          "beam:logical_type:javasdk_time:v1");

  private RowTypes() {}

  /**
   * Throws an IllegalArgumentException that names the field's path.
   *
   * @param unknownLogicalTypes the option of that name, or null
   */
  static void check(Schema schema, Object unknownLogicalTypes) {
    checkRow(schema, "", "representation".equals(unknownLogicalTypes));
  }

  private static void checkRow(Schema schema, String path, boolean asRepresentation) {
    for (Schema.Field field : schema.getFields()) {
      checkType(field.getType(), path.isEmpty() ? field.getName() : path + "." + field.getName(), asRepresentation);
    }
  }

  private static void checkType(FieldType type, String path, boolean asRepresentation) {
    switch (type.getTypeName()) {
      case LOGICAL_TYPE:
        checkLogicalType(type, path, asRepresentation);
        break;
      case ARRAY:
      case ITERABLE:
        checkType(type.getCollectionElementType(), path + "[]", asRepresentation);
        break;
      case MAP:
        if (type.getMapKeyType().getTypeName() != Schema.TypeName.STRING) {
          throw new IllegalArgumentException(
              String.format(
                  "Field %s has keys of type %s, and Tecton's maps have String keys only. Convert the keys to STRING before the sink.",
                  path, type.getMapKeyType().getTypeName()));
        }
        checkType(type.getMapValueType(), path + "[]", asRepresentation);
        break;
      case ROW:
        checkRow(type.getRowSchema(), path, asRepresentation);
        break;
      default:
        break;
    }
  }

  private static void checkLogicalType(FieldType type, String path, boolean asRepresentation) {
    LogicalType<?, ?> logical = type.getLogicalType();
    String urn = urnOf(type);
    if (urn.startsWith(JAVA_ONLY) && !KNOWN.contains(urn) && !asRepresentation) {
      throw new IllegalArgumentException(
          String.format(
              "Field %s has the logical type %s (%s), which only Java knows. Convert it to its base type %s before the sink, or write that"
                  + " for every such field with withUnknownLogicalTypes(\"representation\").",
              path, logical.getIdentifier(), logical.getClass().getName(), logical.getBaseType().getTypeName()));
    }
  }

  /** The name that Beam gives the logical type outside of Java. */
  private static String urnOf(FieldType type) {
    Schema schema = Schema.of(Schema.Field.of("field", type));
    return SchemaTranslation.schemaToProto(schema, false).getFields(0).getType().getLogicalType().getUrn();
  }
}
