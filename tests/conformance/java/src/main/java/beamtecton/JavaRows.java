package beamtecton;

import java.io.IOException;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.time.Duration;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.beam.sdk.coders.RowCoder;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.schemas.Schema.FieldType;
import org.apache.beam.sdk.schemas.SchemaTranslation;
import org.apache.beam.sdk.schemas.logicaltypes.EnumerationType;
import org.apache.beam.sdk.schemas.logicaltypes.FixedBytes;
import org.apache.beam.sdk.schemas.logicaltypes.FixedPrecisionNumeric;
import org.apache.beam.sdk.schemas.logicaltypes.FixedString;
import org.apache.beam.sdk.schemas.logicaltypes.NanosDuration;
import org.apache.beam.sdk.schemas.logicaltypes.NanosInstant;
import org.apache.beam.sdk.schemas.logicaltypes.OneOfType;
import org.apache.beam.sdk.schemas.logicaltypes.PassThroughLogicalType;
import org.apache.beam.sdk.schemas.logicaltypes.SqlTypes;
import org.apache.beam.sdk.schemas.logicaltypes.UuidLogicalType;
import org.apache.beam.sdk.schemas.logicaltypes.VariableBytes;
import org.apache.beam.sdk.schemas.logicaltypes.VariableString;
import org.apache.beam.sdk.util.CoderUtils;
import org.apache.beam.sdk.values.Row;
import org.joda.time.Instant;
import org.joda.time.ReadableInstant;

/**
 * Random rows, encoded by the Java SDK, and the records they must become.
 *
 * <p>Arguments: the seed, the number of random schemas, the rows of each, the file to write. It gets one JSON object a
 * line: {"schema", "rows": [{"row", "record"}], "refused", "other_form"}. Schema and rows are in base64. "refused" is the
 * path of a field whose type no record can hold; its rows have no records. "other_form" rows hold iterables of unknown
 * length, which we encode in their other form.
 */
public final class JavaRows {
  /** A type with its random values and their JSON. */
  private static final class Kind {
    final FieldType type;
    final Supplier<Object> values;
    final Function<Object, String> json;
    final String refused; // the path within the field, "" for the field itself; null: a record can hold it

    Kind(FieldType type, Supplier<Object> values, Function<Object, String> json, String refused) {
      this.type = type;
      this.values = values;
      this.json = json;
      this.refused = refused;
    }

    Kind(FieldType type, Supplier<Object> values, Function<Object, String> json) {
      this(type, values, json, null);
    }
  }

  private static final int MAX_DEPTH = 3;
  private static final long MAX_SAFE = (1L << 53) - 1;
  private static final long FIRST_SECOND = -62135596800L; // of the year 0001
  private static final long LAST_SECOND = 253402300799L; // of the year 9999
  private static final long MILLIS_A_DAY = 86_400_000L;

  private final Random random;

  private JavaRows(long seed) {
    this.random = new Random(seed);
  }

  public static void main(String[] arguments) throws Exception {
    PrintStream out = new PrintStream(arguments[3], "UTF-8");
    JavaRows rows = new JavaRows(Long.parseLong(arguments[0]));
    int numRows = Integer.parseInt(arguments[2]);
    for (Kind kind : rows.recordKinds()) {
      rows.write(out, List.of(kind), numRows, false);
    }
    for (Kind kind : rows.refusedKinds()) {
      rows.write(out, List.of(kind), numRows, false);
    }
    for (int i = Integer.parseInt(arguments[1]); i > 0; i--) {
      List<Kind> kinds = new ArrayList<>();
      for (int count = 1 + rows.random.nextInt(i % 4 == 0 ? 20 : 6); count > 0; count--) {
        kinds.add(rows.anyKind(0));
      }
      rows.write(out, kinds, numRows, false);
    }
    rows.write(out, List.of(rows.streamed()), numRows, true);
    out.close();
    if (out.checkError()) {
      throw new IOException("cannot write " + arguments[3]);
    }
  }

