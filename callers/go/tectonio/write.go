package tectonio

import (
	"context"
	"fmt"
	"reflect"
	"sync"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/typex"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/log"
)

const writtenTag = "written"

// Result is what a write gives back.
type Result struct {
	// Written has one [Written] for each request that Tecton acknowledged, so that later steps can wait for the write.
	Written beam.PCollection
	// FailedRows has one [FailedRow] for each row that was refused. It is not valid without [ErrorHandling].
	FailedRows beam.PCollection
}

// Write writes rows, a PCollection of structs, to the stream source that the config names:
//
//	tectonio.Write(s, tectonio.Config{
//		TectonInstance:   "acme.tecton.ai",
//		APIKey:           "env:TECTON_API_KEY",
//		WorkspaceName:    "prod",
//		StreamSourceName: "purchases",
//	}, purchases, tectonio.MaxRetries(5))
//
// Options, and types of the rows, are checked now. Like other Beam transforms it panics when they are refused; [TryWrite] gives
// the error back.
func Write(s beam.Scope, config Config, rows beam.PCollection, options ...Option) Result {
	result, err := TryWrite(s, config, rows, options...)
	if err != nil {
		panic(err)
	}
	return result
}

// TryWrite is [Write] with the error given back: which option or which field of the rows was refused, and what to change. A
// pipeline to which a write could not be added cannot be run.
func TryWrite(s beam.Scope, config Config, rows beam.PCollection, options ...Option) (Result, error) {
	result, err := tryWrite(s, config, rows, options)
	if err != nil {
		return Result{}, fmt.Errorf("tectonio.Write: %w", err)
	}
	return result, nil
}

func tryWrite(s beam.Scope, config Config, rows beam.PCollection, options []Option) (Result, error) {
	if !s.IsValid() {
		return Result{}, fmt.Errorf("the scope is not valid. Give p.Root() or a scope made from it")
	}
	given, err := newSettings(config, options)
	if err != nil {
		return Result{}, err
	}
	row, err := checkRows(rows)
	if err != nil {
		return Result{}, err
	}
	outputs := map[string]beam.FullType{writtenTag: typex.New(reflect.TypeFor[Written]())}
	var failed registeredRow
	tag := given.errorOutput()
	if tag != "" && tag != writtenTag { // the service says why not
		if failed, err = lookupRow(row); err != nil {
			return Result{}, err
		}
		outputs[tag] = typex.New(failed.failed)
	}
	warnOfLiteral(config.APIKey)
	call := &expansionCall{address: given.expansionAddress}
	if call.payload, err = given.payload(); err != nil {
		return Result{}, err
	}
	if call.address == "" {
		if call.service, err = sharedService(config.APIKey.environmentVariable()); err != nil {
			return Result{}, err
		}
		call.address = call.service.address
	}
	s = s.Scope("tectonio.Write")
	made, err := expand(s, call, rows, outputs)
	if err != nil {
		return Result{}, err
	}
	result := Result{Written: made[writtenTag]}
	if failed.typed != nil {
		result.FailedRows = beam.ParDo(s, failed.typed, made[tag])
	}
	return result, nil
}

var warnOnce sync.Once

func warnOfLiteral(key Secret) {
	if key.isReference() {
		return
	}
	warnOnce.Do(func() {
		log.Warn(context.Background(), "tectonio.Write: APIKey was given as the key itself, so the key is part of the pipeline's "+
			"definition and whoever may read the job can read it. Prefer a reference, which the worker resolves: \"env:NAME\", "+
			"\"file:/path/to/key\", or a Google secret.")
	})
}
