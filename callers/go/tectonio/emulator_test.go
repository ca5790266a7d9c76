package tectonio

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	testKeyVariable = "TECTONIO_TEST_KEY"
	testKey         = "editor-key"

	emulatorConfig = `{
		"api_keys": {"editor-key": {"roles": {"prod": "editor"}}},
		"workspaces": {"prod": {"live": true}},
		"stream_sources": {"events": {"workspace": "prod", "timestamp": "event_time", "schema": {
			"user_id": "String", "amount": "Float64", "count": "Int64", "tags": {"array": "String"},
			"place": {"struct": {"city": "String"}}, "event_time": "Timestamp"}}},
		"feature_views": {"latest": {"workspace": "prod", "source": "events", "join_keys": ["user_id"]}}}`
)

// emulator is a running emulator of Tecton, which ends with the test.
type emulator struct {
	url string
}

func startEmulator(t *testing.T) *emulator {
	t.Helper()
	program := builtProgram(t, filepath.Join("tests", "emulator", "beam-tecton-emulator"))
	config := filepath.Join(t.TempDir(), "emulator.json")
	if err := os.WriteFile(config, []byte(emulatorConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, "--config", config, "--port", "0", "--exit-with-stdin")
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		input.Close()
		command.Wait()
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	address, found := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !found {
		t.Fatalf("the emulator said %q (%v)", line, err)
	}
	return &emulator{address}
}

// rows is what the feature view has stored, by user.
func (e *emulator) rows(t *testing.T) map[string]map[string]any {
	t.Helper()
	answer, err := http.Get(e.url + "/__emulator/rows?view=latest&limit=1000")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]any
	if err := json.Unmarshal(body, &rows); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	byUser := map[string]map[string]any{}
	for _, row := range rows {
		byUser[row["user_id"].(string)] = row
	}
	return byUser
}

// builtProgram is a program of the source tree's build; the test is skipped where it is not built.
func builtProgram(t *testing.T, path string) string {
	t.Helper()
	built := filepath.Join("..", "..", "..", "bazel-bin", path)
	if _, err := os.Stat(built); err != nil {
		t.Skipf("not built: run `bazel build //%s:%s`", filepath.Dir(path), filepath.Base(path))
	}
	absolute, err := filepath.Abs(built)
	if err != nil {
		t.Fatal(err)
	}
	return absolute
}

// useBuiltBinary makes the package use the program that the source tree built, in a service that ends with the test.
func useBuiltBinary(t *testing.T) string {
	t.Helper()
	binary := builtProgram(t, filepath.Join("worker", binaryName))
	t.Setenv(binaryVariable, binary)
	t.Setenv(testKeyVariable, testKey)
	t.Cleanup(stopServices)
	return binary
}
