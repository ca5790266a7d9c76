package tectonio

import (
	"errors"
	"fmt"
	"strings"
)

// Config says where to write, and with which key. All fields but one are required: TectonInstance may be empty when
// [EndpointURL] is given.
type Config struct {
	// TectonInstance is the host name of the Tecton account, for example "acme.tecton.ai": no scheme, no path.
	TectonInstance string
	// APIKey is the key of a service account with the role Editor on the workspace, best as a reference that the worker
	// resolves: "env:NAME" (a variable of the worker's environment), "file:/path" (a file on the worker's machine), or
	// "type:GcpSecret;version_name:projects/.../versions/...". The key itself works too, with a warning, since it has to
	// travel in the pipeline's definition. It is never printed.
	APIKey Secret
	// WorkspaceName is the live workspace that holds the stream source.
	WorkspaceName string
	// StreamSourceName is the stream source that takes the rows.
	StreamSourceName string
}

// Secret is a text that fmt does not print.
type Secret string

const hidden = "(hidden)"

// String is the same for every secret.
func (Secret) String() string { return hidden }

// GoString is the same for every secret.
func (Secret) GoString() string { return hidden }

// The spellings of a reference that the worker knows. Whatever else a text says is taken for the key itself.
var referencePrefixes = []string{"env:", "file:", "type:"}

func (s Secret) isReference() bool {
	for _, prefix := range referencePrefixes {
		if strings.HasPrefix(string(s), prefix) {
			return true
		}
	}
	return false
}

// environmentVariable is the name in env:NAME, else empty.
func (s Secret) environmentVariable() string {
	name, found := strings.CutPrefix(string(s), "env:")
	if !found {
		return ""
	}
	return name
}

// settings is a Config with its Options.
type settings struct {
	names            []string // in the order given
	values           map[string]any
	expansionAddress string
	errs             []error
}

// add notes an option once. Zero values are given values: BatchSize(0) is out of range and not the default.
func (s *settings) add(name string, value any) {
	for _, given := range s.names {
		if folded(given) == folded(name) {
			s.errs = append(s.errs, fmt.Errorf("option %s is given twice. Leave one of them out", given))
			return
		}
	}
	s.names = append(s.names, name)
	s.values[name] = value
}

// folded is an option's name as the service compares it.
func folded(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, "_", ""))
}

const needs = "Write needs APIKey, WorkspaceName, StreamSourceName, and TectonInstance or the option EndpointURL"

// newSettings checks presence and names; ranges, choices and combinations are checked by the expansion service, whose table is
// the only place that has them.
func newSettings(config Config, options []Option) (*settings, error) {
	s := &settings{values: map[string]any{}}
	required := []struct {
		field, name, value string
	}{
		{"APIKey", "api_key", string(config.APIKey)},
		{"WorkspaceName", "workspace_name", config.WorkspaceName},
		{"StreamSourceName", "stream_source_name", config.StreamSourceName},
	}
	if config.TectonInstance != "" {
		s.add("tecton_instance", config.TectonInstance)
	}
	for _, one := range required {
		if one.value == "" {
			s.errs = append(s.errs, fmt.Errorf("%s is missing. %s", one.field, needs))
			continue
		}
		s.add(one.name, one.value)
	}
	for _, option := range options {
		if option == nil {
			s.errs = append(s.errs, errors.New("an option is nil. Leave it out"))
			continue
		}
		option(s)
	}
	if config.TectonInstance == "" && s.values["endpoint_url"] == nil {
		s.errs = append(s.errs, fmt.Errorf("TectonInstance is missing. %s", needs))
	}
	return s, errors.Join(s.errs...)
}

// errorOutput is the tag of the output that takes refused rows; empty when they fail their bundle.
func (s *settings) errorOutput() string {
	tag, _ := s.values[errorOutputOption].(string)
	return tag
}