  private void write(PrintStream out, List<Kind> kinds, int numRows, boolean streamed) throws Exception {
    Schema schema = schemaOf(kinds);
    String refused = refusedOf(kinds, "");
    RowCoder coder = RowCoder.of(schema);
    StringBuilder line = new StringBuilder("{\"schema\":\"");
    line.append(base64(SchemaTranslation.schemaToProto(schema, true).toByteArray())).append("\",\"rows\":[");
    for (int i = 0; i < numRows; i++) {
      Row row = row(schema, kinds);
      line.append(i == 0 ? "" : ",").append("{\"row\":\"").append(base64(CoderUtils.encodeToByteArray(coder, row)));
      line.append("\"");
      if (refused == null) {
        line.append(",\"record\":").append(string(rowJson(row, kinds)));
      }
      line.append("}");
    }
    line.append("]");
    if (refused != null) {
      line.append(",\"refused\":").append(string(refused));
    }
    out.print(line.append(streamed ? ",\"other_form\":true}" : "}").append("\n"));
  }

  private Schema schemaOf(List<Kind> kinds) {
    Schema.Builder builder = Schema.builder();
    for (int i = 0; i < kinds.size(); i++) {
      builder.addField("f" + i, kinds.get(i).type);
    }
    Schema schema = builder.build();
    schema.setUUID(new UUID(random.nextLong(), random.nextLong()));
    return schema;
  }

  private static String refusedOf(List<Kind> kinds, String before) {
    for (int i = 0; i < kinds.size(); i++) {
      if (kinds.get(i).refused != null) {
        return before + "f" + i + kinds.get(i).refused;
      }
    }
    return null;
  }

  private Row row(Schema schema, List<Kind> kinds) {
    List<Object> values = new ArrayList<>();
    for (Kind kind : kinds) {
      values.add(value(kind));
    }
    return Row.withSchema(schema).addValues(values).build();
  }

  private Object value(Kind kind) {
    return kind.type.getNullable() && random.nextInt(4) == 0 ? null : kind.values.get();
  }

  // ---- types ----

  private Kind anyKind(int depth) {
    int choice = depth < MAX_DEPTH ? random.nextInt(12) : 0;
    Kind kind;
    if (choice == 8) {
      kind = listOf(anyKind(depth + 1), random.nextBoolean());
    } else if (choice == 9) {
      kind = mapOf(anyKind(depth + 1));
    } else if (choice >= 10) {
      List<Kind> fields = new ArrayList<>();
      for (int count = random.nextInt(4); count >= 0; count--) {
        fields.add(anyKind(depth + 1));
      }
      kind = rowOf(fields);
    } else {
      List<Kind> leaves = recordKinds();
      kind = leaves.get(random.nextInt(leaves.size()));
    }
    boolean nullable = random.nextBoolean();
    return new Kind(kind.type.withNullable(nullable), kind.values, kind.json, kind.refused);
  }

  private List<Kind> recordKinds() {
    List<Kind> kinds = new ArrayList<>();
    kinds.add(new Kind(FieldType.BYTE, () -> (byte) random.nextInt(), Object::toString));
    kinds.add(new Kind(FieldType.INT16, () -> (short) integer(), Object::toString));
    kinds.add(new Kind(FieldType.INT32, () -> (int) integer(), Object::toString));
    kinds.add(new Kind(FieldType.INT64, this::integer, JavaRows::int64));
    kinds.add(new Kind(FieldType.FLOAT, () -> (float) real(), value -> real((Float) value)));
    kinds.add(new Kind(FieldType.DOUBLE, this::real, value -> real((Double) value)));
    kinds.add(new Kind(FieldType.STRING, this::text, value -> string((String) value)));
    kinds.add(new Kind(FieldType.BOOLEAN, random::nextBoolean, Object::toString));
    kinds.add(new Kind(FieldType.BYTES, () -> bytes(random.nextInt(20)), JavaRows::bytesJson));
    kinds.add(new Kind(FieldType.DECIMAL, this::decimal, JavaRows::decimalJson));
    kinds.add(new Kind(FieldType.DATETIME, this::millis, JavaRows::millisJson));
    kinds.add(logical(SqlTypes.DATE, this::date, value -> quoted(value.toString())));
    kinds.add(logical(SqlTypes.TIME, this::time, value -> quoted(clock((LocalTime) value))));
    kinds.add(logical(SqlTypes.DATETIME, () -> LocalDateTime.of(date(), time()), JavaRows::datetimeJson));
    kinds.add(logical(SqlTypes.TIMESTAMP, () -> instant(1000), value -> timestamp((java.time.Instant) value, 6)));
    kinds.add(logical(new NanosInstant(), () -> instant(1), value -> timestamp((java.time.Instant) value, 9)));
    kinds.add(logical(new UuidLogicalType(), this::uuid, value -> quoted(value.toString())));
    kinds.add(enumeration());
    kinds.add(oneOf());
    kinds.add(logical(FixedBytes.of(4), () -> bytes(4), JavaRows::bytesJson));
    kinds.add(logical(VariableBytes.of(9), () -> bytes(random.nextInt(10)), JavaRows::bytesJson));
    kinds.add(logical(FixedString.of(5), () -> "ab é ", value -> string((String) value)));
    kinds.add(logical(VariableString.of(150), this::text, value -> string((String) value)));
    kinds.add(logical(FixedPrecisionNumeric.of(20, 2), this::cents, JavaRows::decimalJson));
    kinds.add(logical(jdbc("date"), () -> new Instant(date().toEpochDay() * MILLIS_A_DAY), JavaRows::jdbcDateJson));
    kinds.add(logical(jdbc("time"), () -> new Instant(random.nextInt((int) MILLIS_A_DAY)), JavaRows::jdbcTimeJson));
    return kinds;
  }

