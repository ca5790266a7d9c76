package tectonio

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program writes a shell script to be found as beam-tecton.
func program(t *testing.T, folder, body string) string {
	t.Helper()
	path := filepath.Join(folder, binaryName)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func findError(t *testing.T) string {
	t.Helper()
	path, err := findBinary()
	if err == nil {
		t.Fatalf("found %s", path)
	}
	return err.Error()
}

func TestTheVariableNamesTheProgram(t *testing.T) {
	folder := t.TempDir()
	path := program(t, folder, "exit 0")
	t.Setenv(binaryVariable, path)
	if found, err := findBinary(); err != nil || found != path {
		t.Errorf("%s %v", found, err)
	}
	t.Setenv(binaryVariable, filepath.Join(folder, "none"))
	if text := findError(t); !strings.Contains(text, "there is no file") || !strings.Contains(text, binaryVariable) {
		t.Error(text)
	}
	t.Setenv(binaryVariable, folder)
	if text := findError(t); !strings.Contains(text, "is not a file") {
		t.Error(text)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(binaryVariable, path)
	if text := findError(t); !strings.Contains(text, "chmod +x "+path) {
		t.Error(text)
	}
}

func TestWithoutTheVariableThePlacesAreSoughtInOrder(t *testing.T) {
	t.Setenv(binaryVariable, "")
	places := binaryPlaces()
	if len(places) != 2 || !strings.HasSuffix(places[1].path, "bazel-bin/worker/beam-tecton") {
		t.Errorf("%v", places)
	}
	if _, err := os.Stat(places[1].path); err == nil {
		if found, err := findBinary(); err != nil || found != places[1].path {
			t.Errorf("%s %v", found, err)
		}
		return
	}
	folder := t.TempDir()
	t.Setenv("PATH", folder)
	text := findError(t)
	for _, word := range []string{binaryVariable + " (not set)", "beside this program", "in PATH", "bazel build"} {
		if !strings.Contains(text, word) {
			t.Errorf("%q is not in %s", word, text)
		}
	}
	path := program(t, folder, "exit 0")
	if found, err := findBinary(); err != nil || found != path {
		t.Errorf("%s %v", found, err)
	}
}

func TestAnotherVersionIsRefusedWithBoth(t *testing.T) {
	for body, words := range map[string][]string{
		"echo beam-tecton 9.8.7": {"version 9.8.7", "version " + Version},
		"echo something else":    {"is not beam-tecton", "something else"},
		"exit 3":                 {"did not say its version", "exit status 3"},
	} {
		t.Setenv(binaryVariable, program(t, t.TempDir(), body))
		text := refused(t, whole, event(1, nil))
		for _, word := range append(words, binaryVariable) {
			if !strings.Contains(text, word) {
				t.Errorf("%q: %q is not in %s", body, word, text)
			}
		}
	}
}

func TestAServiceThatEndsAtOnceIsQuoted(t *testing.T) {
	_, err := startService(program(t, t.TempDir(), "echo 'ERROR no port left' >&2; exit 4"))
	if err == nil || !strings.Contains(err.Error(), "exit status 4") || !strings.Contains(err.Error(), "no port left") {
		t.Error(err)
	}
}

func TestAServiceWhoseWorkersOutliveItHasEnded(t *testing.T) {
	service, err := startService(program(t, t.TempDir(), "sleep 3 & echo listening on localhost:7; echo WARN last words >&2; sleep 0.1; exit 5"))
	if err != nil {
		t.Fatal(err)
	}
	<-service.exited
	if service.running() {
		t.Error("it counts as running")
	}
	<-service.ended
	if service.exit.ExitCode() != 5 || !strings.Contains(service.lastLines(), "last words") {
		t.Errorf("%v %s", service.exit, service.lastLines())
	}
}

func TestTheServiceEndsWithItsInput(t *testing.T) {
	service, err := startService(program(t, t.TempDir(), "echo listening on localhost:7; cat; exit 0"))
	if err != nil || service.address != "localhost:7" {
		t.Fatal(service.address, err)
	}
	if err := service.input.Close(); err != nil { // as the end of this process would
		t.Fatal(err)
	}
	select {
	case <-service.ended:
	case <-time.After(5 * time.Second):
		t.Error("it runs on")
		service.stop()
	}
}

func TestOneServiceForAllUntilTheVariableOfTheKeyChanges(t *testing.T) {
	t.Setenv(binaryVariable, program(t, t.TempDir(),
		fmt.Sprintf("[ $1 = version ] && echo beam-tecton %s && exit; echo listening on localhost:7; cat", Version)))
	t.Cleanup(stopServices)
	t.Setenv("TECTONIO_A", "1")
	shared := func(variable string) *localService {
		service, err := sharedService(variable)
		if err != nil {
			t.Fatal(err)
		}
		return service
	}
	first := shared("TECTONIO_A")
	if shared("") != first || shared("TECTONIO_A") != first || shared("TECTONIO_UNSET") != first {
		t.Error("a second service was started")
	}
	t.Setenv("TECTONIO_A", "2")
	second := shared("TECTONIO_A")
	if second == first || shared("TECTONIO_A") != second {
		t.Error("the new value reaches no service")
	}
	if !first.running() {
		t.Error("the pipelines that use the first one lost it")
	}
	if err := second.command.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-second.ended
	if shared("TECTONIO_A") == second {
		t.Error("a service that ended is handed out")
	}
}
