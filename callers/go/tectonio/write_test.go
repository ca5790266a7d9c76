package tectonio

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/mtime"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
)

// Place is a struct in a row.
type Place struct {
	City string `beam:"city"`
}

// Event has the columns of the source events.
type Event struct {
	UserID    string    `beam:"user_id"`
	Amount    *float64  `beam:"amount"`
	Count     int       `beam:"count"`
	Tags      []string  `beam:"tags"`
	Place     Place     `beam:"place"`
	EventTime time.Time `beam:"event_time"`
}

// Unregistered is a row type that RegisterRow was not called for.
type Unregistered struct {
	UserID string `beam:"user_id"`
}

// Hidden has a field that Beam does not see.
type Hidden struct {
	UserID string
	secret string
}

// Channels has a field that is no value.
type Channels struct {
	UserID string
	News   chan string
}

// seen collects what typed steps got. They run in this process, since Prism runs in it too.
var seen struct {
	sync.Mutex
	written []Written
	failed  []FailedRow[Event]
}

func noteWritten(written Written) {
	seen.Lock()
	defer seen.Unlock()
	seen.written = append(seen.written, written)
}

func noteFailed(failed FailedRow[Event]) {
	seen.Lock()
	defer seen.Unlock()
	seen.failed = append(seen.failed, failed)
}

func init() {
	RegisterRow[Event]()
	register.Function1x0(noteWritten)
	register.Function1x0(noteFailed)
}

func resetSeen(t *testing.T) {
	t.Helper()
	seen.Lock()
	defer seen.Unlock()
	seen.written, seen.failed = nil, nil
}

func amount(value float64) *float64 { return &value }

func event(n int, sum *float64) Event {
	return Event{fmt.Sprintf("user-%d", n), sum, -n, []string{"a", "b"}, Place{"Köln"},
		time.Unix(1_700_000_000+int64(n), 500_000_000).UTC()}
}

func configFor(string) Config {
	return Config{APIKey: "env:" + testKeyVariable, WorkspaceName: "prod", StreamSourceName: "events"}
}

func TestRowsArriveWithNullsTimesAndNestedValues(t *testing.T) {
	useBuiltBinary(t)
	resetSeen(t)
	tecton := startEmulator(t)
	pipeline, s := beam.NewPipelineWithRoot()
	rows := beam.Create(s, event(1, amount(1.5)), event(2, nil), event(3, amount(-0.25)))
	result := Write(s, configFor(tecton.url), rows, EndpointURL(tecton.url+"/ingest"), TimestampField("event_time"))
	if result.FailedRows.IsValid() {
		t.Error("there is an output for refused rows that nobody asked for")
	}
	beam.ParDo0(s, noteWritten, result.Written)
	if _, err := beam.Run(context.Background(), "prism", pipeline); err != nil {
		t.Fatal(err)
	}
	stored := tecton.rows(t)
	want := map[string]any{"user_id": "user-3", "amount": -0.25, "count": "-3", "tags": []any{"a", "b"},
		"place": map[string]any{"city": "Köln"}, "event_time": "2023-11-14T22:13:23.500Z"}
	if len(stored) != 3 || fmt.Sprint(stored["user-3"]) != fmt.Sprint(want) {
		t.Errorf("stored %v\nwant 3 rows, one of them %v", stored, want)
	}
	if value, there := stored["user-2"]["amount"]; !there || value != nil {
		t.Errorf("the nil pointer became %v", value)
	}
	records := int64(0)
	for _, written := range seen.written {
		records += written.Records
		// beam.Create gives its elements Beam's smallest event time.
		if written.Status != 200 || written.FirstEventTime.Time().UnixMilli() != int64(mtime.MinTimestamp) ||
			written.LastEventTime != written.FirstEventTime {
			t.Errorf("written holds %+v", written)
		}
	}
	if records != 3 {
		t.Errorf("written has %d records, not 3", records)
	}
}

func TestRefusedRowsAreTypedAndTheOthersArrive(t *testing.T) {
	useBuiltBinary(t)
	for _, pointers := range []bool{false, true} {
		resetSeen(t)
		tecton := startEmulator(t)
		pipeline, s := beam.NewPipelineWithRoot()
		good, bad := event(1, amount(1)), event(2, amount(math.NaN()))
		rows := beam.Create(s, good, bad)
		if pointers {
			rows = beam.Create(s, &good, &bad)
		}
		result := Write(s, configFor(tecton.url), rows, EndpointURL(tecton.url+"/ingest"), ErrorHandling("errors"),
			ErrorHandlingThreshold(0.9))
		beam.ParDo0(s, noteFailed, result.FailedRows)
		if _, err := beam.Run(context.Background(), "prism", pipeline); err != nil {
			t.Fatal(err)
		}
		if stored := tecton.rows(t); len(stored) != 1 || stored["user-1"] == nil {
			t.Errorf("stored %v, not user-1 alone", stored)
		}
		if len(seen.failed) != 1 {
			t.Fatalf("%d refused rows, not 1", len(seen.failed))
		}
		failed := seen.failed[0]
		if failed.Row.UserID != "user-2" || !math.IsNaN(*failed.Row.Amount) || !failed.Row.EventTime.Equal(bad.EventTime) ||
			failed.Row.Place.City != "Köln" || !slices.Equal(failed.Row.Tags, bad.Tags) {
			t.Errorf("the refused row is %+v", failed.Row)
		}
		if !strings.Contains(failed.ErrorMessage, "amount") || failed.PossiblyStored {
			t.Errorf("refused as %+v", failed)
		}
	}
}