  private List<Kind> refusedKinds() {
    FieldType duration = FieldType.logicalType(new NanosDuration());
    Schema dashed = Schema.builder().addField("a-b", FieldType.INT32).build();
    return List.of(
        new Kind(duration, () -> Duration.ofSeconds(integer() >> 20, 5), null, ""),
        new Kind(FieldType.array(duration), () -> List.of(Duration.ZERO), null, ""),
        new Kind(FieldType.map(FieldType.INT32, FieldType.STRING), () -> Map.of((int) integer(), "x"), null, ""),
        new Kind(FieldType.row(dashed), () -> Row.withSchema(dashed).addValue(1).build(), null, ".a-b"));
  }

  private static <T> Kind logical(
      Schema.LogicalType<T, ?> type, Supplier<Object> values, Function<Object, String> json) {
    return new Kind(FieldType.logicalType(type), values, json);
  }

  /** JdbcIO's types, which are no part of the core: an instant with one half left empty. */
  private static Schema.LogicalType<ReadableInstant, ReadableInstant> jdbc(String name) {
    return new Jdbc("beam:logical_type:javasdk_" + name + ":v1");
  }

  private static final class Jdbc extends PassThroughLogicalType<ReadableInstant> {
    Jdbc(String urn) {
      super(urn, FieldType.STRING, "", FieldType.DATETIME);
    }
  }

  private Kind enumeration() {
    EnumerationType colours = EnumerationType.create("RED", "GREEN", "BLUE \"sky\"");
    return logical(
        colours,
        () -> colours.valueOf(random.nextInt(3)),
        value -> string(colours.toString((EnumerationType.Value) value)));
  }

  private Kind oneOf() {
    OneOfType type =
        OneOfType.create(Schema.Field.of("number", FieldType.INT32), Schema.Field.of("text", FieldType.STRING));
    return logical(
        type,
        () -> random.nextBoolean() ? type.createValue("number", (int) integer()) : type.createValue("text", text()),
        value -> {
          OneOfType.Value set = (OneOfType.Value) value;
          return set.getCaseType().getValue() == 0
              ? "{\"number\":" + set.getValue() + ",\"text\":null}"
              : "{\"number\":null,\"text\":" + string((String) set.getValue()) + "}";
        });
  }

  private Kind listOf(Kind element, boolean iterable) {
    FieldType type = iterable ? FieldType.iterable(element.type) : FieldType.array(element.type);
    return new Kind(type, () -> items(element), value -> listJson(element, (Iterable<?>) value), element.refused);
  }

  private List<Object> items(Kind element) {
    List<Object> items = new ArrayList<>();
    for (int count = random.nextInt(4); count > 0; count--) {
      items.add(value(element));
    }
    return items;
  }

  private Kind mapOf(Kind element) {
    return new Kind(
        FieldType.map(FieldType.STRING, element.type),
        () -> {
          Map<String, Object> map = new HashMap<>();
          if (random.nextInt(3) > 0) { // one entry at most: Java's maps come out in an order of their own
            map.put(text(), value(element));
          }
          return map;
        },
        value -> mapJson(element, (Map<?, ?>) value),
        element.refused);
  }

