package tectonio

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var whole = Config{"acme.tecton.ai", "env:K", "prod", "events"}

func settingsError(config Config, options ...Option) string {
	if _, err := newSettings(config, options); err != nil {
		return err.Error()
	}
	return ""
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	for name, config := range map[string]Config{
		"TectonInstance":   {"", "env:K", "w", "s"},
		"APIKey":           {"i", "", "w", "s"},
		"WorkspaceName":    {"i", "env:K", "", "s"},
		"StreamSourceName": {"i", "env:K", "w", ""},
	} {
		if text := settingsError(config); !strings.HasPrefix(text, name+" is missing. Write needs") {
			t.Errorf("%s: %q", name, text)
		}
	}
	all := settingsError(Config{})
	if strings.Count(all, "is missing") != 4 {
		t.Errorf("not all at once: %q", all)
	}
	if text := settingsError(Config{"", "env:K", "w", "s"}, EndpointURL("https://x/ingest")); text != "" {
		t.Errorf("with EndpointURL no instance is needed: %q", text)
	}
	if text := settingsError(Config{"", "env:K", "w", "s"}, Set("EndpointUrl", "https://x/ingest")); text != "" {
		t.Errorf("nor with its other spelling: %q", text)
	}
}

func TestAnOptionIsGivenOnce(t *testing.T) {
	for _, options := range [][]Option{
		{BatchSize(3), BatchSize(3)}, {BatchSize(3), Set("BatchSize", 4)}, {Set("tecton_instance", "other")},
	} {
		if text := settingsError(whole, options...); !strings.Contains(text, "is given twice") {
			t.Errorf("%q", text)
		}
	}
}

func TestSetTakesPlainValuesAndNames(t *testing.T) {
	type named string
	given, err := newSettings(whole, []Option{Set("proxy", named("none")), Set("batch_size", uint8(3))})
	if err == nil || !strings.Contains(err.Error(), "batch_size is a uint8") {
		t.Errorf("%v", err)
	}
	if given.values["proxy"] != "none" {
		t.Errorf("%v", given.values)
	}
	for _, value := range []any{nil, []string{"a"}, struct{}{}, 'x', 2.5} {
		text := settingsError(whole, Set("x", value))
		if plain := reflect.ValueOf(value).IsValid() && (reflect.ValueOf(value).CanInt() || reflect.ValueOf(value).CanFloat()); plain != (text == "") {
			t.Errorf("%v: %q", value, text)
		}
	}
	for _, name := range []string{"", "batch size", "a,b", "a\"b"} {
		if text := settingsError(whole, Set(name, 1)); !strings.Contains(text, "is not the name of an option") {
			t.Errorf("%q: %q", name, text)
		}
	}
	if text := settingsError(whole, nil); !strings.Contains(text, "an option is nil") {
		t.Errorf("%q", text)
	}
}

// everyOption calls each of the functions.
func everyOption() []Option {
	return []Option{
		BatchSize(1), MaxRetries(1), Timeout(1500 * time.Millisecond), EndpointURL("x"), DryRun(true), LingerMS(1), MaxInFlight(1),
		MaxRecordsPerSecond(1), MaxRetrySeconds(1), ErrorHandling("x"), ErrorHandlingThreshold(0.5), OnExhausted("x"), Preflight("x"),
		StartupGraceSeconds(1), TimestampField("x"), KeyFields("x", "y"), TimestampFromElement("x"), Int64Encoding("x"), NonFinite("x"),
		BytesEncoding("x"), UnknownLogicalTypes("x"), CAFile("x"), Proxy("x"), AllowInsecure(true), EnvironmentType("x"),
		EnvironmentConfig("x"), ContainerImage("x"), WorkerCommand("x"),
	}
}

func TestTheOptionsAreThoseOfTheProgram(t *testing.T) {
	binary := builtProgram(t, filepath.Join("worker", binaryName))
	printed, err := exec.Command(binary, "options", "--format=json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var table []struct{ Name, Type string }
	if err := json.Unmarshal(printed, &table); err != nil {
		t.Fatal(err)
	}
	given, err := newSettings(whole, everyOption())
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]any{"text": "", "choice": "", "integer": int64(0), "number": 0.0, "flag": false}
	for _, option := range table {
		value, there := given.values[option.Name]
		if !there || reflect.TypeOf(value) != reflect.TypeOf(types[option.Type]) {
			t.Errorf("%s is %T here and a %s there", option.Name, value, option.Type)
		}
	}
	if len(table) != len(given.values) {
		t.Errorf("%d options here, %d there: %v", len(given.values), len(table), given.names)
	}
	if given.values["timeout"] != 1.5 || given.values["key_fields"] != "x,y" {
		t.Errorf("%v", given.values)
	}
}

func TestReferencesAreKnownByTheirSpelling(t *testing.T) {
	for text, want := range map[Secret][2]any{
		"env:NAME":                        {true, "NAME"},
		"file:/run/key":                   {true, ""},
		"type:GcpSecret;version_name:p/1": {true, ""},
		"environment":                     {false, ""},
	} {
		if text.isReference() != want[0] || text.environmentVariable() != want[1] {
			t.Errorf("%q: %v %q", string(text), text.isReference(), text.environmentVariable())
		}
	}
}