func TestTwoWritesInOnePipelineShareOneService(t *testing.T) {
	useBuiltBinary(t)
	tecton := startEmulator(t)
	pipeline, s := beam.NewPipelineWithRoot()
	for n := range 2 {
		Write(s, configFor(tecton.url), beam.Create(s, event(n, nil)), EndpointURL(tecton.url+"/ingest"))
	}
	if len(services) != 1 {
		t.Errorf("%d services run, not 1", len(services))
	}
	if _, err := beam.Run(context.Background(), "prism", pipeline); err != nil {
		t.Fatal(err)
	}
	if stored := tecton.rows(t); len(stored) != 2 {
		t.Errorf("stored %v", stored)
	}
}

// refused is the error that a write of one row with these options and this config gives.
func refused(t *testing.T, config Config, row any, options ...Option) string {
	t.Helper()
	_, s := beam.NewPipelineWithRoot()
	_, err := TryWrite(s, config, beam.Create(s, row), options...)
	if err == nil {
		t.Fatal("it was not refused")
	}
	return err.Error()
}

func TestTheServiceRefusesAtConstructionAndNamesTheOption(t *testing.T) {
	useBuiltBinary(t)
	config := configFor("")
	config.TectonInstance = "acme.tecton.ai"
	for _, one := range []struct {
		name   string
		option Option
		words  []string
	}{
		{"misspelt", Set("batch_sise", 5), []string{"batch_sise", "batch_size"}},
		{"out of range", BatchSize(11), []string{"batch_size", "1 to 10"}},
		{"no such choice", NonFinite("zero"), []string{"non_finite", "reject, null, string"}},
		{"wrong type", Set("timeout", "soon"), []string{"timeout"}},
		{"no such column", TimestampField("when"), []string{"timestamp_field", "when"}},
		{"image missing", EnvironmentType("DOCKER"), []string{"container_image"}},
		{"tag taken", ErrorHandling("written"), []string{"error_handling.output"}},
	} {
		text := refused(t, config, event(1, nil), one.option)
		for _, word := range one.words {
			if !strings.Contains(text, word) {
				t.Errorf("%s: %q does not say %q", one.name, text, word)
			}
		}
		if strings.Contains(text, "ExpansionRequest") || strings.Count(text, "\n") > 2 {
			t.Errorf("%s: the request is part of the error: %s", one.name, text)
		}
	}
}

func TestALiteralKeyIsInNoError(t *testing.T) {
	useBuiltBinary(t)
	config := Config{"acme.tecton.ai", "a-very-secret-key", "prod", "events"}
	text := refused(t, config, event(1, nil), BatchSize(11))
	text += refused(t, config, event(1, nil), ExpansionService("localhost:1"))
	text += fmt.Sprintf("%v %+v %#v %s", config, config, config, config.APIKey)
	if strings.Contains(text, "very-secret") {
		t.Errorf("the key is in %s", text)
	}
}

func TestAnAddressWhereNothingListensIsNamed(t *testing.T) {
	text := refused(t, Config{"i", "env:K", "w", "s"}, event(1, nil), ExpansionService("localhost:1"))
	if !strings.Contains(text, "localhost:1 did not answer") || !strings.Contains(text, "Check that it runs") {
		t.Error(text)
	}
}

func TestAServiceThatRunsIsUsed(t *testing.T) {
	binary := useBuiltBinary(t)
	service, err := startService(binary, "expansion-service", "--port", "0", "--exit-with-stdin")
	if err != nil {
		t.Fatal(err)
	}
	defer service.stop()
	t.Setenv(binaryVariable, filepath.Join(t.TempDir(), "none"))
	_, s := beam.NewPipelineWithRoot()
	config := Config{"acme.tecton.ai", "env:K", "prod", "events"}
	if _, err := TryWrite(s, config, beam.Create(s, event(1, nil)), ExpansionService(service.address)); err != nil {
		t.Error(err)
	}
}

func TestAFieldThatBeamDoesNotSeeIsRefusedWithTheFix(t *testing.T) {
	text := refused(t, whole, Hidden{"u", "s"}, ExpansionService("localhost:1"))
	for _, word := range []string{"Hidden.secret is not exported", "capital letter", `beam:"secret"`} {
		if !strings.Contains(text, word) {
			t.Errorf("%q is not in %s", word, text)
		}
	}
}

// Beam refuses such a type where its PCollection is made, without the field.
func TestAFieldThatIsNoValueIsRefusedWhereTheRowIsRegistered(t *testing.T) {
	defer func() {
		text := fmt.Sprint(recover())
		for _, word := range []string{"tectonio.RegisterRow: field tectonio.Channels.News is a chan string", "Convert it to a plain type"} {
			if !strings.Contains(text, word) {
				t.Errorf("%q is not in %s", word, text)
			}
		}
	}()
	RegisterRow[Channels]()
}

func TestErrorHandlingNeedsARegisteredRow(t *testing.T) {
	text := refused(t, Config{"i", "env:K", "w", "s"}, Unregistered{"u"}, ErrorHandling("errors"))
	if !strings.Contains(text, "func init() { tectonio.RegisterRow[tectonio.Unregistered]() }") {
		t.Error(text)
	}
}

func TestWritePanicsWithTheSameError(t *testing.T) {
	defer func() {
		if text := fmt.Sprint(recover()); !strings.Contains(text, "APIKey is missing") {
			t.Error(text)
		}
	}()
	_, s := beam.NewPipelineWithRoot()
	Write(s, Config{TectonInstance: "i"}, beam.Create(s, event(1, nil)))
}