  private Kind rowOf(List<Kind> fields) {
    Schema schema = schemaOf(fields);
    return new Kind(
        FieldType.row(schema),
        () -> row(schema, fields),
        value -> rowJson((Row) value, fields),
        refusedOf(fields, "."));
  }

  private Kind streamed() {
    Kind text = new Kind(FieldType.STRING, this::text, value -> string((String) value));
    return new Kind(
        FieldType.iterable(FieldType.STRING),
        () -> {
          List<Object> items = List.of("a", "b", text());
          return (Iterable<Object>) items::iterator; // no collection: its length is not known
        },
        value -> listJson(text, (Iterable<?>) value));
  }

  // ---- values ----

  private long integer() {
    return random.nextInt(4) == 0 ? random.nextInt(5) - 2 : random.nextLong() >> random.nextInt(64);
  }

  private double real() {
    switch (random.nextInt(4)) {
      case 0:
        return random.nextInt(2001) - 1000;
      case 1:
        return random.nextInt() / 100.0;
      case 2:
        return random.nextGaussian() * Math.pow(10, random.nextInt(60) - 30);
      default:
        return -0.0;
    }
  }

  private String text() {
    String[] texts = {"", "a", "\u0000\u001f\u007f", "q\"b\\s/\b\f\n\r\t", "\u2028é光😀"};
    int choice = random.nextInt(texts.length + 2);
    return choice < texts.length ? texts[choice] : "x".repeat(random.nextInt(150));
  }

