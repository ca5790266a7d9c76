package tectonio

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

const (
	binaryName     = "beam-tecton"
	binaryVariable = "BEAM_TECTON_BINARY"

	versionTime = 10 * time.Second // the program prints its version in a millisecond
)

// place is somewhere a program may be, and why.
type place struct {
	path, origin string
}

// findBinary is the path of the native program. The first file found is taken; one that cannot be executed is an error and not
// passed over, so that a broken installation does not run some other version.
func findBinary() (string, error) {
	if named := os.Getenv(binaryVariable); named != "" {
		return checkedBinary(place{named, "the environment variable " + binaryVariable + " names it"})
	}
	places := binaryPlaces()
	for _, one := range places {
		if _, err := os.Stat(one.path); err == nil {
			return checkedBinary(one)
		}
	}
	if path, err := exec.LookPath(binaryName); err == nil {
		return path, nil
	}
	var text strings.Builder
	fmt.Fprintf(&text, "the native program %s was not found. Sought in:\n  the environment variable %s (not set)\n", binaryName,
		binaryVariable)
	for _, one := range places {
		fmt.Fprintf(&text, "  %s (%s; no such file)\n", one.path, one.origin)
	}
	fmt.Fprintf(&text, "  %s in PATH (%s)\nInstall a beam-tecton package that was built for this platform, or build it in a source "+
		"tree with `bazel build //worker:%s`, or set %s to its path", binaryName, os.Getenv("PATH"), binaryName, binaryVariable)
	return "", errors.New(text.String())
}

func binaryPlaces() []place {
	var places []place
	if self, err := os.Executable(); err == nil {
		places = append(places, place{filepath.Join(filepath.Dir(self), binaryName), "beside this program"})
	}
	// callers/go/tectonio/native_binary.go of a source tree; -trimpath leaves no such path.
	if _, source, _, ok := runtime.Caller(0); ok && filepath.IsAbs(source) {
		root := filepath.Join(filepath.Dir(source), "..", "..", "..")
		if _, err := os.Stat(filepath.Join(root, "WORKSPACE")); err == nil {
			places = append(places, place{filepath.Join(root, "bazel-bin", "worker", binaryName), "the source tree's build output"})
		}
	}
	return places
}

func checkedBinary(one place) (string, error) {
	info, err := os.Stat(one.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("there is no file %s (%s). Correct the path, or unset the variable", one.path, one.origin)
	case err != nil:
		return "", fmt.Errorf("%s (%s) cannot be used: %w", one.path, one.origin, err)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s (%s) is not a file. Name the program itself", one.path, one.origin)
	case info.Mode().Perm()&0o111 == 0:
		return "", fmt.Errorf("%s (%s) is not executable. Run: chmod +x %s", one.path, one.origin, one.path)
	}
	return one.path, nil
}

// checkVersion refuses a program of another version than this package's, whose options and outputs may be others.
func checkVersion(binary string) error {
	ctx, cancel := context.WithTimeout(context.Background(), versionTime)
	defer cancel()
	output, err := exec.CommandContext(ctx, binary, "version").Output()
	if err != nil {
		return fmt.Errorf("%s did not say its version: %w. If the file is damaged or built for another machine, reinstall "+
			"beam-tecton or set %s to a working program", binary, err, binaryVariable)
	}
	version, found := strings.CutPrefix(strings.TrimSpace(string(output)), binaryName+" ")
	if !found {
		return fmt.Errorf("%s is not %s: asked for its version, it answered %.60q. Set %s to the right program", binary, binaryName,
			output, binaryVariable)
	}
	if version != Version {
		return fmt.Errorf("%s is version %s, and this package is version %s. Install both of one version, or set %s to a program of "+
			"version %s", binary, version, Version, binaryVariable, Version)
	}
	return nil
}
