// Rows encoded by the Go SDK, and the records they must become: `go run . ../go_rows.jsonl`.
//
// The file gets one JSON object a line: {"schema", "rows": [{"row", "record"}], "refused", "other_form"}. Schema and rows
// are in base64. "refused" is the path of a field that no record can hold; "other_form" rows hold negative int32 values,
// which Go writes in ten bytes and Java, Python and we in five.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"math"
	"math/rand"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx/schema"
	"google.golang.org/protobuf/proto"
)

// Inner is a struct in a struct.
type Inner struct {
	Name string `beam:"name"`
	Size int    `beam:"size"`
}

// Every has a field of each type whose bytes are the same when they are written again.
type Every struct {
	Int      int               `beam:"int"`
	Int8     int8              `beam:"int8"`
	Uint     uint              `beam:"uint"`
	Uint8    uint8             `beam:"uint8"`
	Uint16   uint16            `beam:"uint16"`
	Uint32   uint32            `beam:"uint32"`
	Uint64   uint64            `beam:"uint64"`
	Int64    int64             `beam:"int64"`
	Float32  float32           `beam:"float32"`
	Float64  float64           `beam:"float64"`
	String   string            `beam:"string"`
	Bool     bool              `beam:"bool"`
	Bytes    []byte            `beam:"bytes"`
	Strings  []string          `beam:"strings"`
	Doubles  [2]float64        `beam:"doubles"`
	Pointers []*string         `beam:"pointers"`
	Map      map[string]uint16 `beam:"map"`
	Pointer  *string           `beam:"pointer"`
	Inner    Inner             `beam:"inner"`
	Inners   []Inner           `beam:"inners"`
	Time     time.Time         `beam:"time"`
}

// Int32 is a struct of its own because of its form.
type Int32 struct {
	Int32 int32 `beam:"int32"`
}

// Keyed cannot be a record.
type Keyed struct {
	Map map[int64]string `beam:"map"`
}

type line struct {
	Schema    string           `json:"schema"`
	Rows      []map[string]any `json:"rows"`
	Refused   string           `json:"refused,omitempty"`
	OtherForm bool             `json:"other_form,omitempty"`
}