  private byte[] bytes(int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  private BigDecimal decimal() {
    BigInteger unscaled = new BigInteger(1 + random.nextInt(200), random);
    return new BigDecimal(random.nextBoolean() ? unscaled : unscaled.negate(), random.nextInt(40) - 10);
  }

  private BigDecimal cents() {
    return new BigDecimal(BigInteger.valueOf(random.nextInt()), 2);
  }

  private UUID uuid() {
    return new UUID(random.nextLong(), random.nextLong());
  }

  private Instant millis() {
    long millis = (FIRST_SECOND + (long) (random.nextDouble() * (LAST_SECOND - FIRST_SECOND))) * 1000;
    return new Instant(random.nextInt(3) == 0 ? random.nextInt(2001) - 1000 : millis + random.nextInt(1000));
  }

  private LocalDate date() {
    return LocalDate.ofEpochDay(random.nextInt(3) == 0 ? random.nextInt(3) - 1 : random.nextInt(3652059) - 719162);
  }

  private LocalTime time() {
    long[] units = {1_000_000_000L, 1_000_000L, 1000L, 1L};
    long unit = units[random.nextInt(4)];
    return LocalTime.ofNanoOfDay((long) (random.nextDouble() * 86_400_000_000_000L) / unit * unit);
  }

  private java.time.Instant instant(int nanosUnit) {
    long seconds = FIRST_SECOND + (long) (random.nextDouble() * (LAST_SECOND - FIRST_SECOND));
    long nanos = (long) random.nextInt(1_000_000_000 / nanosUnit) * nanosUnit;
    return java.time.Instant.ofEpochSecond(random.nextInt(3) == 0 ? -1 : seconds, nanos);
  }

  // ---- their JSON, by the table of worker/records/README.md ----

  private static String json(Kind kind, Object value) {
    return value == null ? "null" : kind.json.apply(value);
  }

  private static String rowJson(Row row, List<Kind> kinds) {
    StringBuilder json = new StringBuilder("{");
    for (int i = 0; i < kinds.size(); i++) {
      json.append(i == 0 ? "" : ",").append(string("f" + i)).append(":");
      json.append(json(kinds.get(i), row.getValue(i)));
    }
    return json.append("}").toString();
  }

  private static String listJson(Kind element, Iterable<?> value) {
    StringBuilder json = new StringBuilder("[");
    for (Object item : value) {
      json.append(json.length() == 1 ? "" : ",").append(json(element, item));
    }
    return json.append("]").toString();
  }

  private static String mapJson(Kind element, Map<?, ?> value) {
    StringBuilder json = new StringBuilder("{");
    for (Map.Entry<?, ?> entry : value.entrySet()) {
      json.append(string((String) entry.getKey())).append(":").append(json(element, entry.getValue()));
    }
    return json.append("}").toString();
  }

  private static String int64(Object value) {
    long number = (long) value;
    boolean exact = number >= -MAX_SAFE && number <= MAX_SAFE;
    return exact ? String.valueOf(number) : quoted(String.valueOf(number));
  }

  private static String real(Float value) {
    BigDecimal exact = new BigDecimal(Math.abs(value));
    BigDecimal shortest = exact;
    for (int digits = 1; digits <= 9; digits++) {
      shortest = exact.round(new MathContext(digits, RoundingMode.HALF_EVEN));
      if (shortest.floatValue() == Math.abs(value)) {
        break;
      }
    }
    return real(exact, shortest, 1L << 24, 1 / value < 0);
  }

  private static String real(Double value) {
    BigDecimal exact = new BigDecimal(Math.abs(value));
    BigDecimal shortest = exact;
    for (int digits = 1; digits <= 17; digits++) {
      shortest = exact.round(new MathContext(digits, RoundingMode.HALF_EVEN));
      if (shortest.doubleValue() == Math.abs(value)) {
        break;
      }
    }
    return real(exact, shortest, 1L << 53, 1 / value < 0);
  }

  /** `shortest` has the fewest digits that read back as `exact`; whole numbers below `allWhole` keep all of theirs. */
  private static String real(BigDecimal exact, BigDecimal shortest, long allWhole, boolean negative) {
    String sign = negative ? "-" : "";
    BigDecimal stripped = shortest.stripTrailingZeros();
    if (exact.stripTrailingZeros().scale() <= 0 && exact.compareTo(BigDecimal.valueOf(allWhole)) < 0) {
      return sign + exact.toBigInteger() + ".0";
    }
    String digits = stripped.unscaledValue().toString();
    int point = digits.length() - stripped.scale();
    if (point > 17 || point < -5) {
      return sign + digits.charAt(0) + (digits.length() > 1 ? "." + digits.substring(1) : "") + "e" + (point - 1);
    }
    return sign + stripped.toPlainString() + (stripped.scale() <= 0 ? ".0" : "");
  }

  private static String bytesJson(Object value) {
    return quoted(base64((byte[]) value));
  }

  private static String decimalJson(Object value) {
    return quoted(((BigDecimal) value).toPlainString());
  }

  private static String millisJson(Object value) {
    return timestamp(java.time.Instant.ofEpochMilli(((ReadableInstant) value).getMillis()), 3);
  }

  private static String jdbcDateJson(Object value) {
    return quoted(LocalDate.ofEpochDay(((ReadableInstant) value).getMillis() / MILLIS_A_DAY).toString());
  }

  private static String jdbcTimeJson(Object value) {
    return quoted(clock(LocalTime.ofNanoOfDay(((ReadableInstant) value).getMillis() * 1_000_000L)));
  }

  private static String datetimeJson(Object value) {
    LocalDateTime local = (LocalDateTime) value;
    return quoted(local.toLocalDate() + "T" + clock(local.toLocalTime()));
  }

  private static String timestamp(java.time.Instant instant, int digits) {
    LocalDateTime utc = LocalDateTime.ofInstant(instant, ZoneOffset.UTC);
    String fraction = String.format("%09d", utc.getNano()).substring(0, digits);
    return quoted(utc.toLocalDate() + "T" + clock(utc.toLocalTime().withNano(0)) + "." + fraction + "Z");
  }

  /** LocalTime's own text leaves the seconds out where they are zero. */
  private static String clock(LocalTime time) {
    String text = time.toString();
    return text.length() == 5 ? text + ":00" : text;
  }

  private static String quoted(String text) {
    return "\"" + text + "\"";
  }

  private static String base64(byte[] bytes) {
    return Base64.getEncoder().encodeToString(bytes);
  }

  private static String string(String text) {
    StringBuilder json = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      int named = "\b\f\n\r\t\"\\".indexOf(c);
      if (named >= 0) {
        json.append('\\').append("bfnrt\"\\".charAt(named));
      } else if (c < 0x20) {
        json.append(String.format("\\u%04x", (int) c));
      } else {
        json.append(c);
      }
    }
    return json.append("\"").toString();
  }
}