func main() {
	types := []reflect.Type{reflect.TypeOf(Every{}), reflect.TypeOf(Int32{}), reflect.TypeOf(Keyed{})}
	for _, t := range types {
		beam.RegisterType(t)
	}
	beam.Init()
	rng := rand.New(rand.NewSource(1))
	every := lineOf(types[0])
	for i := 0; i < 60; i++ {
		row := randomRow(rng)
		every.add(row, record(row))
	}
	int32s := lineOf(types[1])
	int32s.OtherForm = true
	for _, value := range []int32{0, 1, -1, math.MaxInt32, math.MinInt32} {
		int32s.add(Int32{value}, fmt.Sprintf(`{"int32":%d}`, value))
	}
	keyed := lineOf(types[2])
	keyed.Refused = "map"
	keyed.add(Keyed{map[int64]string{-1: "x"}}, "")
	var out bytes.Buffer
	for _, l := range []*line{every, int32s, keyed} {
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		check(encoder.Encode(l))
	}
	check(os.WriteFile(os.Args[1], out.Bytes(), 0o644))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func lineOf(t reflect.Type) *line {
	s, err := schema.FromType(t)
	check(err)
	message, err := proto.MarshalOptions{Deterministic: true}.Marshal(s)
	check(err)
	return &line{Schema: base64.StdEncoding.EncodeToString(message)}
}

func (l *line) add(row any, record string) {
	var encoded bytes.Buffer
	check(beam.NewElementEncoder(reflect.TypeOf(row)).Encode(row, &encoded))
	shown := map[string]any{"row": base64.StdEncoding.EncodeToString(encoded.Bytes())}
	if l.Refused == "" {
		shown["record"] = record
	}
	l.Rows = append(l.Rows, shown)
}

func randomRow(rng *rand.Rand) Every {
	text := func() string {
		return []string{"", "a", "\x00\x1f\x7f\"\\", "\u2028é光😀", strings.Repeat("x", 130)}[rng.Intn(5)]
	}
	pointer := func() *string {
		if rng.Intn(2) == 0 {
			return nil
		}
		s := text()
		return &s
	}
	bits := func() uint64 { return rng.Uint64() >> rng.Intn(64) }
	row := Every{
		Int:     int(bits()),
		Int8:    int8(rng.Intn(256) - 128),
		Uint:    uint(bits() >> 1), // beyond 2^63-1 a record cannot hold it
		Uint8:   uint8(rng.Intn(128)), // above, a byte is negative
		Uint16:  uint16(bits()),
		Uint32:  uint32(bits()),
		Uint64:  bits() >> 1,
		Int64:   -int64(bits() >> 1),
		Float32: float32(rng.Intn(2000001)-1000000) / 8,
		Float64: float64(rng.Intn(2000001)-1000000) / 100,
		String:  text(),
		Bool:    rng.Intn(2) == 0,
		Doubles: [2]float64{-0.5, float64(rng.Intn(10))},
		Pointer: pointer(),
		Inner:   Inner{text(), -rng.Intn(1000)},
		Time:    time.Unix(rng.Int63n(4e11)-1.6e11, rng.Int63n(1e9)),
	}
	row.Time = row.Time.In(time.FixedZone("", 60*(rng.Intn(1561)-720)))
	if year := row.Time.Year(); year < 2 || year > 9998 {
		row.Time = time.Time{}
	}
	if rng.Intn(3) > 0 { // else nil, which Go marks as null whatever the schema says
		row.Bytes = []byte(text())
		row.Strings = []string{text(), text()}[:rng.Intn(3)]
		row.Pointers = []*string{pointer(), pointer()}
		row.Map = map[string]uint16{}
		row.Inners = []Inner{{text(), 1}, {"b", 2}}[:rng.Intn(3)]
	}
	if row.Map != nil && rng.Intn(2) == 0 {
		row.Map[text()] = uint16(bits())
	}
	return row
}

// ---- records, by the table of worker/records/README.md ----

func record(row Every) string {
	columns := []string{
		`"int":` + integer(int64(row.Int)),
		`"int8":` + integer(int64(row.Int8)),
		`"uint":` + integer(int64(row.Uint)),
		`"uint8":` + integer(int64(row.Uint8)),
		`"uint16":` + integer(int64(row.Uint16)),
		`"uint32":` + integer(int64(row.Uint32)),
		`"uint64":` + integer(int64(row.Uint64)),
		`"int64":` + integer(row.Int64),
		`"float32":` + real(float64(row.Float32), 32),
		`"float64":` + real(row.Float64, 64),
		`"string":` + text(row.String),
		`"bool":` + strconv.FormatBool(row.Bool),
		`"bytes":` + bytesText(row.Bytes),
		`"strings":` + list(row.Strings == nil, row.Strings, text),
		`"doubles":` + list(false, row.Doubles[:], func(value float64) string { return real(value, 64) }),
		`"pointers":` + list(row.Pointers == nil, row.Pointers, optional),
		`"map":` + entries(row.Map),
		`"pointer":` + optional(row.Pointer),
		`"inner":` + inner(row.Inner),
		`"inners":` + list(row.Inners == nil, row.Inners, inner),
		`"time":"` + row.Time.UTC().Format("2006-01-02T15:04:05.000000000Z") + `"`,
	}
	return "{" + strings.Join(columns, ",") + "}"
}

func integer(value int64) string {
	if value > 1<<53-1 || value < -(1<<53-1) {
		return fmt.Sprintf(`"%d"`, value)
	}
	return strconv.FormatInt(value, 10)
}

// All our reals are short: eighths and hundredths.
func real(value float64, bits int) string {
	written := strconv.FormatFloat(value, 'f', -1, bits)
	if !strings.Contains(written, ".") {
		written += ".0"
	}
	return written
}

func text(value string) string {
	var quoted strings.Builder
	for _, r := range value {
		switch {
		case r == '"' || r == '\\':
			quoted.WriteString(`\` + string(r))
		case r < 0x20:
			fmt.Fprintf(&quoted, `\u%04x`, r)
		default:
			quoted.WriteRune(r)
		}
	}
	return `"` + quoted.String() + `"`
}

func bytesText(value []byte) string {
	if value == nil {
		return "null"
	}
	return `"` + base64.StdEncoding.EncodeToString(value) + `"`
}

func optional(value *string) string {
	if value == nil {
		return "null"
	}
	return text(*value)
}

func inner(value Inner) string {
	return `{"name":` + text(value.Name) + `,"size":` + integer(int64(value.Size)) + "}"
}

func list[T any](null bool, values []T, write func(T) string) string {
	if null {
		return "null"
	}
	items := make([]string, len(values))
	for i, value := range values {
		items[i] = write(value)
	}
	return "[" + strings.Join(items, ",") + "]"
}

// One entry at most.
func entries(values map[string]uint16) string {
	if values == nil {
		return "null"
	}
	written := "{"
	for key, value := range values {
		written += text(key) + ":" + integer(int64(value))
	}
	return written + "}"
}
